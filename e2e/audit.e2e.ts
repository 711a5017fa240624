import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { baseEnvironment, type CommandResult, ROOT, RunningProcess, World } from './support/processes.js';

const BULK = '/-/npm/v1/security/advisories/bulk';
const HOLE = {
  id: 1,
  url: 'https://advisories.example/1',
  title: 'Everybody gets in',
  severity: 'high',
  vulnerable_versions: '*',
  cwe: [],
};

const world = new World();
const servers: Server[] = [];
afterEach(async () => {
  servers.splice(0).forEach((server) => server.close());
  await world.close();
});

/** A registry that knows these holes by the names of packages; without them, none that can be asked. */
async function registry(holes?: Record<string, object[]>): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const asks = request.method === 'POST';
      response.writeHead(asks && (holes === undefined || request.url !== BULK) ? 405 : 200);
      response.end(
        JSON.stringify(asks ? (holes ?? {}) : versionsOf(decodeURIComponent(request.url?.slice(1) ?? ''))),
      );
    });
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** What a registry says of a package, as if there were the installed version alone. */
function versionsOf(name: string): object {
  const installed = readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8');
  const { version } = JSON.parse(installed) as { version: string };
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { name, version } } };
}

/** What `make audit` runs. */
async function audit(url: string, ...args: string[]): Promise<CommandResult> {
  const env = { ...baseEnvironment(), npm_config_registry: url, npm_config_cache: await world.folder() };
  const child = spawn(process.execPath, [join(ROOT, 'scripts/audit.ts'), ...args], { cwd: ROOT, env });
  const run = new RunningProcess('audit', child);
  const status = await run.exited;
  return { status, stdout: run.stdout, stderr: run.stderr };
}

describe('make audit', () => {
  it('passes where no hole is known, and names those that are', async () => {
    const clean = await audit(await registry({}));
    expect(clean.status, clean.stderr).toBe(0);
    expect(clean.stdout).toMatch(/^0 of \d{2,} production packages have known holes\n$/);

    const found = await audit(await registry({ 'eventsource-parser': [HOLE] }), '--if-answered');
    expect(found.status).toBe(1);
    expect(found.stderr).toContain('high: eventsource-parser *: Everybody gets in');
    // Those that are for development alone are not in the product.
    expect(await audit(await registry({ vitest: [HOLE] }))).toMatchObject({ status: 0 });
  });

  it('says that nothing is known where the registry does not answer, and fails unless that is expected', async () => {
    const url = await registry();
    const refused = await audit(url);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain('NOT CHECKED');
    expect(refused.stderr).toContain('405');
    expect(await audit(url, '--if-answered')).toMatchObject({ status: 0, stderr: refused.stderr });
  });
});
