import { WINDOW_BYTES } from '@p2p-chat/shared';
import { afterEach, describe, expect, it } from 'vitest';
import { controlOf, linkedPair, residentBytes, sendAll } from './support/control.ts';
import { deafPeer } from './support/hand-made-peer.ts';
import { NODE_STORES, NodeStores } from './support/node-stores.ts';
import { waitFor, World } from './support/processes.ts';

const MiB = 1024 * 1024;

describe.each(NODE_STORES)('on %s', (_name, kind, skip) => {
  describe.skipIf(skip)('a peer that reads nothing', () => {
    const world = new World();
    const stores = new NodeStores(kind);

    afterEach(async () => {
      await world.close();
      await stores.dispose();
    });

    it('holds up nobody else, and costs no more memory than the window', async () => {
      const { alice, bob } = await linkedPair(world, {
        alice: { env: await stores.env() },
        bob: { env: await stores.env() },
      });
      const client = controlOf(alice);
      // Many times the window. First to one who reads, so that what the
      // requests themselves cost is in both figures.
      const size = 32 * 1024;
      const count = Math.ceil((32 * WINDOW_BYTES) / size);
      const bodies = Array<string>(count).fill('x'.repeat(size));
      await sendAll(alice, bob, bodies);
      const before = await residentBytes(alice.child.pid ?? 0);
      const deaf = await deafPeer(alice);
      try {
        await waitFor('the link', async () => (await client.status()).links === 2);
        const { peerId } = await client.peer('Deaf');
        await sendAll(alice, { peerId }, bodies);
        const began = performance.now();
        const { id } = await client.send(bob.peerId, 'and you?');
        await waitFor('the other one to have it', async () =>
          (await controlOf(bob).history(alice.peerId, { limit: 1 })).some((message) => message.id === id),
        );
        expect(performance.now() - began).toBeLessThan(2_000);
        expect((await client.status()).outbox.queued).toBe(count);
        const grown = (await residentBytes(alice.child.pid ?? 0)) - before;
        console.log(`grew by ${(grown / MiB).toFixed(0)} MiB for ${(count * size) / MiB} MiB queued`);
        // What the heap has not given back yet comes and goes by tens of MiB, so
        // the bound is no number of windows but a share of what is queued.
        expect(grown).toBeLessThan(0.75 * count * size);
      } finally {
        deaf.destroy();
      }
    }, 180_000);
  });
});
