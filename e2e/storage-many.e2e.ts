import { WINDOW_BYTES } from '@p2p-chat/shared';
import { afterEach, describe, expect, it } from 'vitest';
import { controlOf, linkedPair, sendAll, untilQueued } from './support/control.ts';
import { drain } from './support/drain.ts';
import { deafPeer } from './support/hand-made-peer.ts';
import { NodeStores } from './support/node-stores.ts';
import { waitFor, World } from './support/processes.ts';

/** Messages for a peer who is away; `MESSAGES=100000` for as many as in `faults.e2e.ts`. */
const MESSAGES = Number(process.env['MESSAGES'] ?? 3_000);
const server = process.env['MONGODB_URI_TEST'];

describe.skipIf(server === undefined)('many messages on MongoDB (set MONGODB_URI_TEST)', () => {
  const world = new World();
  const stores = new NodeStores('mongodb');

  afterEach(async () => {
    await world.close();
    await stores.dispose();
  });

  async function pairOnMongo(): ReturnType<typeof linkedPair> {
    return linkedPair(world, { alice: { env: await stores.env() }, bob: { env: await stores.env() } });
  }

  it('for a peer who is away cost little at start and while they drain, and arrive in order', async () => {
    const { accepted, arrived, grownMiB, figures } = await drain(
      world,
      await pairOnMongo(),
      MESSAGES,
      180_000,
    );
    expect(arrived).toEqual(accepted);
    console.log(figures);
    // Of 100,000, as there; fewer take less in any case.
    expect(grownMiB).toBeLessThan(90);
  }, 600_000);

  it('for a peer that reads nothing hold up nobody else', async () => {
    const { alice, bob } = await pairOnMongo();
    const client = controlOf(alice);
    const deaf = await deafPeer(alice.ready.peerPort);
    try {
      await waitFor('the link', async () => (await client.status()).links === 2);
      const { peerId } = await client.peer('Deaf');
      const body = 'x'.repeat(32 * 1024);
      const bodies = Array.from({ length: (3 * WINDOW_BYTES) / body.length }, () => body);
      await sendAll(alice, { peerId }, bodies);
      const { id } = await client.send(bob.peerId, 'and you?');
      await waitFor('the other one to have it', async () =>
        (await controlOf(bob).history(alice.peerId, { limit: 1 })).some((message) => message.id === id),
      );
      await untilQueued(alice, bodies.length);
    } finally {
      deaf.destroy();
    }
  }, 120_000);
});
