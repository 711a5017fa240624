import { randomUUID } from 'node:crypto';
import { WINDOW_BYTES } from '@p2p-chat/shared';
import mongoose from 'mongoose';
import { afterEach, describe, expect, it } from 'vitest';
import {
  controlOf,
  linkedPair,
  residentBytes,
  sendAll,
  untilQueued,
  wholeConversation,
} from './support/control.ts';
import { deafPeer } from './support/hand-made-peer.ts';
import { waitFor, World } from './support/processes.ts';

/** Messages for a peer who is away; `MESSAGES=100000` for as many as in `faults.e2e.ts`. */
const MESSAGES = Number(process.env['MESSAGES'] ?? 3_000);
const MiB = 1024 * 1024;
const server = process.env['MONGODB_URI_TEST'];

describe.skipIf(server === undefined)('many messages on MongoDB (set MONGODB_URI_TEST)', () => {
  const world = new World();
  const databases: string[] = [];

  afterEach(async () => {
    await world.close();
    for (const uri of databases.splice(0)) {
      const connection = await mongoose.createConnection(uri).asPromise();
      await connection.dropDatabase();
      await connection.close();
    }
  });

  function onMongo(): { env: Record<string, string> } {
    const uri = `${(server ?? '').replace(/\/$/, '')}/p2p-chat-e2e-${randomUUID()}`;
    databases.push(uri);
    return { env: { MONGODB_URI: uri } };
  }

  it('for a peer who is away cost little at start and while they drain, and arrive in order', async () => {
    const { alice, bob } = await linkedPair(world, { alice: onMongo(), bob: onMongo() });
    await bob.stop();
    const bodies = Array.from({ length: MESSAGES }, (_, n) => `${n} `.padEnd(128, '.'));
    const ids = await sendAll(alice, bob, bodies);
    await alice.kill();

    const began = performance.now();
    const again = await world.daemon(alice.options);
    const startMs = performance.now() - began;
    expect((await controlOf(again).status()).outbox.queued).toBe(MESSAGES);
    const startBytes = await residentBytes(again.child.pid ?? 0);
    const bobAgain = await world.daemon(bob.options);
    let mostBytes = 0;
    await waitFor(
      'the outbox to be empty',
      async () => {
        mostBytes = Math.max(mostBytes, await residentBytes(again.child.pid ?? 0));
        return (await controlOf(again).status()).outbox.queued === 0;
      },
      180_000,
    );
    const arrived = await wholeConversation(bobAgain, again.peerId);
    expect(arrived.map(({ id }) => id)).toEqual(ids);
    console.log(
      `${MESSAGES}: start ${startMs.toFixed(0)} ms with ${(startBytes / MiB).toFixed(0)} MiB, ` +
        `at most ${(mostBytes / MiB).toFixed(0)} MiB while draining`,
    );
    // Of 100,000, as there; fewer take less in any case.
    expect(mostBytes - startBytes).toBeLessThan(90 * MiB);
  }, 600_000);

  it('for a peer that reads nothing hold up nobody else', async () => {
    const { alice, bob } = await linkedPair(world, { alice: onMongo(), bob: onMongo() });
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
