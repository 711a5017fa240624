import fc from 'fast-check';
import { createBatch, directConversation, entriesOf, messageId, segmentTag } from '@p2p-chat/shared';
import { describe, expect, it, vi } from 'vitest';
import { MemoryStore } from '../../storage/memory/memory-store.js';
import { TestKeys } from '../../testing/test-keys.js';
import type { Change, ImportedMessage } from '../ports/conversation.store.js';
import type { Conversation } from './conversation.js';
import { Conversations } from './conversations.js';
import { compareMessages, type MessageOrder } from './message.js';
import { Timeline } from './timeline.js';

const KEYS = new TestKeys('alice');
const ALICE = KEYS.peerId;
const BOB = new TestKeys('bob').peerId;
const ID = directConversation(ALICE, BOB, KEYS.sha256);
// Nothing verifies here.
const SIGNER = { sha256: KEYS.sha256, random: KEYS.random, sign: () => new Uint8Array(64) };

/** A batch of one of a few segments, with the distance of each clock from the one before. */
interface Plan {
  author: string;
  segment: string;
  gaps: readonly number[];
}

const plans = fc.array(
  fc.record({
    author: fc.constantFrom(ALICE, BOB),
    segment: fc.constantFrom(...['a', 'b', 'c'].map((digit) => digit.repeat(32))),
    gaps: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 }),
  }),
  { maxLength: 60 },
);

const clockOf = (tick: number): string => (1_000 + tick).toString(16).padStart(16, '0');

const receive = (plan: readonly Plan[]): Change[] => {
  const ends = new Map<string, { seq: number; tick: number }>();
  return plan.map(({ author, segment, gaps }) => {
    const key = author + segment;
    const end = ends.get(key) ?? { seq: 0, tick: 0 };
    let tick = end.tick;
    const entries = gaps.map((gap) => ({ clock: clockOf((tick += gap)), sentAt: 0, content: '{}' }));
    const batch = createBatch(
      { conversation: ID, author, segment, first: end.seq + 1, follows: [] },
      entries,
      SIGNER,
    );
    ends.set(key, { seq: end.seq + gaps.length, tick });
    return { type: 'receive', batch, receivedAt: 0, dropped: false };
  });
};

const ordersOf = (changes: readonly Change[]): MessageOrder[] =>
  changes.flatMap((change) => {
    if (change.type !== 'receive') return [];
    const { batch } = change;
    const tag = segmentTag(ID, batch.author, batch.segment, KEYS.sha256);
    return entriesOf(batch).map(({ clock, seq }) => ({
      clock,
      author: batch.author,
      id: messageId(tag, seq),
    }));
  });

const imported = ({ clock, author, id }: MessageOrder): ImportedMessage => ({
  ...{ id, conversation: ID, author, clock, sentAt: 0, receivedAt: null, content: '{}', state: 'read' },
});

const open = async (changes: readonly Change[]): Promise<[Timeline, Conversation, MemoryStore]> => {
  const store = new MemoryStore(undefined, queueMicrotask);
  await store.commit([
    { type: 'conversation', record: { id: ID, kind: 'direct', peerId: BOB, seen: [] } },
    ...changes,
  ]);
  const conversations = new Conversations({ store, keys: KEYS });
  await conversations.load();
  return [new Timeline(store, KEYS.sha256), conversations.direct(BOB), store];
};

/** All pages one after the other, from one end to the other. */
const walk = async (
  [timeline, conversation]: readonly [Timeline, Conversation, ...unknown[]],
  side: 'before' | 'after',
  limit: number,
): Promise<MessageOrder[]> => {
  const pages: MessageOrder[][] = [];
  for (let from: MessageOrder | null = null; ;) {
    const page: MessageOrder[] = await timeline.page(conversation, { side, from, limit });
    if (page.length > 0) pages.push(page);
    if (page.length < limit) break;
    from = (side === 'before' ? page[0] : page.at(-1)) as MessageOrder;
  }
  const all = side === 'before' ? pages.reverse() : pages;
  return all.flat().map(({ clock, author, id }) => ({ clock, author, id }));
};

describe('a timeline', () => {
  it('gives every message once, in order, whatever the pages', async () => {
    await fc.assert(
      fc.asyncProperty(
        plans,
        fc.array(fc.record({ tick: fc.nat(100), author: fc.constantFrom(ALICE, BOB), held: fc.nat(100) })),
        fc.integer({ min: 1, max: 40 }),
        async (plan, earlier, limit) => {
          const changes = receive(plan);
          const real = ordersOf(changes);
          const others = earlier.map(({ tick, author }, nth) => ({
            ...{ clock: clockOf(tick), author, id: messageId('a'.repeat(26), nth + 1) },
          }));
          const held = earlier.flatMap(({ held: at }) => real[at] ?? []);
          const world = await open([
            ...changes,
            { type: 'import', messages: [...others, ...held].map(imported) },
          ]);
          const expected = [...real, ...others].sort(compareMessages);
          expect(await walk(world, 'before', limit)).toEqual(expected);
          expect(await walk(world, 'after', limit)).toEqual(expected);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('reads as little of a long conversation as of a short one', async () => {
    const read = async (batches: number): Promise<number> => {
      const plan = Array.from({ length: batches }, (_, nth): Plan => {
        return { author: nth % 2 === 0 ? ALICE : BOB, segment: 'a'.repeat(32), gaps: [3, 2, 1] };
      });
      const changes = receive(plan);
      const [timeline, conversation, store] = await open(changes);
      let count = 0;
      for (const method of ['around', 'before', 'after'] as const) {
        const real = store[method].bind(store) as (...args: unknown[]) => Promise<unknown[]>;
        vi.spyOn(store, method).mockImplementation((async (...args: unknown[]) => {
          const found = await real(...args);
          count += found.length;
          return found;
        }) as never);
      }
      const from = ordersOf(changes).sort(compareMessages).at(-60) ?? null;
      for (const side of ['before', 'after'] as const) {
        expect(await timeline.page(conversation, { side, from, limit: 20 })).toHaveLength(20);
        await timeline.page(conversation, { side, from: null, limit: 20 });
      }
      return count;
    };
    expect(await read(1_000)).toBe(await read(200));
  });
});
