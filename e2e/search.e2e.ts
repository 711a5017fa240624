import { MAX_SEARCH_CHARACTERS, type FoundMessageView } from '@p2p-chat/shared';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { controlOf, linkedPair, sendAll } from './support/control.ts';
import { type RunningDaemon, World } from './support/processes.ts';

const world = new World();
let alice: RunningDaemon;
let bob: RunningDaemon;

beforeAll(async () => {
  ({ alice, bob } = await linkedPair(world));
  await alice.json(['send', 'Bob', 'Where is the Schlüssel?', '--wait', 'delivered']);
  await bob.json(['send', 'Alice', 'Under the mat', '--wait', 'delivered']);
  await alice.json(['send', 'Bob', 'Found the SCHLUSSEL, thanks', '--wait', 'delivered']);
});
afterAll(() => world.close());

it('finds at both ends what was just said, with its neighbours', async () => {
  for (const [daemon, peer] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    const { conversation } = await controlOf(daemon).peer(peer.peerId);
    const found = await daemon.json<FoundMessageView>(['search', 'schlu']);
    expect(found.map(({ body }) => body)).toEqual(['Found the SCHLUSSEL, thanks', 'Where is the Schlüssel?']);
    expect(found[0]).toMatchObject({
      conversation,
      author: alice.peerId,
      previous: { body: 'Under the mat' },
      next: null,
    });
    expect(found[1]).toMatchObject({ previous: null, next: { body: 'Under the mat' } });
  }
});

it('finds it after a restart, and in large numbers', async () => {
  const ids = await sendAll(
    alice,
    bob,
    Array.from({ length: 3_000 }, (_, n) => `bulk ${n}`),
  );
  alice = await world.restart(alice);
  const [last, ...rest] = await alice.json<FoundMessageView>(['search', 'bulk', '--limit', '3000']);
  expect(last).toMatchObject({ id: ids.at(-1), body: 'bulk 2999' });
  expect(rest).toHaveLength(2_999);
  expect(await alice.json(['search', 'schlussel', 'where', '--in', 'Bob'])).toHaveLength(1);
});

it('refuses what no search is, with what is wrong', async () => {
  const client = controlOf(alice);
  const codes = await Promise.all(
    [
      client.search('!', {}),
      client.search('x'.repeat(MAX_SEARCH_CHARACTERS + 1), {}),
      client.search('x', { limit: 101 }),
      client.search('x', { before: 'no id' }),
      client.search('x', { before: `${'a'.repeat(26)}-1` }),
      client.search('x', { conversation: 'Nobody' }),
    ].map((one) =>
      one.then(
        () => 'fine',
        (error: unknown) => (error as { code: string }).code,
      ),
    ),
  );
  expect(codes).toEqual([
    'search-empty',
    'request-invalid',
    'request-invalid',
    'request-invalid',
    'message-unknown',
    'peer-unknown',
  ]);
  expect(await client.search('x'.repeat(MAX_SEARCH_CHARACTERS), { limit: 100 })).toEqual([]);
});
