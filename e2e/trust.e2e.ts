import { type PeerView, type SafetyNumberView } from '@p2p-chat/shared';
import { afterEach, describe, expect, it } from 'vitest';
import { acquaint, controlOf, deliver } from './support/control.ts';
import { type RunningDaemon, waitFor, World } from './support/processes.ts';

const world = new World();
afterEach(() => world.close());

async function pair(): Promise<{ alice: RunningDaemon; bob: RunningDaemon }> {
  const bob = await world.daemon({ user: 'Bob' });
  const alice = await world.daemon({ user: 'Alice', peers: [`127.0.0.1:${bob.ready.peerPort}`] });
  await meet(alice, bob);
  return { alice, bob };
}

async function meet(...daemons: RunningDaemon[]): Promise<void> {
  await waitFor('each other', async () => {
    const seen = await Promise.all(daemons.map((one) => controlOf(one).peers(false)));
    return seen.every((peers) => peers.length === daemons.length - 1);
  });
}

const peersOf = (daemon: RunningDaemon): Promise<PeerView[]> => controlOf(daemon).peers(true);

describe('another key under the name of somebody known', () => {
  it('is an alarm in events, peers and status until it was seen, and a stranger whatever the known one was', async () => {
    const { alice, bob } = await pair();
    await acquaint(alice, bob);
    await deliver(bob, 'Alice', 'from the real one');
    await alice.json(['verify', 'Bob', '--mark']);
    await controlOf(alice).block('Bob');
    const events: unknown[] = [];
    const listening = new AbortController();
    const heard = (async () => {
      for await (const event of controlOf(alice).events(listening.signal)) events.push(event);
    })().catch(() => undefined);
    await waitFor('the events', () => events.length > 0);

    // A Cyrillic o.
    const mallory = await world.daemon({ user: 'Bоb', peers: [`127.0.0.1:${alice.ready.peerPort}`] });
    await waitFor('the alarm', async () => (await controlOf(alice).status()).keyAlarms === 1);
    await waitFor('the event', () =>
      events.some((event) => (event as { type: string }).type === 'key-alarm'),
    );
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'key-alarm',
        peer: expect.objectContaining({
          peerId: mallory.peerId,
          keyAlarm: { peerId: bob.peerId, user: 'Bob', blocked: true, verified: true },
        }) as unknown,
      }),
    );
    listening.abort();
    await heard;
    await deliver(mallory, alice.peerId, 'it is me, Bob');
    const all = await peersOf(alice);
    expect(all.find(({ peerId }) => peerId === mallory.peerId)).toMatchObject({
      trust: 'stranger',
      verified: false,
      blocked: false,
      ambiguous: true,
      request: { messages: 1 },
    });
    expect(all.find(({ peerId }) => peerId === bob.peerId)).toMatchObject({ blocked: true, ambiguous: true });
    const prose = (await alice.cli(['peers', '--all'])).stdout;
    expect(prose).toContain(`OTHER KEY than ${bob.peerId.slice(0, 8)}`);
    expect((await alice.cli(['status'])).stdout).toContain('1 other key under a name you know');
    // Its conversation is its own.
    expect(await controlOf(alice).history(mallory.peerId, {})).toMatchObject([
      { body: 'it is me, Bob', request: true },
    ]);

    const again = await world.restart(alice);
    expect((await controlOf(again).status()).keyAlarms).toBe(1);
    expect((await again.cli(['verify', mallory.peerId])).stderr).toContain('not verified');
    await again.json(['verify', mallory.peerId, '--seen']);
    expect((await controlOf(again).status()).keyAlarms).toBe(0);
    expect((await peersOf(again)).find(({ peerId }) => peerId === mallory.peerId)).toMatchObject({
      trust: 'stranger',
      ambiguous: true,
      keyAlarm: null,
    });
  });
});

describe('the safety number', () => {
  it('is the same on both sides, by name and by id, in prose and in JSON', async () => {
    const { alice, bob } = await pair();
    const [hers] = await alice.json<SafetyNumberView>(['verify', 'Bob']);
    const [his] = await bob.json<SafetyNumberView>(['verify', alice.peerId]);
    expect(hers).toMatchObject({ peerId: bob.peerId, user: 'Bob', verified: false });
    expect(hers?.safetyNumber).toMatch(/^\d{5}( \d{5}){11}$/);
    expect(his?.safetyNumber).toBe(hers?.safetyNumber);
    const { stdout, status } = await alice.cli(['verify', 'Bob']);
    expect(status).toBe(0);
    expect(stdout.trim().split(/\s+/).join(' ')).toBe(hers?.safetyNumber);
  });

  it('once marked as compared, is so after a restart too; another key under the name is not', async () => {
    const { alice, bob } = await pair();
    await deliver(alice, 'Bob', 'hello');
    await alice.json(['verify', 'Bob', '--mark']);
    expect(await peersOf(alice)).toMatchObject([{ peerId: bob.peerId, verified: true }]);
    const again = await world.restart(alice);
    expect(await peersOf(again)).toMatchObject([{ peerId: bob.peerId, verified: true, trust: 'contact' }]);

    // Somebody else appears under his name, at his address.
    await bob.stop();
    const mallory = await world.daemon({
      user: 'Bob',
      port: bob.options.port,
      peers: [`127.0.0.1:${again.ready.peerPort}`],
    });
    expect(mallory.peerId).not.toBe(bob.peerId);
    await meet(again, mallory);
    const online = await controlOf(again).peers(false);
    expect(online).toMatchObject([
      { peerId: mallory.peerId, verified: false, trust: 'stranger', ambiguous: true },
    ]);
    const { status, stderr } = await again.cli(['send', 'Bob', 'who are you']);
    expect(status).toBe(3);
    for (const one of [bob, mallory]) expect(stderr).toContain(one.peerId.slice(0, 8));
    const theirs = await controlOf(again).history(mallory.peerId, {});
    expect(theirs).toEqual([]);
    const [number] = await again.json<SafetyNumberView>(['verify', mallory.peerId]);
    const [before] = await again.json<SafetyNumberView>(['verify', bob.peerId]);
    expect(number?.safetyNumber).not.toBe(before?.safetyNumber);
  });

  it('can be unmarked, and is of nobody unknown and not of oneself', async () => {
    const { alice } = await pair();
    await alice.json(['verify', 'Bob', '--mark']);
    const [view] = await alice.json<SafetyNumberView>(['verify', 'Bob', '--unmark']);
    expect(view?.verified).toBe(false);
    expect((await alice.cli(['verify', 'Nobody'])).status).toBe(3);
    expect((await alice.cli(['verify', alice.peerId])).status).toBe(3);
  });
});
