/*
 * What the documents claim is so: each test that docs/security.md names is
 * there, each limit is named in some test, beyond its import, and each
 * dependency of the product, and each package with a script of its own for its
 * installation, in docs/dependencies.md.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';

/** Where the files of docs/security.md are looked for. */
const PLACES = ['', 'chat-node/src/', 'shared/src/', 'discovery-service/src/'];
const SECURITY = 'docs/security.md';
/** Where every exported constant is a bound; elsewhere those are whose names say so. */
const LIMITS = 'shared/src/protocol/limits.ts';
const BOUND = /^(MAX|MIN)_|_(MS|BYTES)$/;
/** Constants among them that bound nothing: names, and the pace of what a node does by itself. */
const NO_BOUND =
  /^(ALPN_PROTOCOL|PEER_PORT|PAGE_PORT|DIAL_COURTESY_MS|RECOUNT_AFTER_MS|REPLICA_\w+|\w+_BACKOFF)$/;

const problems: string[] = [];

/** The code of a file without its imports, in one line for each run of white space. */
function codeOf(path: string): string {
  return readFileSync(path, 'utf8')
    .replace(/^import\s[^;]*;$/gm, '')
    .replace(/\s+/g, ' ');
}

function checkTable(): void {
  const lines = readFileSync(SECURITY, 'utf8').split('\n');
  let rows = 0;
  lines.forEach((line, index) => {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    if (cells.length !== 5 || /^(-+|Threat)$/.test(cells[1] ?? '')) return;
    rows += 1;
    checkShownBy(cells[3] ?? '', `${SECURITY}:${index + 1}`);
  });
  if (rows < 20) problems.push(`${SECURITY}: the table has ${rows} rows; is it still read as it is written?`);
}

/** A cell: files in backticks, each followed by the titles of tests in it, "so" and "so". */
function checkShownBy(cell: string, where: string): void {
  const files = cell.split(/`([^`]+)`/).slice(1);
  if (files.length === 0) problems.push(`${where}: no test is named`);
  for (let at = 0; at < files.length; at += 2) {
    const [file = '', text = ''] = files.slice(at, at + 2);
    const path = PLACES.map((place) => place + file).find((candidate) => existsSync(candidate));
    if (path === undefined) {
      problems.push(`${where}: there is no ${file}`);
      continue;
    }
    const code = codeOf(path);
    for (const [, title = ''] of text.matchAll(/“([^”]+)”/g)) {
      if (!code.includes(title)) problems.push(`${where}: ${file} has no test "${title}"`);
    }
  }
}

function checkLimits(): void {
  const tests = globSync(['{shared,chat-node,discovery-service}/src/**/*.{test,contract}.ts', 'e2e/**/*.ts']);
  const words = new Set(tests.flatMap((path) => codeOf(path).match(/\b[A-Z][A-Z_]+\b/g) ?? []));
  for (const path of globSync('{shared,chat-node,discovery-service}/src/**/*.ts')) {
    if (tests.includes(path)) continue;
    for (const [, name = ''] of readFileSync(path, 'utf8').matchAll(/^export const ([A-Z][A-Z_]+)\b/gm)) {
      const isBound = path === LIMITS || BOUND.test(name);
      if (isBound && !words.has(name) && !NO_BOUND.test(name)) problems.push(`${path}: no test uses ${name}`);
    }
  }
}

function checkDependencies(): void {
  const document = readFileSync('docs/dependencies.md', 'utf8');
  for (const path of globSync('*/package.json')) {
    const { dependencies = {} } = JSON.parse(readFileSync(path, 'utf8')) as {
      dependencies?: Record<string, string>;
    };
    for (const name of Object.keys(dependencies)) {
      if (name.startsWith('@p2p-chat/') || document.includes(`\`${name}\``)) continue;
      problems.push(`docs/dependencies.md does not say why ${path} has ${name}`);
    }
  }
}

/** No package runs its script, so each that has one must do without: docs/dependencies.md says why it can. */
function checkInstallScripts(): void {
  const document = readFileSync('docs/dependencies.md', 'utf8');
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { hasInstallScript?: boolean; integrity?: string; link?: boolean }>;
  };
  for (const [path, { hasInstallScript, integrity, link }] of Object.entries(packages)) {
    const [, name] = path.split(/.*node_modules\//);
    if (name === undefined || link === true) continue;
    if (integrity === undefined) problems.push(`package-lock.json: ${name} is not locked by its hash`);
    if (hasInstallScript === true && !document.includes(`\`${name}\``)) {
      problems.push(`docs/dependencies.md does not say why ${name} needs no install script`);
    }
  }
}

checkTable();
checkLimits();
checkDependencies();
checkInstallScripts();
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
