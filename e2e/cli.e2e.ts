import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { acquaint } from './support/control.ts';
import {
  baseEnvironment,
  CHAT_MAIN,
  DISCOVERY_MAIN,
  parseJsonLines,
  runCli,
  RunningProcess,
  waitFor,
  World,
  type RunningDaemon,
} from './support/processes.ts';

interface Message {
  id: string;
  direction: 'in' | 'out';
  user: string;
  body: string;
  state: string;
}

const world = new World();
let alice: RunningDaemon;
let bob: RunningDaemon;

beforeAll(async () => {
  alice = await world.daemon({ user: 'Alice' });
  bob = await world.daemon({ user: 'Bob', peers: [`127.0.0.1:${alice.ready.peerPort}`] });
  await waitFor('both to see each other', async () => {
    const found = await Promise.all([alice, bob].map((one) => one.json<unknown>(['peers'])));
    return found.every((peers) => peers.length === 1);
  });
  await acquaint(alice, bob);
});

afterAll(() => world.close());

it.each([
  ['p2p-chat', CHAT_MAIN],
  ['the discovery service', DISCOVERY_MAIN],
])('%s says nothing of colours where both settings of them are there', (_, main) => {
  const { status, stderr } = spawnSync(process.execPath, [main, '--help'], {
    env: { ...baseEnvironment(), NO_COLOR: '1', FORCE_COLOR: '1' },
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

/** Starts a command that goes on until it is told to end. */
function start(daemon: RunningDaemon, args: readonly string[]): RunningProcess {
  const child = spawn(process.execPath, [CHAT_MAIN, ...args], {
    env: { ...baseEnvironment(), ...daemon.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  return world.track(new RunningProcess(`p2p-chat ${args.join(' ')}`, child));
}

describe('the command line over real nodes', () => {
  it("shows a delivered message in the other one's history", async () => {
    await alice.json(['send', 'Bob', 'as quick as that', '--wait', 'delivered']);
    const history = await bob.json<Message>(['history', 'Alice', '--limit', '1']);
    expect(history).toMatchObject([{ direction: 'in', user: 'Alice', body: 'as quick as that' }]);
  });

  it('says who and where, in the shapes that scripts rely on', async () => {
    const [status] = await alice.json<object>(['status']);
    expect(status).toMatchObject({
      peerId: alice.peerId,
      user: 'Alice',
      peerPort: alice.ready.peerPort,
      controlPort: alice.ready.controlPort,
      storage: 'sqlite',
      discovery: expect.any(Array) as unknown,
      links: 1,
      outbox: { queued: expect.any(Number) as unknown },
    });
    const [peer] = await alice.json<object>(['peers', '--all']);
    expect(peer).toMatchObject({
      peerId: bob.peerId,
      user: 'Bob',
      host: '127.0.0.1',
      port: bob.ready.peerPort,
      online: true,
      blocked: false,
      verified: false,
      unread: 0,
      sources: expect.any(Array) as unknown,
    });
  });

  it('finds a peer by id, short id and name; 3 for one whom it does not know', async () => {
    for (const name of [bob.peerId, bob.peerId.slice(0, 8), 'Bob']) {
      expect(await alice.cli(['history', name]), name).toMatchObject({ status: 0 });
    }
    const { status, stderr } = await alice.cli(['send', 'Mallory', 'x']);
    expect(status).toBe(3);
    expect(stderr).toContain('Mallory');
  });

  it('ends with 3 and lists the choices where two people have the name', async () => {
    const twins = [];
    for (let i = 0; i < 2; i += 1) {
      twins.push(await world.daemon({ user: 'Twin', peers: [`127.0.0.1:${alice.ready.peerPort}`] }));
    }
    await waitFor('both twins', async () => (await alice.json<unknown>(['peers'])).length === 3);
    const { status, stderr } = await alice.cli(['send', 'Twin', 'x']);
    expect(status).toBe(3);
    for (const twin of twins) {
      expect(stderr).toContain(twin.peerId.slice(0, 8));
      await twin.stop();
    }
  });

  it('ends with 4 where no node is running', async () => {
    const { status, stderr } = await runCli(['status'], { env: { P2P_CHAT_HOME: await world.folder() } });
    expect(status).toBe(4);
    expect(stderr).toContain('No node is running');
  });

  it('ends with 5 where it is not read in time; the message was delivered all the same', async () => {
    const { status, stdout, stderr } = await alice.cli([
      'send',
      'Bob',
      'unread',
      '--wait',
      'read',
      '--timeout',
      '500ms',
      '--json',
    ]);
    expect(status).toBe(5);
    const id = expect.any(String) as unknown;
    const conversation = expect.stringMatching(/^[a-z2-7]{52}$/) as unknown;
    expect(parseJsonLines(stdout)).toEqual([{ id, conversation, state: 'delivered' }]);
    expect(stderr).toContain('not-in-time');
  });

  it('sends a stream of lines in order, and waits for all', async () => {
    const lines = Array.from({ length: 5_000 }, (_, i) => `line ${i} äöü 🦊`);
    const sent = await alice.json<{ id: string; state: string }>(
      ['send', 'Bob', '--lines', '--wait', 'delivered', '--timeout', '30s'],
      { input: lines.join('\n') },
    );
    expect(new Set(sent.map((one) => one.id)).size).toBe(lines.length);
    expect(sent.every((one) => one.state === 'delivered')).toBe(true);
    const history = await bob.json<Message>(['history', 'Alice', '--limit', '5000']);
    expect(history.map((message) => message.body)).toEqual(lines);
  });

  it('tells events as they happen, until Ctrl-C', async () => {
    const events = start(bob, ['events', '--json']);
    // Anything of before is not told: the first message that is, is the proof that it listens.
    const told = waitFor('the first event', async () => {
      await alice.cli(['send', 'Bob', 'knock knock']);
      return events.stdout.includes('knock knock');
    });
    await told;
    await bob.cli(['send', 'Alice', 'who is there?', '--wait', 'delivered']);
    await events.line('the state', (line) => (/"event":"state".*"delivered"/.test(line) ? line : undefined));
    const messages = parseJsonLines<{ event: string; body?: string; direction?: string }>(events.stdout);
    expect(messages).toContainEqual(
      expect.objectContaining({ event: 'message', direction: 'in', body: 'knock knock' }),
    );
    expect(messages).toContainEqual(
      expect.objectContaining({ event: 'message', direction: 'out', body: 'who is there?' }),
    );
    expect(await events.stop('SIGINT')).toBe(0);
    expect(events.stderr).toBe('');
  });

  it('works in a pipe whose reader leaves early', async () => {
    const shell = spawn(
      '/bin/bash',
      ['-c', `set -o pipefail; "$0" "$1" history Bob --limit 5000 | head -n 2`, process.execPath, CHAT_MAIN],
      {
        env: { ...baseEnvironment(), ...alice.env },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const run = new RunningProcess('history | head', shell);
    expect(await run.exited).toBe(0);
    expect(run.stderr).toBe('');
    expect(run.stdout.split('\n')).toHaveLength(3);
  });

  it('colours nothing in a pipe', async () => {
    for (const args of [['status'], ['peers'], ['history', 'Bob'], ['--help']]) {
      expect((await alice.cli(args)).stdout, args[0]).not.toContain('\u001b');
    }
  });

  it('blocks: nothing arrives, and the other one cannot tell', async () => {
    await bob.json(['block', 'Alice']);
    const [sent] = await alice.json<Message>(['send', 'Bob', 'into the void', '--wait', 'delivered']);
    expect(sent).toMatchObject({ state: 'delivered' });
    expect(await bob.json(['unblock', 'Alice'])).toMatchObject([{ blocked: false }]);
    await alice.json(['send', 'Bob', 'here again', '--wait', 'delivered']);
    const [before, last] = (await bob.json<Message>(['history', 'Alice'])).slice(-2);
    expect(last).toMatchObject({ body: 'here again' });
    expect(before).not.toMatchObject({ body: 'into the void' });
  });

  it('keeps its files to itself', async () => {
    expect((await stat(join(alice.home, 'run/control.json'))).mode & 0o777).toBe(0o600);
  });
});

describe('p2p-chat daemon', () => {
  it('prints one line of JSON when it is ready, and ends with 0 on SIGTERM', async () => {
    const carol = await world.daemon({ user: 'Carol' });
    expect(carol.ready).toEqual({
      event: 'ready',
      peerId: expect.stringMatching(/^[a-z2-7]{52}$/) as unknown,
      user: 'Carol',
      peerPort: carol.options.port,
      controlPort: expect.any(Number) as unknown,
      storage: 'sqlite',
    });
    expect(carol.stdout.split('\n')).toHaveLength(2);
    expect(await carol.stop()).toBe(0);
    expect(await carol.cli(['status'])).toMatchObject({ status: 4 });
  });

  it('goes on when nobody reads its output any more', async () => {
    const daemon = start(alice, [
      'daemon',
      '--home',
      await world.folder(),
      '--user',
      'Dora',
      '--port',
      '0',
      '--json',
    ]);
    await daemon.line('ready line', (line) => (line.includes('"ready"') ? line : undefined));
    daemon.child.stdout?.destroy();
    daemon.child.stderr?.destroy();
    expect(daemon.running).toBe(true);
    daemon.child.kill('SIGTERM');
    const [code] = (await once(daemon.child, 'exit')) as [number | null];
    expect(code).toBe(0);
  });

  it('takes settings as flags, over the environment', async () => {
    const home = await world.folder();
    const daemon = start(alice, [
      '--user',
      'Erin',
      'daemon',
      '--home',
      home,
      '--port',
      '0',
      '--discovery',
      '',
      '--json',
    ]);
    const ready = await daemon.line('ready line', (line) => (line.includes('"ready"') ? line : undefined));
    expect(JSON.parse(ready)).toMatchObject({ user: 'Erin' });
    const status = await runCli(['status', '--json', '--home', home]);
    expect(parseJsonLines<{ home: string }>(status.stdout)).toMatchObject([{ home, user: 'Erin' }]);
    expect(await daemon.stop()).toBe(0);
  });

  it.each([
    [['daemon', '--port', 'many'], 'P2P_CHAT_PORT'],
    [['daemon', '--discovery', 'nonsense'], 'DISCOVERY_URLS'],
    [['daemon', '--user', '\u202eevil'], 'P2P_CHAT_USER'],
  ])('ends %j with 2 and names the setting', async (args, setting) => {
    const { status, stdout, stderr } = await runCli(args, { env: { P2P_CHAT_HOME: await world.folder() } });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(setting);
    expect(stderr).not.toMatch(/\n\s+at |\u202e/);
  });
});
