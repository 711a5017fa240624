import { type SafetyNumberView } from '@p2p-chat/shared';
import { afterEach, describe, expect, it } from 'vitest';
import { acquaint, controlOf, deliver } from './support/control.ts';
import { type RunningDaemon, waitFor, World } from './support/processes.ts';
import { TerminalSession } from './support/terminal.ts';

const world = new World();
const sessions: TerminalSession[] = [];
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.kill()));
  await world.close();
});

const MENU = 'What would you like to do?';

function attach(daemon: RunningDaemon): TerminalSession {
  const session = TerminalSession.console(daemon.env, { columns: 100 });
  sessions.push(session);
  return session;
}

/** Alice and somebody who knows where she is. */
async function withAlice(alice: RunningDaemon, user: string): Promise<RunningDaemon> {
  const other = await world.daemon({ user, peers: [`127.0.0.1:${alice.ready.peerPort}`] });
  await waitFor(user, async () =>
    (await controlOf(alice).peers(true)).some(({ peerId }) => peerId === other.peerId),
  );
  return other;
}

describe('the console', () => {
  it('asks about strangers: read, accept, block, or later', async () => {
    const alice = await world.daemon({ user: 'Alice' });
    const [bob, carol] = [await withAlice(alice, 'Bob'), await withAlice(alice, 'Carol')];
    const session = attach(alice);
    await session.until(MENU);
    await deliver(bob, 'Alice', 'are you there?');
    await session.until('✉ Bob wants to write to you: are you there?');
    await session.until(/ {2}Message Requests {2}1 person wants to write to you/);
    await deliver(carol, 'Alice', 'buy now');
    await session.until(/2 requests · 2 online/);

    await session.choose('Message Requests');
    await session.choose('Carol');
    await session.until(/^Carol \([a-z2-7]{8}\) wants to write to you\n {2}buy now$/m);
    await session.choose('Block');
    // One is left, and comes by itself.
    await session.until(
      /^Bob \([a-z2-7]{8}\) wants to write to you\nCarol is now blocked.*\n\n {2}are you there\?$/m,
    );
    await session.choose('Read');
    await session.until('Nobody is told that you read this');
    await session.until(/Bob: are you there\?/);
    session.press('escape');
    await session.choose('Accept');
    await session.until(
      (screen) => screen.includes('Bob: are you there?') && !screen.includes('Nobody is told'),
    );
    await waitFor('the receipt', async () => {
      const [sent] = await controlOf(bob).history('Alice', { limit: 1 });
      return sent?.state === 'read';
    });
    session.press('escape');
    await session.until((screen) => screen.includes(MENU) && !screen.includes('Message Requests'));
    expect(await controlOf(alice).peers(true)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ user: 'Carol', blocked: true, request: null }),
        expect.objectContaining({ user: 'Bob', blocked: false, trust: 'contact' }),
      ]),
    );
  });

  it('shows the safety number, the badge once it was compared, and another key under the name', async () => {
    const alice = await world.daemon({ user: 'Alice' });
    const bob = await withAlice(alice, 'Bob');
    await acquaint(alice, bob);
    const session = attach(alice);
    await session.choose('Safety Numbers');
    await session.choose('Bob');
    const [theirs] = await bob.json<SafetyNumberView>(['verify', 'Alice']);
    const groups = (theirs?.safetyNumber ?? '').split(' ');
    const lines = [0, 4, 8].map((at) => groups.slice(at, at + 4).join(' '));
    const screen = await session.until(lines.join('\n    '));
    for (const one of [alice, bob]) expect(screen).toContain(one.peerId.slice(0, 8));
    await session.choose('It is the same');
    await session.until('Bob is now verified.');
    await session.until('❯ Bob [verified]');
    session.press('escape');
    await session.choose('Send Messages');
    await session.choose('Bob [verified]');
    await session.until(/^Bob \([a-z2-7]{8}\) {2}\[verified\] {2}● online/m);
    session.type('\u001bOQ');
    await session.until(lines.join('\n    '));
    session.press('escape');
    await session.until('Write the first one');

    const mallory = await withAlice(alice, 'Bob');
    const short = (one: RunningDaemon): string => one.peerId.slice(0, 8);
    const alarm = new RegExp(
      String.raw`^! Another key shows the name of Bob \(${short(bob)}, verified\): Bob \(${short(mallory)}\) is\s+somebody new`,
      'm',
    );
    // On the screen that is open, and on every other one.
    await session.until(alarm);
    session.press('escape');
    await session.until(MENU);
    await session.until(alarm);
    await session.choose('Send Messages');
    await session.until(`Bob (${short(bob)}) [verified]`);
    await session.until(`Bob (${short(mallory)}) [OTHER KEY]`);
    expect(session.screen).toMatch(alarm);
    session.press('escape');
    await session.choose('Key Alarms');
    await session.until('Either there are two people of that name');
    await session.choose('I have seen it');
    await session.until((now) => now.includes(MENU) && !now.includes('Another key'));
    expect(await controlOf(alice).status()).toMatchObject({ keyAlarms: 0 });
  });
});
