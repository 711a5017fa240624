import { spawnSync } from 'node:child_process';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ROOT, runCli, World } from './support/processes.js';

const world = new World();
afterEach(() => world.close());

const SOURCES = ['shared/src', 'discovery-service/src', 'chat-node/src', 'web/src'];

interface Violation {
  rule: string;
  from: string;
  to: string;
}

/** Runs the import check as `make lint` does, on a tree of the house's form. */
function importViolations(root: string): Violation[] {
  const cruise = spawnSync(
    join(ROOT, 'node_modules/.bin/depcruise'),
    ['--config', '.dependency-cruiser.js', '--output-type', 'json', ...SOURCES],
    { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  expect(cruise.stderr).toBe('');
  const { summary } = JSON.parse(cruise.stdout) as {
    summary: { violations: { from: string; to: string; rule: { name: string; severity: string } }[] };
  };
  return summary.violations
    .filter((violation) => violation.rule.severity === 'error')
    .map((violation) => ({ rule: violation.rule.name, from: violation.from, to: violation.to }));
}

/** A small tree with the house's own rules and settings, and these files on top. */
async function house(files: Record<string, string>): Promise<string> {
  const root = await world.folder('house');
  for (const name of [
    '.dependency-cruiser.js',
    'package.json',
    'tsconfig.base.json',
    'tsconfig.check.json',
  ]) {
    await cp(join(ROOT, name), join(root, name));
  }
  await mkdir(join(root, 'node_modules/@p2p-chat'), { recursive: true });
  await symlink(join(root, 'shared'), join(root, 'node_modules/@p2p-chat/shared'));
  await symlink(join(ROOT, 'node_modules/@nestjs'), join(root, 'node_modules/@nestjs'));
  const all: Record<string, string> = {
    'shared/package.json': await readFile(join(ROOT, 'shared/package.json'), 'utf8'),
    'shared/src/index.ts': "export * from './clock.js';\n",
    'shared/src/clock.ts': 'export class Clock {}\n',
    'discovery-service/src/main.ts': "import '@p2p-chat/shared';\n",
    'shared/src/protocol/batch.ts': "import '../clock.js';\n",
    'shared/src/control/views.ts': "import '../protocol/batch.js';\n",
    'shared/src/client/api.ts': "import '../control/views.js';\n",
    'shared/src/node/settings.ts': "import 'node:fs';\n",
    'web/src/main.ts': "import '../../shared/src/client/api.js';\n",
    'chat-node/src/app.module.ts':
      "import './transport/gateway.js';\nimport './storage/sqlite/store.js';\nimport './core/outbox.js';\n",
    'chat-node/src/core/outbox.ts':
      "import { Clock } from '@p2p-chat/shared';\nimport './ports/port.js';\nexport const clock = new Clock();\n",
    'chat-node/src/core/ports/port.ts': 'export abstract class Port {}\n',
    'chat-node/src/transport/gateway.ts': "import '../core/ports/port.js';\nimport 'node:tls';\n",
    'chat-node/src/discovery/registry.ts': "import '../core/ports/port.js';\n",
    'chat-node/src/storage/sqlite/store.ts': "import '../../core/ports/port.js';\n",
    'chat-node/src/storage/mongo/store.ts': "import '../../core/ports/port.js';\n",
    'chat-node/src/storage/memory/store.ts': "import '../../core/ports/port.js';\n",
    'chat-node/src/profile/profile.ts': "import '@p2p-chat/shared';\n",
    'chat-node/src/control-api/controller.ts': "import '../core/outbox.js';\n",
    'chat-node/src/notify/hook.ts': "import '../core/ports/port.js';\n",
    'chat-node/src/console/menu.ts': "import '@p2p-chat/shared';\n",
    'chat-node/src/commands/daemon.ts': "import '../app.module.js';\n",
    'chat-node/src/commands/send.ts':
      "import '@p2p-chat/shared';\nimport '../console/menu.js';\nimport '../profile/profile.js';\n",
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}

// For each rule, one file that breaks it.
const breaches: Record<string, { file: string; imports: string }> = {
  'no-circular': { file: 'chat-node/src/core/ports/port.ts', imports: '../outbox.js' },
  'core-imports-only-shared': { file: 'chat-node/src/core/breach.ts', imports: 'node:fs' },
  'adapter-notify-stands-alone': {
    file: 'chat-node/src/notify/hook.ts',
    imports: '../control-api/controller.js',
  },
  'adapter-blobs-stands-alone': {
    file: 'chat-node/src/blobs/breach.ts',
    imports: '../transport/gateway.js',
  },
  'adapter-transport-stands-alone': {
    file: 'chat-node/src/transport/breach.ts',
    imports: '../storage/sqlite/store.js',
  },
  'adapter-discovery-stands-alone': {
    file: 'chat-node/src/discovery/breach.ts',
    imports: '../transport/gateway.js',
  },
  'adapter-storage-mongo-stands-alone': {
    file: 'chat-node/src/storage/mongo/breach.ts',
    imports: '../sqlite/store.js',
  },
  'adapter-storage-sqlite-stands-alone': {
    file: 'chat-node/src/storage/sqlite/breach.ts',
    imports: '../../profile/profile.js',
  },
  'adapter-storage-memory-stands-alone': {
    file: 'chat-node/src/storage/memory/breach.ts',
    imports: '../../notify/hook.js',
  },
  'adapter-profile-stands-alone': {
    file: 'chat-node/src/profile/breach.ts',
    imports: '../control-api/controller.js',
  },
  'adapter-control-api-stands-alone': {
    file: 'chat-node/src/control-api/breach.ts',
    imports: '../app.module.js',
  },
  'console-is-a-client': { file: 'chat-node/src/console/breach.ts', imports: '../core/outbox.js' },
  'commands-are-clients': { file: 'chat-node/src/commands/breach.ts', imports: '../app.module.js' },
  'web-is-a-client': { file: 'web/src/breach.ts', imports: '../../chat-node/src/console/menu.js' },
  // By way of another file, too.
  'protocol-control-client-are-isomorphic': { file: 'shared/src/clock.ts', imports: 'node:os' },
  'shared-is-framework-free': { file: 'shared/src/breach.ts', imports: '@nestjs/common' },
  'services-stay-apart': {
    file: 'discovery-service/src/breach.ts',
    imports: '../../chat-node/src/core/ports/port.js',
  },
};

describe('the import rules', () => {
  it('hold on the project', () => {
    expect(importViolations(ROOT)).toEqual([]);
  });

  it('hold on a small tree of the same form', async () => {
    expect(importViolations(await house({}))).toEqual([]);
  });

  it('are all shown to fail below', async () => {
    const rules = (await import(join(ROOT, '.dependency-cruiser.js'))) as {
      default: { forbidden: { name: string }[] };
    };
    expect(Object.keys(breaches).sort()).toEqual(rules.default.forbidden.map((rule) => rule.name).sort());
  });

  it.each(Object.entries(breaches))('%s fails where it is broken', async (rule, { file, imports }) => {
    const root = await house({ [file]: `import '${imports}';\nexport class Clock {}\n` });
    const found = importViolations(root);
    expect(new Set(found.map((violation) => violation.rule))).toEqual(new Set([rule]));
    // A circle is reported once, at either end; what is reached by way of a file, at both ends.
    const reported = found.flatMap(({ from, to }) => [from, to]);
    expect(reported.some((one) => one === file || one === imports.replace('node:', ''))).toBe(true);
  });
});

describe('the built programs', () => {
  // A circular import passes in the tests, which load modules in another
  // order, and fails here.
  it('the discovery service boots and ends in order', async () => {
    const discovery = await world.discovery();
    expect(await discovery.stop()).toBe(0);
  });

  it('a chat node boots and ends in order', async () => {
    const daemon = await world.daemon({ user: 'boots' });
    expect(await daemon.stop()).toBe(0);
  });

  it('the command line knows its version', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'chat-node/package.json'), 'utf8')) as {
      version: string;
    };
    expect(await runCli(['--version'])).toMatchObject({ status: 0, stdout: `${version}\n` });
  });
});

describe('make', () => {
  it('help lists every task', async () => {
    const makefile = await readFile(join(ROOT, 'Makefile'), 'utf8');
    const tasks = [...makefile.matchAll(/^\.PHONY: (.+)$/gm)].flatMap((match) => match[1]?.split(' ') ?? []);
    const help = spawnSync('make', ['help'], { cwd: ROOT, encoding: 'utf8' });
    expect(help.status).toBe(0);
    const listed = [...help.stdout.matchAll(/^ {2}make (\S+) +\S.*$/gm)].map((match) => match[1]);
    // `prepare` and the parts of `check` are steps of other tasks.
    const steps = ['prepare', 'lint', 'types', 'format', 'claims', 'man-check', 'unit'];
    expect(listed.sort()).toEqual(tasks.filter((task) => !steps.includes(task)).sort());
    for (const task of ['build', 'chat', 'demo', 'test', 'check', 'docker', 'bench']) {
      expect(listed).toContain(task);
    }
  });
});
