import type { PeerView, ProfileView } from '@p2p-chat/shared';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { controlOf, deliver, linkedPair } from './support/control.ts';
import { type RunningDaemon, waitFor, World } from './support/processes.ts';
import { TerminalSession } from './support/terminal.ts';

const world = new World();
let alice: RunningDaemon;
let bob: RunningDaemon;
const sessions: TerminalSession[] = [];

beforeAll(async () => {
  ({ alice, bob } = await linkedPair(world));
});
// Bob is as he was at first, for each scene.
beforeEach(async () => {
  const change = { user: 'Bob', presence: 'online', status: '', receipts: true, typing: true } as const;
  await controlOf(bob).changeProfile(change);
  await waitFor('Bob', async () => {
    const [shown] = await controlOf(alice).peers(false);
    return shown?.user === 'Bob' && shown.presence === 'online' && shown.status === undefined;
  });
});
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.kill()));
});
afterAll(() => world.close());

function attach(daemon: RunningDaemon): TerminalSession {
  const session = TerminalSession.console(daemon.env, { columns: 80 });
  sessions.push(session);
  return session;
}

const shownOf = async (daemon: RunningDaemon, peerId: string): Promise<PeerView | undefined> =>
  (await controlOf(daemon).peers(false)).find((one) => one.peerId === peerId);

describe('presence', () => {
  it('is set by command, seen by others, and kept over a restart', async () => {
    expect(await bob.json(['presence'])).toEqual([{ presence: 'online', shown: 'online', status: '' }]);
    expect(await bob.json(['presence', 'dnd', '--status', 'in a talk'])).toEqual([
      { presence: 'dnd', shown: 'dnd', status: 'in a talk' },
    ]);
    await waitFor('the presence', async () => (await shownOf(alice, bob.peerId))?.presence === 'dnd');
    expect(await shownOf(alice, bob.peerId)).toMatchObject({ user: 'Bob', status: 'in a talk' });
    expect((await alice.cli(['peers'])).stdout).toContain('do not disturb: in a talk');
    bob = await world.restart(bob);
    await waitFor('the presence', async () => (await shownOf(alice, bob.peerId))?.presence === 'dnd');
    expect(await bob.cli(['presence', 'asleep'])).toMatchObject({ status: 2 });
    expect(await bob.cli(['presence', '--status', 'x'.repeat(81)])).toMatchObject({ status: 2 });
  });

  it('is away where nobody is at the keys', async () => {
    await controlOf(bob).setIdle(true);
    await waitFor('away', async () => (await shownOf(alice, bob.peerId))?.presence === 'away');
    expect((await bob.cli(['presence'])).stdout).toBe('online (shown as away)\n');
    await controlOf(bob).setIdle(false);
    await waitFor('back', async () => (await shownOf(alice, bob.peerId))?.presence === 'online');
  });
});

describe('a profile', () => {
  it('takes another name: the same peer, live and after a restart', async () => {
    await deliver(alice, 'Bob', 'hello');
    await bob.json(['profile', '--name', 'Robert', '--receipts', 'off']);
    await waitFor('the name', async () => (await shownOf(alice, bob.peerId))?.user === 'Robert');
    expect(await controlOf(alice).history('Robert', {})).toMatchObject([{ body: 'hello' }]);
    bob = await world.restart(bob);
    expect(bob.ready).toMatchObject({ user: 'Robert' });
    expect(await bob.json<ProfileView>(['profile'])).toMatchObject([
      { peerId: bob.peerId, user: 'Robert', receipts: false, typing: true, fixed: [] },
    ]);
  });

  it('says what the environment has fixed', async () => {
    const carol = await world.daemon({ user: 'Carol', env: { P2P_CHAT_RECEIPTS: 'off' } });
    const refused = await carol.cli(['profile', '--receipts', 'on']);
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toContain('P2P_CHAT_RECEIPTS');
    expect((await carol.cli(['profile'])).stdout).toContain('receipts   off (set by P2P_CHAT_RECEIPTS)');
  });
});

describe('a console', () => {
  it('shows presence, name and typing of the other one as they change, beside what is being written', async () => {
    await deliver(alice, 'Bob', 'hello');
    await deliver(bob, 'Alice', 'hello yourself');
    const session = attach(alice);
    await session.choose('Read Messages');
    await session.choose('Bob');
    await session.until('● online');
    session.type('half a sen');
    await session.until('› half a sen');
    const { column } = session.cursor;
    await bob.json(['presence', 'away', '--status', 'at lunch']);
    await session.until('● away: at lunch');
    await bob.json(['profile', '--name', 'Robert']);
    await session.until(/^Robert \(/m);
    await controlOf(bob).typing('Alice');
    await session.until('Robert is typing…\n› half a sen');
    expect(session.cursor.column).toBe(column);
    await bob.json(['send', 'Alice', 'written']);
    await session.until((screen) => screen.includes('Robert: written') && !screen.includes('is typing'));
    expect(session.screen).toContain('› half a sen');
  });

  it('tells the other one that something is being written, unless that is off', async () => {
    await deliver(alice, 'Bob', 'hello');
    await deliver(bob, 'Alice', 'hello yourself');
    const [hers, his] = [attach(alice), attach(bob)];
    await hers.choose('Read Messages');
    await hers.choose('Bob');
    await his.choose('Read Messages');
    await his.choose('Alice');
    await his.until('hello yourself');
    hers.type('x');
    await his.until('Alice is typing…');
  });

  it('changes the profile', async () => {
    const session = attach(bob);
    await session.choose('Profile');
    await session.until(`Your peer id: ${bob.peerId}`);
    await session.choose('Presence');
    await session.until(/^❯ Presence {2}away$/m);
    await session.until(/^p2p-chat {2}Bob \(\w{8}\) {2}away/m);
    await session.choose('Name');
    await session.until('› Bob');
    session.type('by\r');
    await session.until(/^❯ Name {2}Bobby$/m);
    await session.choose('Status text');
    await session.until('What should others know?');
    session.type(`${'x'.repeat(81)}\r`);
    await session.until('! A status text has at most 80 characters.');
    session.press('escape');
    await session.choose('Tell others that you are writing');
    await session.until(/^❯ Tell others that you are writing to them {2}off$/m);
    expect(await bob.json<ProfileView>(['profile'])).toMatchObject([
      { user: 'Bobby', presence: 'away', status: '', typing: false },
    ]);
    await waitFor('the name', async () => (await shownOf(alice, bob.peerId))?.user === 'Bobby');
  });
});
