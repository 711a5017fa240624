import { spawn } from 'node:child_process';
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { MessageView } from '@p2p-chat/shared';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deliver, linkedPair } from './support/control.ts';
import {
  baseEnvironment,
  CHAT_MAIN,
  ROOT,
  type RunningDaemon,
  RunningProcess,
  waitFor,
  World,
} from './support/processes.ts';

const EXAMPLES = join(ROOT, 'examples');
const MAX_LINES = 40;

const world = new World();
let alice: RunningDaemon;
let bob: RunningDaemon;
let bin: string;

beforeAll(async () => {
  bin = await world.folder('bin');
  await writeFile(join(bin, 'p2p-chat'), `#!/bin/sh\nexec "${process.execPath}" "${CHAT_MAIN}" "$@"\n`);
  await chmod(join(bin, 'p2p-chat'), 0o755);
  ({ alice, bob } = await linkedPair(world));
  // They know each other.
  await deliver(alice, 'Bob', 'hello');
  await deliver(bob, 'Alice', 'hello');
});
afterAll(() => world.close());

/** Runs an example as Bob. */
async function run(name: string, ...args: string[]): Promise<RunningProcess> {
  const env = baseEnvironment();
  const child = spawn(join(EXAMPLES, name), args, {
    cwd: await world.folder(),
    env: {
      ...env,
      ...bob.env,
      // The Node of this test, and the command line of this build.
      PATH: [bin, join(process.execPath, '..'), env['PATH']].join(':'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return world.track(new RunningProcess(name, child));
}

async function lastFromBob(): Promise<string | undefined> {
  const history = await alice.json<MessageView>(['history', 'Bob', '--limit', '1']);
  return history.find(({ direction }) => direction === 'in')?.body;
}

it('are short', async () => {
  const names = await readdir(EXAMPLES);
  expect(names).toHaveLength(3);
  for (const name of names) {
    const lines = (await readFile(join(EXAMPLES, name), 'utf8')).trimEnd().split('\n');
    expect(lines.length, name).toBeLessThan(MAX_LINES);
  }
});

it('the echo bot answers, also what was said while it was away', async () => {
  const place = join(await world.folder(), 'place');
  const first = await run('echo-bot.mjs', place);
  await waitFor('its place', () => readFile(place, 'utf8'));
  await alice.json(['send', 'Bob', 'one\ntwo']);
  await waitFor('the echo', async () => (await lastFromBob()) === 'You said: one\ntwo');
  await first.stop('SIGINT');
  await deliver(alice, 'Bob', 'are you away?');
  const second = await run('echo-bot.mjs', place);
  await waitFor('the late echo', async () => (await lastFromBob()) === 'You said: are you away?');
  await second.stop('SIGINT');
});

it('the build notifier says how a command ended, and ends so itself', async () => {
  const good = await run('build-notifier.sh', 'Alice', 'echo', 'all is well');
  expect(await good.exited).toBe(0);
  expect(good.stdout).toBe('all is well\n');
  await waitFor('the news', async () => (await lastFromBob()) === '✓ done: echo all is well\nall is well');
  const bad = await run('build-notifier.sh', 'Alice', 'sh', '-c', 'seq 9; exit 3');
  expect(await bad.exited).toBe(3);
  await waitFor('the bad news', async () => (await lastFromBob())?.startsWith('✗ failed with 3: sh -c'));
  expect(await lastFromBob()).toMatch(/\n5\n6\n7\n8\n9$/);
  const unknown = await run('build-notifier.sh', 'Nobody', 'true');
  expect(await unknown.exited).toBe(0);
  expect(unknown.stderr).toContain('Nobody was not told.');
});

it('the bridge posts what arrives to a web address, until it is taken', async () => {
  const taken: string[] = [];
  let refused = 0;
  const server = createServer((request: IncomingMessage, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      const isFirst = refused === 0;
      if (isFirst) refused += 1;
      else taken.push((JSON.parse(text) as MessageView).body);
      response.writeHead(isFirst ? 503 : 204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const place = join(await world.folder(), 'place');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const bridge = await run('webhook-bridge.mjs', url, place);
    await waitFor('its place', () => readFile(place, 'utf8'));
    await alice.json(['send', 'Bob', 'for the web']);
    await alice.json(['send', 'Bob', 'and more']);
    await waitFor('both', () => taken.length === 2);
    expect(taken).toEqual(['for the web', 'and more']);
    expect(bridge.stderr).toContain('answered 503; trying again');
    await bridge.stop('SIGINT');
  } finally {
    server.close();
  }
});
