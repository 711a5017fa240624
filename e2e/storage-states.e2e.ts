import type { MessageState } from '@p2p-chat/shared';
import { afterEach, describe, expect, it } from 'vitest';
import { controlOf, linkedPair, wholeConversation } from './support/control.ts';
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
      // Nor over another link, at whose start both sides say what they have read.
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
