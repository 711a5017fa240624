import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Batch, tipOf } from '@p2p-chat/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PeerRecord } from '../chat-node/dist/core/peers/peer.js';
import type {
  Change,
  ConversationStore,
  StoredBatch,
} from '../chat-node/dist/core/ports/conversation.store.js';
import { mongoPlace, type Place, sqlitePlace } from './support/places.ts';
import { Relay } from './support/relay.ts';
import { ME, openStore, StoredConversation, THEM } from './support/stored.ts';

const WRITER = fileURLToPath(new URL('./support/storage-writer.ts', import.meta.url));
const server = process.env['MONGODB_URI_TEST'];
/** After this a server that says nothing counts as away. */
const SILENCE_MS = 2_000;
const ALL = { batches: 100_000, bytes: Number.MAX_SAFE_INTEGER };

/** What a writer said before it was killed. */
interface Promises {
  /** Hashes of batches. */
  asked: string[];
  saved: string[];
  /** Numbers in the segment of the last start. */
  delivered: number[];
}

/** Lets a writer run until it has saved so many batches, then kills it. */
async function writeUntilKilled(target: string, batches: number): Promise<Promises> {
  const said: Promises = { asked: [], saved: [], delivered: [] };
  const child = spawn(process.execPath, [WRITER, target], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    for (const [what, of] of Object.entries(JSON.parse(line) as Record<keyof Promises, never>)) {
      said[what as keyof Promises].push(of);
      if (what === 'saved' && said.saved.length === batches) child.kill('SIGKILL');
    }
  }
  expect(await exited).toEqual([null, 'SIGKILL']);
  return said;
}

const conversationId = new StoredConversation(THEM).id;
const own = (store: ConversationStore): Promise<StoredBatch[]> => store.batches(conversationId, ME, 0, ALL);
const hashesOf = (batches: readonly StoredBatch[]): string[] => batches.map(({ batch }) => batch.hash);

describe.each([
  ['SQLite', sqlitePlace, false],
  ['MongoDB (set MONGODB_URI_TEST)', () => mongoPlace(server ?? ''), server === undefined],
])('%s', (_name, createPlace, skip) => {
  describe.skipIf(skip)('store', () => {
    let place: Place;

    beforeEach(async () => {
      place = await createPlace();
    });

    afterEach(() => place.dispose());

    it('keeps every promise of a process that is killed in mid-write, ten times over', async () => {
      const asked = new Set<string>();
      const saved: string[] = [];
      for (let round = 0; round < 10; round += 1) {
        const said = await writeUntilKilled(place.target, 20 + round * 7);
        for (const hash of said.asked) asked.add(hash);
        saved.push(...said.saved);
        const store = await openStore(place.target);
        const stored = await own(store);
        const hashes = new Set(hashesOf(stored));
        expect(hashes.size).toBe(stored.length);
        expect(saved.filter((hash) => !hashes.has(hash))).toEqual([]);
        expect([...hashes].filter((hash) => !asked.has(hash))).toEqual([]);
        // What is known of the segments is what the batches say.
        const lastOf = new Map(stored.map(({ batch }) => [batch.segment, batch.hash]));
        const segments = await store.segments(conversationId, ME);
        expect(new Map(segments.map(({ segment, tip }) => [segment, tip.hash]))).toEqual(lastOf);
        const [snapshot] = await store.conversations();
        const tips = snapshot?.feeds.flatMap((feed) => feed.tips.map(({ hash }) => hash)) ?? [];
        expect(tips.toSorted()).toEqual([...lastOf.values()].toSorted());
        // A watermark was kept as far as it was promised, and speaks of nothing that is not there.
        const [tip] = snapshot?.watermarks[0]?.have ?? [];
        expect(hashes.has(tip?.hash ?? '')).toBe(true);
        expect(tip?.seq).toBeGreaterThanOrEqual(said.delivered.at(-1) ?? 0);
        await store.close();
      }
    });
  });
});

describe('SQLite on a full disk', () => {
  const root = process.getuid?.() === 0;
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'p2p-chat-e2e-'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it.skipIf(!root)(
    '(root only) tells the sender at once, keeps nothing of it, and goes on when there is space',
    async () => {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder]);
      try {
        const file = join(folder, 'messages.sqlite');
        const store = await openStore(file);
        const conversation = new StoredConversation(THEM);
        await store.commit([conversation.record()]);
        const saved: string[] = [];
        const refused: (Change & { batch: { hash: string } })[] = [];
        while (refused.length === 0) {
          const change = conversation.ours.change([1, 2, 3, 4].map(() => 'x'.repeat(10_000)));
          await store.commit([change]).then(
            () => saved.push(change.batch.hash),
            (error: unknown) => {
              expect(error).toMatchObject({ name: 'StorageError', code: 'storage-full', outcome: 'none' });
              refused.push(change);
            },
          );
        }
        expect(hashesOf(await own(store))).toEqual(saved);
        await expect(store.commit(refused)).rejects.toMatchObject({ code: 'storage-full' });

        execFileSync('mount', ['-o', 'remount,size=64m', folder]);
        await store.commit(refused);
        expect(hashesOf(await own(store))).toEqual([...saved, ...refused.map(({ batch }) => batch.hash)]);
        await store.close();

        const reopened = await openStore(file);
        expect(hashesOf(await own(reopened))).toEqual([...saved, ...refused.map(({ batch }) => batch.hash)]);
        await reopened.close();
      } finally {
        // Lazily: a store that a failed test left open must not keep the mount.
        execFileSync('umount', ['--lazy', folder]);
      }
    },
  );
});

describe.skipIf(server === undefined)('MongoDB (set MONGODB_URI_TEST) behind a line that breaks', () => {
  let place: Place;
  let relay: Relay;
  let store: ConversationStore;
  let conversation: StoredConversation;

  beforeEach(async () => {
    place = await mongoPlace(server ?? '');
    const { hostname, port, pathname } = new URL(place.target);
    relay = await Relay.before(hostname, Number(port || 27017));
    const uri = `mongodb://127.0.0.1:${relay.port}${pathname}`;
    store = await openStore(`${uri}?directConnection=true&socketTimeoutMS=${SILENCE_MS}`);
    conversation = new StoredConversation(THEM);
    await store.commit([conversation.record()]);
  });

  afterEach(async () => {
    relay.heal();
    await store.close();
    await relay.close();
    await place.dispose();
  });

  const unavailable = { name: 'StorageError', code: 'storage-unavailable' };
  const unknown = { ...unavailable, outcome: 'unknown' };
  const next = (body = 'message'): Change & { batch: Batch } => conversation.ours.change([body]);

  it('says of a write whose answer was lost that its outcome is not known, and takes it again', async () => {
    const [before, lost, behind] = [next(), next(), next()];
    await store.commit([before]);
    relay.mute();
    const calls = [store.commit([lost]), store.commit([behind])];
    const rejected = Promise.all(calls.map((call) => expect(call).rejects.toMatchObject(unavailable)));
    await arrived(lost);
    relay.cut();
    await rejected;
    relay.heal();
    await eventually(() => store.commit([lost]));
    await store.commit([behind]);
    await store.commit([lost, behind]);
    expect(hashesOf(await own(store))).toEqual([before, lost, behind].map(({ batch }) => batch.hash));
  });

  it('tells everyone who waits within seconds that the server is away', async () => {
    const first = next();
    await store.commit([first]);
    relay.cut();
    const started = performance.now();
    const calls = Array.from({ length: 50 }, () => store.commit([next()]));
    const outcomes = await Promise.allSettled([...calls, own(store)]);
    expect(performance.now() - started).toBeLessThan(8_000);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: unavailable });
    }
    relay.heal();
    expect(hashesOf(await eventually(() => own(store)))).toEqual([first.batch.hash]);
  });

  it('keeps a batch once that was written again before the first write is carried out', async () => {
    const batch = next();
    relay.holdWrite('batches');
    await expect(store.commit([batch])).rejects.toMatchObject(unknown);
    await eventually(() => store.commit([batch]));
    const after = next();
    await store.commit([after]);
    await relay.letGo();
    expect(hashesOf(await own(store))).toEqual([batch.batch.hash, after.batch.hash]);
    expect(await store.search({ words: ['message'], limit: 10 })).toHaveLength(2);
  }, 40_000);

  it('takes what a killed process wrote last and the server carries out late for one more tip', async () => {
    const first = next();
    await store.commit([first]);
    const late = next();
    relay.holdWrite('batches');
    const sent = store.commit([late]).catch(() => undefined);
    const second = await openStore(place.target);
    conversation.ours.newSegment();
    // It does not know of what is late.
    conversation.ours.tip = tipOf(first.batch);
    const other = next();
    await second.commit([other]);
    await relay.letGo();
    await second.close();
    const third = await openStore(place.target);
    const [snapshot] = await third.conversations();
    const tips = snapshot?.feeds.flatMap((feed) => feed.tips.map(({ hash }) => hash)) ?? [];
    expect(tips.toSorted()).toEqual([late, other].map(({ batch }) => batch.hash).toSorted());
    expect(hashesOf(await own(third)).toSorted()).toEqual(
      [first, late, other].map(({ batch }) => batch.hash).toSorted(),
    );
    await third.close();
    await sent;
  }, 40_000);

  it('leaves a newer watermark and a newer person where an older one is carried out late', async () => {
    const [first, second] = [next(), next()];
    await store.commit([first, second]);
    const marks = async (): Promise<number[]> =>
      (await store.conversations()).flatMap(({ watermarks }) =>
        watermarks.flatMap(({ have }) => have.map(({ seq }) => seq)),
      );
    const upTo = (seq: number): Change =>
      conversation.watermark(conversation.ours.tip === null ? [] : [{ ...conversation.ours.tip, seq }]);
    relay.holdWrite('watermarks');
    await expect(store.commit([upTo(1)])).rejects.toMatchObject(unknown);
    await eventually(() => store.commit([upTo(2)]));
    await relay.letGo();
    expect(await marks()).toEqual([2]);
    const blocked: PeerRecord = { ...SOMEBODY, blocked: true };
    relay.holdWrite('peers');
    await expect(store.commit([{ type: 'peer', record: SOMEBODY }])).rejects.toMatchObject(unknown);
    await eventually(() => store.commit([{ type: 'peer', record: blocked }]));
    await relay.letGo();
    expect(await store.peers()).toEqual([blocked]);
  }, 60_000);

  /** Waits until the batch is in the database, as seen past the relay. */
  async function arrived({ batch }: { batch: { hash: string } }): Promise<void> {
    const direct = await openStore(place.target);
    try {
      await expect.poll(async () => hashesOf(await own(direct)), { timeout: 10_000 }).toContain(batch.hash);
    } finally {
      await direct.close();
    }
  }
});

const SOMEBODY: PeerRecord = {
  peerId: THEM,
  user: 'Somebody',
  blocked: false,
  verified: false,
  contact: false,
  knownAs: null,
  addresses: [{ host: '192.0.2.7', port: 7780 }],
  firstSeenAt: 1,
  lastSeenAt: 2,
  announcedSeq: 0,
};

/** Tries until it succeeds: the driver notices by itself that the server is back. */
async function eventually<Result>(attempt: () => Promise<Result>): Promise<Result> {
  const end = performance.now() + 30_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
  }
}
