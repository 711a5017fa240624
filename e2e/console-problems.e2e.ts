import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { controlOf, deliver } from './support/control.ts';
import { CHAT_MAIN, freePort, waitFor, World } from './support/processes.ts';
import { TerminalSession } from './support/terminal.ts';

const isRoot = process.getuid?.() === 0;
const MENU = 'What would you like to do?';

let world: World;
const sessions: TerminalSession[] = [];
const mounts: string[] = [];

beforeEach(() => void (world = new World()));

afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.kill()));
  for (const folder of mounts.splice(0)) execFileSync('umount', ['-l', folder]);
  await world.close();
});

function opened(session: TerminalSession): TerminalSession {
  sessions.push(session);
  return session;
}

describe('what is wrong is one line of the menu, with what to do', () => {
  it('where the discovery service is away, until it is back', async () => {
    const port = await freePort();
    const service = await world.discovery({ port });
    const alice = await world.daemon({ user: 'Alice', discovery: [service.url] });
    const session = opened(TerminalSession.console(alice.env, { columns: 160 }));
    await session.until(MENU);
    await waitFor('discovery', async () => {
      const status = await controlOf(alice).status();
      return status.discovery.some(({ source, state }) => source === service.url && state === 'ok');
    });
    await session.until((screen) => !screen.includes('\n!'));
    await service.kill();
    await session.until(new RegExp(`^! .*127\\.0\\.0\\.1:${port}`, 'm'));
    expect(session.screen).toContain(MENU);
    await world.discovery({ port });
    await session.until((screen) => !screen.includes('\n!'));
  });

  it.skipIf(!isRoot)('(root only) where the disk is full, until it is not', async () => {
    const home = await world.folder('disk');
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m,mode=700', 'tmpfs', home]);
    mounts.push(home);
    const bob = await world.daemon({ user: 'Bob' });
    const alice = await world.daemon({ user: 'Alice', home, peers: [`127.0.0.1:${bob.ready.peerPort}`] });
    await waitFor('the link', async () => (await controlOf(alice).status()).links === 1);
    await deliver(alice, bob.peerId, 'before');
    const session = opened(TerminalSession.console(alice.env, { columns: 160 }));
    await session.until(MENU);
    try {
      execFileSync('dd', ['if=/dev/zero', `of=${join(home, 'ballast')}`, 'bs=4k'], { stdio: 'ignore' });
    } catch {
      // It ends with an error when the disk is full: that is what it is for.
    }
    let refused = false;
    // What is left of the log's last page may still take a few.
    for (let n = 0; n < 200 && !refused; n += 1) {
      refused = await controlOf(alice)
        .send(bob.peerId, 'x'.repeat(10_000))
        .then(
          () => false,
          () => true,
        );
    }
    expect(refused).toBe(true);
    await session.until(/^! There is no space left for the message database\. Free some disk space/m);
    expect((await alice.cli(['status'])).stdout).toMatch(/^problem +There is no space left/m);
    execFileSync('mount', ['-o', 'remount,size=64m', home]);
    await deliver(alice, bob.peerId, 'after');
    await session.until((screen) => screen.includes(MENU) && !screen.includes('no space left'));
  });

  it.skipIf(!isRoot)('(root only) where the machine has no network', async () => {
    const session = opened(
      new TerminalSession(
        ['-n', 'sh', '-c', 'ip link set lo up; exec "$@"', 'sh', process.execPath, CHAT_MAIN, 'console'],
        {
          file: 'unshare',
          columns: 160,
          env: { P2P_CHAT_USER: 'Alice', P2P_CHAT_HOME: await world.folder('Alice'), DISCOVERY_URLS: '' },
        },
      ),
    );
    await session.until(MENU);
    await session.until(/^! This machine has no network\. Connect it/m);
    session.press('ctrl-c');
    expect(await session.exited).toBe(0);
  });

  it.skipIf(!isRoot)('(root only) where its loopback interface is down, instead of the menu', async () => {
    const session = opened(
      new TerminalSession(['-n', process.execPath, CHAT_MAIN, 'console'], {
        file: 'unshare',
        columns: 160,
        env: { P2P_CHAT_USER: 'Alice', P2P_CHAT_HOME: await world.folder('Alice'), DISCOVERY_URLS: '' },
      }),
    );
    // Where its address is there, a node starts, and is not reached; where it is not, none does.
    await session.until(/loopback interface[^]*sudo ip link set lo up/);
    expect(await session.exited).toBe(1);
  });
});
