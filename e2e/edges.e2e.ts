import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ControlClient } from '../chat-node/dist/console/control-client.js';
import { acquaint, controlOf, deliver } from './support/control.ts';
import {
  baseEnvironment,
  CHAT_MAIN,
  DISCOVERY_MAIN,
  freePort,
  runCli,
  type RunningDaemon,
  RunningProcess,
  waitFor,
  World,
} from './support/processes.ts';
import { TerminalSession } from './support/terminal.ts';

const world = new World();
afterAll(() => world.close());

describe('where the system refuses to name its network interfaces', () => {
  let discovery: Awaited<ReturnType<World['discovery']>>;
  let alice: RunningDaemon;
  beforeAll(async () => {
    const module = join(await world.folder(), 'refuse.cjs');
    await writeFile(
      module,
      `require('node:os').networkInterfaces = () => { throw new Error('refused by the system'); };
       require('node:module').syncBuiltinESMExports();
       require('node:module').registerHooks({
         load(url, context, next) {
           if (/\\/(run|run-process)\\.js$/.test(url)) process.kill(process.pid, 'SIGUSR1');
           return next(url, context);
         },
       });`,
    );
    const refusing = { NODE_OPTIONS: `--require ${module}` };
    discovery = await world.discovery({
      env: { ...refusing, DISCOVERY_HOST: '0.0.0.0', DISCOVERY_MDNS: 'on' },
    });
    const env = { ...refusing, P2P_CHAT_HOST: '', P2P_CHAT_MDNS: 'on', P2P_CHAT_SAME_MACHINE: 'on' };
    alice = await world.daemon({ user: 'Alice', discovery: [discovery.url], env });
  });

  it('the discovery service and the node run on, and status says so', async () => {
    const bob = await world.daemon({ user: 'Bob', discovery: [discovery.url] });
    await alice.json(['send', bob.peerId, 'still here', '--wait', 'delivered']);
    const { problems } = await controlOf(alice).status();
    expect(problems).toMatchObject([{ code: 'network-unreadable' }]);
    expect(problems[0]?.detail).toContain('refused by the system');
  });

  it('SIGUSR1 and SIGUSR2 open no debugger and end nothing, while a program loads neither', async () => {
    for (const { child } of [discovery, alice])
      for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) child.kill(signal);
    expect(await controlOf(alice).status()).toMatchObject({ user: 'Alice' });
    expect((await fetch(`${discovery.url}/health`)).ok).toBe(true);
    expect([await alice.stop(), await discovery.stop()]).toEqual([0, 0]);
    expect(alice.stderr + discovery.stderr).not.toContain('Debugger');
  });
});

describe('where nobody reads the log, or its disk is full', () => {
  /** Starts a program with its stderr there. */
  function start(
    main: string,
    args: readonly string[],
    stderr: number | Socket,
    env: Record<string, string>,
  ) {
    const child = spawn(process.execPath, [main, ...args], {
      env: { ...baseEnvironment(), LOG_LEVEL: 'debug', ...env },
      stdio: ['ignore', 'pipe', stderr],
    });
    return world.track(new RunningProcess(main, child));
  }

  /** A pipe that is full; nobody reads it. */
  async function fullPipe(): Promise<number> {
    const path = join(await world.folder(), 'pipe');
    execFileSync('mkfifo', [path]);
    const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    try {
      for (;;) writeSync(fd, 'x'.repeat(4_096));
    } catch {
      return openSync(path, constants.O_RDWR);
    }
  }

  /** A socket that takes no more; nobody reads it. */
  async function fullSocket(): Promise<Socket> {
    const path = join(await world.folder(), 'socket');
    const server = createServer({ pauseOnConnect: true }, (far) => closing.push(() => far.destroy()));
    await once(server.listen(path), 'listening');
    const socket = connect(path);
    closing.push(
      () => socket.destroy(),
      () => server.close(),
    );
    await once(socket, 'connect');
    while (socket.writableLength === 0) socket.write('x'.repeat(4_096));
    return socket;
  }

  const closing: (() => unknown)[] = [];
  afterAll(() => closing.forEach((close) => close()));

  it.each([
    ['a full pipe', fullPipe],
    ['a full socket', fullSocket],
    ['/dev/full', () => Promise.resolve(openSync('/dev/full', 'w'))],
  ])('both programs run on (%s)', async (_name, open) => {
    const [stderr, other] = [await open(), await open()];
    const port = await freePort();
    const service = start(DISCOVERY_MAIN, [], stderr, {
      DISCOVERY_HOST: '127.0.0.1',
      DISCOVERY_PORT: `${port}`,
    });
    const home = await world.folder();
    const node = start(CHAT_MAIN, ['daemon', '--json'], other, {
      P2P_CHAT_USER: 'Alice',
      P2P_CHAT_HOME: home,
      P2P_CHAT_HOST: '127.0.0.1',
      P2P_CHAT_PORT: '0',
      DISCOVERY_URLS: `http://127.0.0.1:${port}`,
    });
    await node.line('ready line', (line) => (line.includes('"ready"') ? line : undefined));
    await waitFor('the registration', async () => {
      const list = (await (await fetch(`http://127.0.0.1:${port}/`)).json()) as unknown[];
      return list.length === 1;
    });
    expect([await node.stop(), await service.stop()]).toEqual([0, 0]);
    for (const one of [stderr, other]) if (typeof one === 'number') closeSync(one);
  });

  it('both programs run on at a terminal that Ctrl-S has stopped', async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const service = new TerminalSession([DISCOVERY_MAIN], {
      env: { LOG_LEVEL: 'debug', DISCOVERY_HOST: '127.0.0.1', DISCOVERY_PORT: `${port}` },
    });
    await service.until('"ready"');
    const alice = new TerminalSession([CHAT_MAIN, 'daemon'], {
      env: {
        LOG_LEVEL: 'debug',
        P2P_CHAT_USER: 'Alice',
        P2P_CHAT_HOME: await world.folder(),
        P2P_CHAT_HOST: '127.0.0.1',
        P2P_CHAT_PORT: '0',
        DISCOVERY_URLS: url,
      },
    });
    closing.push(
      () => service.kill(),
      () => alice.kill(),
    );
    await alice.until('ready');
    for (const one of [service, alice]) one.type('\u0013');
    const before = service.output + alice.output;
    const bob = await world.daemon({ user: 'Bob', discovery: [url] });
    await waitFor('Alice', async () =>
      (await controlOf(bob).peers(false)).some(({ user }) => user === 'Alice'),
    );
    await bob.json(['send', 'Alice', 'are you frozen?', '--wait', 'delivered']);
    expect(await bob.stop()).toBe(0);
    expect(service.output + alice.output).toBe(before);
    for (const { pid } of [service, alice]) process.kill(pid, 'SIGTERM');
    expect(await Promise.all([service.exited, alice.exited])).toEqual([0, 0]);
  });
});

describe('a data folder that goes away under a running node', () => {
  it('by moving takes nothing until it is back; by deleting takes nothing, and keeps its place', async () => {
    const bob = await world.daemon({ user: 'Bob' });
    const alice = await world.daemon({ user: 'Alice', peers: [`127.0.0.1:${bob.ready.peerPort}`] });
    await waitFor('the link', async () => (await controlOf(alice).status()).links === 1);
    await acquaint(alice, bob);
    await deliver(alice, bob.peerId, 'before');

    await rename(bob.home, `${bob.home}-moved`);
    const moved = new ControlClient(`${bob.home}-moved`);
    await waitFor('the notice', async () => {
      const { problems } = await moved.status();
      return problems.some(
        ({ code, detail }) => code === 'profile-moved' && detail.includes(`${bob.home}-moved`),
      );
    });
    const { id } = await controlOf(alice).send(bob.peerId, 'while it is away');
    await expect(moved.send(alice.peerId, 'lost?')).rejects.toMatchObject({ code: 'storage-unavailable' });
    const anew = await world.spawnDaemon(bob.options);
    expect(await anew.exited).toBe(1);
    expect(anew.stderr).toContain(`moved from ${bob.home} to ${bob.home}-moved`);
    await rename(`${bob.home}-moved`, bob.home);
    const stateOf = async (message: string): Promise<string | undefined> =>
      (await controlOf(alice).history(bob.peerId, { limit: 9 })).find((one) => one.id === message)?.state;
    await waitFor('the delivery', async () => (await stateOf(id)) === 'delivered');

    await rm(bob.home, { recursive: true });
    await waitFor('the notice', async () => {
      const { problems } = await controlOf(bob).status();
      return problems.some(({ code }) => code === 'profile-deleted');
    });
    const lost = await controlOf(alice).send(bob.peerId, 'to nowhere');
    expect(await bob.cli(['send', alice.peerId, 'from nowhere'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('no longer at') as string,
    });
    const beside = await world.spawnDaemon(bob.options);
    expect(await beside.exited).toBe(1);
    expect(beside.stderr).toContain(`pid ${bob.child.pid}`);
    expect(await stateOf(lost.id)).toBe('queued');
    expect(await bob.stop()).toBe(0);
  });
});

describe('a node that may open few files', () => {
  it('lives through sixty idle strangers, and a contact gets in', async () => {
    const alice = await world.daemon({
      user: 'Alice',
      launcher: ['sh', '-c', 'ulimit -n 48; exec "$0" "$@"'],
    });
    const idle = Array.from({ length: 60 }, (_, n) => {
      const from = { localAddress: `127.0.0.${2 + n}` };
      return connect({ host: '127.0.0.1', port: alice.ready.peerPort, ...from }).on('error', () => undefined);
    });
    await Promise.all(idle.map((socket) => once(socket, 'connect')));
    const bob = await world.daemon({ user: 'Bob', peers: [`127.0.0.1:${alice.ready.peerPort}`] });
    await waitFor('the link', async () => (await controlOf(bob).status()).links === 1);
    await deliver(bob, alice.peerId, 'still there?');
    expect((await controlOf(alice).status()).problems).toEqual([]);
    for (const socket of idle) socket.destroy();
    expect([await alice.stop(), await bob.stop()]).toEqual([0, 0]);
  });
});

describe('a working directory that was deleted', () => {
  const inDeleted = ['sh', '-c', 'cd "$(mktemp -d)" && rmdir "$PWD" && exec "$0" "$@"'];

  it('keeps neither program from starting', async () => {
    const port = await freePort();
    const [command = '', ...args] = [...inDeleted, process.execPath, DISCOVERY_MAIN];
    const env = { ...baseEnvironment(), DISCOVERY_HOST: '127.0.0.1', DISCOVERY_PORT: `${port}` };
    const service = world.track(
      new RunningProcess('discovery', spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })),
    );
    await service.line('ready line', (line) => (line.includes('"ready"') ? line : undefined));
    const alice = await world.daemon({
      user: 'Alice',
      discovery: [`http://127.0.0.1:${port}`],
      launcher: inDeleted,
    });
    const bob = await world.daemon({ user: 'Bob', peers: [`127.0.0.1:${alice.ready.peerPort}`] });
    await alice.json(['send', bob.peerId, 'from nowhere', '--wait', 'delivered']);
    expect([await alice.stop(), await bob.stop(), await service.stop()]).toEqual([0, 0, 0]);
  });
});

describe.runIf(process.getuid?.() === 0)("a folder above the profile's that is root's", () => {
  it('is named by whatever cannot pass it', async () => {
    const launcher = ['setpriv', '--reuid', '64123', '--regid', '64123', '--clear-groups'];
    const folder = await world.folder();
    await chmod(folder, 0o755);
    const closed = join(folder, 'closed');
    const inside = {
      P2P_CHAT_HOME: join(closed, 'profile'),
      P2P_CHAT_USER: 'Alice',
      P2P_CHAT_HOST: '127.0.0.1',
    };
    for (const mode of [0o755, 0o700]) {
      await mkdir(closed, { recursive: true });
      await chmod(closed, mode);
      for (const command of ['daemon', 'console --plain', 'doctor']) {
        const { stdout, stderr } = await runCli(command.split(' '), { env: inside, launcher });
        expect(stdout + stderr).toContain(`${closed} belongs to root, and you are user id 64123`);
      }
    }
  });
});
