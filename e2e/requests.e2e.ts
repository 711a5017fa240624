import { MAX_REQUEST_MESSAGES, type PeerView, type StatusView } from '@p2p-chat/shared';
import { afterEach, describe, expect, it } from 'vitest';
import { controlOf, deliver, untilQueued } from './support/control.ts';
import { freePort, type RunningDaemon, waitFor, World } from './support/processes.ts';

const world = new World();
afterEach(() => world.close());

/** Alice, who knows where Bob is, and Bob; they have not written to each other. */
async function strangers(
  env: Record<string, string> = {},
): Promise<{ alice: RunningDaemon; bob: RunningDaemon }> {
  const bob = await world.daemon({ user: 'Bob', env });
  const alice = await world.daemon({ user: 'Alice', peers: [`127.0.0.1:${bob.ready.peerPort}`] });
  return { alice, bob };
}

const linked = (alice: RunningDaemon): Promise<boolean> =>
  waitFor('the link', async () => (await controlOf(alice).status()).links === 1);
const bodies = async (of: RunningDaemon, from: RunningDaemon): Promise<string[]> =>
  (await controlOf(of).history(from.peerId, {})).map(({ body }) => body);
const texts = (count: number): string[] => Array.from({ length: count }, (_, n) => `text ${n + 1}`);
const seenBy = async (one: RunningDaemon, other: RunningDaemon): Promise<PeerView | undefined> =>
  (await controlOf(one).peers(true)).find(({ peerId }) => peerId === other.peerId);

describe('a message request', () => {
  it('waits to be accepted: counted apart, readable without a receipt, the rest at its author', async () => {
    const { alice, bob } = await strangers();
    await linked(alice);
    for (const text of texts(MAX_REQUEST_MESSAGES + 3)) await controlOf(alice).send('Bob', text);
    await untilQueued(alice, 3);
    expect(await bob.json<StatusView>(['status'])).toMatchObject([{ requests: 1 }]);
    expect(await seenBy(bob, alice)).toMatchObject({
      trust: 'stranger',
      unread: 0,
      request: { messages: MAX_REQUEST_MESSAGES },
    });
    expect((await bob.cli(['status'])).stdout).toContain('1 person wants to write');
    const waiting = await controlOf(bob).history('Alice', {});
    expect(waiting.map(({ body, request }) => [body, request])).toEqual(
      texts(MAX_REQUEST_MESSAGES).map((body) => [body, true]),
    );
    expect(await controlOf(bob).read(alice.peerId)).toEqual({ read: 0 });

    expect(await controlOf(bob).accept('Alice')).toMatchObject({ trust: 'contact', request: null });
    await untilQueued(alice, 0);
    expect(await bodies(bob, alice)).toEqual(texts(MAX_REQUEST_MESSAGES + 3));
    const sent = await controlOf(alice).history('Bob', {});
    expect(sent.filter(({ state }) => state === 'read')).toEqual([]);
    expect(await controlOf(bob).read(alice.peerId)).toEqual({ read: MAX_REQUEST_MESSAGES + 3 });
    await waitFor('the receipts', async () =>
      (await controlOf(alice).history('Bob', {})).every(({ state }) => state === 'read'),
    );
  });

  it('is accepted by an answer, and lasts over a restart until then', async () => {
    const { alice, bob } = await strangers();
    await linked(alice);
    await deliver(alice, 'Bob', 'hello');
    const again = await world.restart(bob);
    expect(await again.json<StatusView>(['status'])).toMatchObject([{ requests: 1 }]);
    await deliver(again, 'Alice', 'welcome');
    expect(await again.json<StatusView>(['status'])).toMatchObject([{ requests: 0 }]);
    expect(await seenBy(again, alice)).toMatchObject({ trust: 'contact', unread: 1 });
  });
});

describe('a node that takes contacts only', () => {
  it('refuses strangers with the reason, and takes who is let in by the peer id', async () => {
    const { alice, bob } = await strangers({ P2P_CHAT_CONTACTS: 'only' });
    const health = (): Promise<string> => alice.cli(['status']).then(({ stdout }) => stdout);
    await waitFor('the refusal', async () => (await health()).includes('contacts only'));
    expect(await controlOf(bob).status()).toMatchObject({ links: 0, requests: 0 });
    // Nobody is known by that name here: the address is a static one. By the id one can be accepted all the same.
    await controlOf(alice).accept(bob.peerId);
    expect(await bob.cli(['accept', 'Alice'])).toMatchObject({ status: 3 });
    expect(await controlOf(bob).accept(alice.peerId)).toMatchObject({ trust: 'contact' });
    const [sent] = await alice.json<{ state: string }>([
      'send',
      bob.peerId,
      'thank you',
      '--wait',
      'delivered',
      '--timeout',
      '90s',
    ]);
    expect(sent?.state).toBe('delivered');
    expect(await bodies(bob, alice)).toEqual(['thank you']);
  });
});

describe('a block', () => {
  it('outlasts another name, another address and restarts, and what was dropped stays dropped', async () => {
    const { alice, bob } = await strangers();
    await linked(alice);
    await deliver(alice, 'Bob', 'before');
    await controlOf(bob).accept('Alice');
    await controlOf(bob).block('Alice');
    await alice.stop();
    const renamed = await world.daemon({
      ...alice.options,
      user: 'Alicia',
      port: await freePort(),
      env: { P2P_CHAT_HOST: '127.0.0.2' },
    });
    await waitFor('the new name', async () => (await seenBy(bob, renamed))?.user === 'Alicia');
    expect(await seenBy(bob, renamed)).toMatchObject({ blocked: true });
    await deliver(renamed, bob.peerId, 'dropped');
    const again = await world.restart(bob);
    await deliver(renamed, bob.peerId, 'dropped too');
    await controlOf(again).read(renamed.peerId);
    await controlOf(again).unblock(renamed.peerId);
    await deliver(renamed, bob.peerId, 'after');
    expect(await bodies(again, renamed)).toEqual(['before', 'after']);
    // Not even of what was read while the block stood.
    const states = (await controlOf(renamed).history(bob.peerId, {})).map(({ state }) => state);
    expect(states).toEqual(['delivered', 'delivered', 'delivered', 'delivered']);
  });
});
