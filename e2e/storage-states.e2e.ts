import type { MessageState } from '@p2p-chat/shared';
import { afterEach, describe, expect, it } from 'vitest';
import { controlOf, linkedPair, untilQueued, wholeConversation } from './support/control.ts';
import { pickyPeer } from './support/hand-made-peer.ts';
import { NODE_STORES, NodeStores } from './support/node-stores.ts';
import { type RunningDaemon, waitFor, World } from './support/processes.ts';

/** The states that a node tells by its events, by message. */
class ToldStates {
  readonly #states = new Map<string, MessageState[]>();
  readonly #stop = new AbortController();

  static async of(daemon: RunningDaemon): Promise<ToldStates> {
    const told = new ToldStates();
    const feed = controlOf(daemon).events(told.#stop.signal);
    const opened = Promise.withResolvers<void>();
    void (async () => {
      for await (const event of feed) {
        opened.resolve();
        if (event.type !== 'state') continue;
        for (const id of event.ids) told.#states.set(id, [...told.of(id), event.state]);
      }
    })().catch(opened.reject);
    await opened.promise;
    return told;
  }

  of(id: string): readonly MessageState[] {
    return this.#states.get(id) ?? [];
  }

  stop(): void {
    this.#stop.abort();
  }
}

async function stateOf(
  at: RunningDaemon,
  peer: RunningDaemon,
  id: string,
): Promise<MessageState | undefined> {
  return (await wholeConversation(at, peer.peerId)).find((message) => message.id === id)?.state;
}

describe.each(NODE_STORES)('states on %s', (_name, kind, skip) => {
  describe.skipIf(skip)('of a message', () => {
    const world = new World();
    const stores = new NodeStores(kind);
    afterEach(async () => {
      await world.close();
      await stores.dispose();
    });

    /** Waits until what Bob did before has reached Alice: a message of his, over the same link and behind it. */
    async function untilCaughtUp(alice: RunningDaemon, bob: RunningDaemon): Promise<void> {
      const { id } = await controlOf(bob).send(alice.peerId, 'by the way');
      await waitFor('the message behind it', async () => (await stateOf(alice, bob, id)) !== undefined);
    }

    it('go from queued over delivered to read, in the history and as events', async () => {
      const { alice, bob } = await linkedPair(world, {
        alice: { env: await stores.env() },
        bob: { env: await stores.env() },
      });
      const told = await ToldStates.of(alice);
      const { id, state } = await controlOf(alice).send(bob.peerId, 'hello');
      expect(state).toBe('queued');
      await waitFor('delivery', async () => (await stateOf(alice, bob, id)) === 'delivered');
      await controlOf(bob).read(alice.peerId);
      await waitFor('the receipt', async () => (await stateOf(alice, bob, id)) === 'read');
      await waitFor('the events', () => told.of(id).length === 2);
      expect(told.of(id)).toEqual(['delivered', 'read']);
      told.stop();
    });

    it('end with failed where the other node refuses for good, with its reason; what comes after is delivered', async () => {
      const alice = await world.daemon({ user: 'Alice', env: await stores.env() });
      const picky = await pickyPeer(alice.ready.peerPort, 'no', 'kind-unsupported');
      try {
        await waitFor('the link', async () => (await controlOf(alice).status()).links === 1);
        const { peerId } = await controlOf(alice).peer('Picky');
        const told = await ToldStates.of(alice);
        const sent = [await controlOf(alice).send(peerId, 'no'), await controlOf(alice).send(peerId, 'yes')];
        await waitFor('the events', () => sent.every(({ id }) => told.of(id).length === 1));
        expect(sent.map(({ id }) => told.of(id))).toEqual([['failed'], ['delivered']]);
        told.stop();
        await untilQueued(alice, 0);
        await alice.kill();
        const again = await world.daemon(alice.options);
        expect(await wholeConversation(again, peerId)).toMatchObject([
          { body: 'no', state: 'failed', reason: 'kind-unsupported' },
          { body: 'yes', state: 'delivered' },
        ]);
      } finally {
        picky.destroy();
      }
    });

    it('end with delivered where the reader has switched receipts off', async () => {
      const { alice, bob } = await linkedPair(world, {
        alice: { env: await stores.env() },
        bob: { env: { ...(await stores.env()), P2P_CHAT_RECEIPTS: 'off' } },
      });
      const told = await ToldStates.of(alice);
      const { id } = await controlOf(alice).send(bob.peerId, 'hello');
      await waitFor('delivery', async () => (await stateOf(alice, bob, id)) === 'delivered');
      await controlOf(bob).read(alice.peerId);
      expect(await stateOf(bob, alice, id)).toBe('read');
      await untilCaughtUp(alice, bob);
      // Nor over another link, which is when receipts that are due are sent.
      const again = await world.restart(bob);
      await waitFor('the link', async () => (await controlOf(alice).status()).links === 1, 75_000);
      await untilCaughtUp(alice, again);
      expect(await stateOf(alice, bob, id)).toBe('delivered');
      expect(told.of(id)).toEqual(['delivered']);
      told.stop();
    }, 120_000);

    it('end with delivered for a sender who is blocked, whatever the other one does', async () => {
      const { alice, bob } = await linkedPair(world, {
        alice: { env: await stores.env() },
        bob: { env: await stores.env() },
      });
      const told = await ToldStates.of(alice);
      const before = await controlOf(alice).send(bob.peerId, 'before');
      await waitFor('delivery', async () => (await stateOf(alice, bob, before.id)) === 'delivered');
      await controlOf(bob).block(alice.peerId);
      const blocked = await controlOf(alice).send(bob.peerId, 'do you hear me?');
      await waitFor('delivery', async () => (await stateOf(alice, bob, blocked.id)) === 'delivered');
      await controlOf(bob).read(alice.peerId);
      await controlOf(bob).unblock(alice.peerId);
      await controlOf(bob).read(alice.peerId);
      await untilCaughtUp(alice, bob);
      expect((await wholeConversation(bob, alice.peerId)).map(({ id }) => id)).not.toContain(blocked.id);
      for (const { id } of [before, blocked]) {
        expect(await stateOf(alice, bob, id)).toBe('delivered');
        expect(told.of(id)).toEqual(['delivered']);
      }
      told.stop();
    });
  });
});
