import {
  type Batch,
  contentText,
  entriesOf,
  eraseEntries,
  leafOf,
  MAX_SHOWN_REACTIONS,
  readContent,
  type Reference,
} from '@p2p-chat/shared';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../storage/memory/memory-store.js';
import { testClock, testConversation, TestFeed } from '../../testing/feeds.js';
import { Conversations } from './conversations.js';
import { effectsOn, type MayDelete } from './effects.js';
import { Erasing } from './erasing.js';
import type { Message } from './message.js';
import { Projection } from './projection.js';
import { Timeline, type TimelineEntry } from './timeline.js';

const ID = testConversation('Alice', 'Bob');
const NAMES = ['Alice', 'Bob', 'Carol'] as const;
/** Alice may delete what anybody wrote. */
const ADMIN = new TestFeed('Alice', ID).author;
const mayDelete: MayDelete = (by, author) => by === author || by === ADMIN;
const { keys } = new TestFeed('Alice', ID);

/** What somebody does, with a message that is chosen by a number. */
interface Step {
  who: number;
  what: 'text' | 'reply' | 'confirm-me' | 'edit' | 'delete' | 'reaction' | 'confirm';
  on: number;
  /** Whether it is said of an entry that is not the one at its place. */
  forged: boolean;
}

const steps = fc.array(
  fc.record<Step>({
    who: fc.nat(NAMES.length - 1),
    what: fc.constantFrom('text', 'reply', 'confirm-me', 'edit', 'delete', 'reaction', 'confirm'),
    on: fc.nat(20),
    forged: fc.integer({ min: 0, max: 9 }).map((one) => one === 0),
  }),
  { minLength: 1, maxLength: 24 },
);

/** The batches that these steps make, each of one entry, by author. */
function written(plan: readonly Step[]): { feeds: Batch[][]; deleted: string[] } {
  const feeds = NAMES.map((name) => new TestFeed(name, ID));
  const batches: Batch[][] = feeds.map(() => []);
  const texts: { reference: Reference; body: string; bodies: string[]; versions: Reference[] }[] = [];
  const deleted = new Set<string>();
  for (const [nth, { who, what, on, forged }] of plan.entries()) {
    const feed = feeds[who] as TestFeed;
    const message = texts[on % Math.max(1, texts.length)];
    const body = `canary${nth}.`;
    const target = message && { ...message.reference, ...(forged ? { leaf: 'f'.repeat(64) } : {}) };
    const isText = what === 'text' || what === 'confirm-me' || what === 'reply' || target === undefined;
    const content = ((): string => {
      if (target === undefined || what === 'text') return contentText({ kind: 'text', body });
      if (what === 'confirm-me') return contentText({ kind: 'text', body, confirm: true });
      if (what === 'reply') return contentText({ kind: 'text', body, replyTo: target });
      if (what === 'edit') return contentText({ kind: 'edit', target, body });
      if (what === 'reaction')
        return contentText({ kind: 'reaction', target, emoji: on % 3 === 0 ? [] : ['👍'] });
      if (what === 'confirm') return contentText({ kind: 'confirm', target });
      const versions = forged ? [] : [...message!.versions];
      return contentText({ kind: 'delete', target, ...(versions.length === 0 ? {} : { versions }) });
    })();
    const batch = feed.batch([], { clock: testClock(nth), contents: [content] });
    batches[who]?.push(batch);
    const { author, segment, first: seq } = batch;
    const reference = { author, segment, seq, leaf: leafOf(batch, seq, keys.sha256) };
    if (isText) texts.push({ reference, body, bodies: [body], versions: [] });
    else if (what === 'edit' && !forged && author === message!.reference.author) {
      message!.bodies.push(body);
      message!.versions.push(reference);
    } else if (what === 'delete' && !forged && mayDelete(author, message!.reference.author, testClock(nth))) {
      deleted.add(message!.body);
    }
  }
  return { feeds: batches, deleted: texts.flatMap((one) => (deleted.has(one.body) ? one.bodies : [])) };
}

/** An order of arrival that keeps that of each feed, with some batches twice. */
function arrival(feeds: readonly (readonly Batch[])[], picks: readonly number[]): Batch[] {
  const rest = feeds.map((feed) => [...feed]);
  const order: Batch[] = [];
  for (let nth = 0; rest.some((feed) => feed.length > 0); nth += 1) {
    const left = rest.filter((feed) => feed.length > 0);
    const pick = picks[nth % picks.length] ?? 0;
    order.push((left[pick % left.length] as Batch[]).shift() as Batch);
    if (pick % 5 === 0) order.push(order[pick % order.length] as Batch);
  }
  return order;
}

async function screenAfter(
  order: readonly Batch[],
  groupOf: number,
): Promise<{ screen: string; disk: string }> {
  const store = new MemoryStore(undefined, queueMicrotask);
  const record = { id: ID, kind: 'group', peerId: null, seen: [] } as const;
  await store.commit([{ type: 'conversation', record }]);
  const conversations = new Conversations({ store, keys });
  await conversations.load();
  const conversation = conversations.get(ID)!;
  const erasing = new Erasing({
    store,
    sha256: keys.sha256,
    mayDelete: () => mayDelete,
    self: keys.peerId,
    onUnnamed: () => undefined,
  });
  for (let from = 0; from < order.length; from += groupOf) {
    const batches = order.slice(from, from + groupOf);
    await store.commit([
      ...batches.map((batch) => ({ type: 'receive', batch, receivedAt: 0, dropped: false }) as const),
      ...(await erasing.changesFor(conversation, batches)),
    ]);
  }
  const timeline = new Timeline(store, keys.sha256);
  const isIgnored = (): boolean => false;
  const parts = {
    self: keys.peerId,
    store,
    timeline,
    sha256: keys.sha256,
    mayDelete: () => mayDelete,
    isIgnored,
  };
  const items = await timeline.page(conversation, { side: 'before', from: null, limit: 1_000 });
  const messages: Message[] = await new Projection(parts, conversation).messages(items);
  const words = await store.search({ words: ['canary'], limit: 100 });
  const saved = store.disk.saved.map(({ body }) => body).join(' ');
  const disk = store.disk.rows
    .flatMap(({ batch }) => entriesOf(batch).map(({ content }) => content))
    .join(' ');
  // Whether an erased message was sent at another time than its clock says is gone with it.
  const shown = messages.map((message) => ({ ...message, sentAt: message.deleted ? 0 : message.sentAt }));
  return { screen: JSON.stringify([shown, words.length]), disk: disk + saved };
}

describe('what others make of messages', () => {
  it(
    'is the same in any order of arrival, and nothing of what was deleted stays',
    { timeout: 60_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(
          steps,
          fc.array(fc.nat(30), { minLength: 1, maxLength: 12 }),
          fc.integer({ min: 1, max: 5 }),
          async (plan, picks, groupOf) => {
            const { feeds, deleted } = written(plan);
            const inTurn = await screenAfter(arrival(feeds, [0]), 1);
            const mixed = await screenAfter(arrival(feeds, picks), groupOf);
            expect(JSON.parse(mixed.screen)).toEqual(JSON.parse(inTurn.screen));
            for (const body of deleted) expect(inTurn.disk + mixed.disk + mixed.screen).not.toContain(body);
            // Whoever hears of a text only after it was deleted gets its leaf.
            const erased = feeds.map((feed) =>
              feed.map((batch) => {
                const [{ content } = { content: '' }] = entriesOf(batch);
                const read = readContent(content);
                const isGone = read.kind === 'text' && deleted.includes(read.body);
                return isGone ? eraseEntries(batch, new Set([batch.first]), keys.sha256) : batch;
              }),
            );
            const late = await screenAfter(arrival(erased, picks), groupOf);
            expect(JSON.parse(late.screen)).toEqual(JSON.parse(inTurn.screen));
          },
        ),
        { numRuns: 150 },
      );
    },
  );

  it('shows a bounded number of reactions', () => {
    const target = { clock: '0', author: 'a', id: 'a-1', leaf: null };
    const actions = Array.from({ length: MAX_SHOWN_REACTIONS + 1 }, (_, nth) => ({
      entry: { clock: String(nth), author: `b${nth}`, id: `b-${nth}` } as TimelineEntry,
      content: {
        kind: 'reaction' as const,
        target: { author: 'a', segment: '', seq: 1, leaf: '' },
        emoji: [`emoji ${nth}`],
      },
    }));
    expect(effectsOn(target, actions, mayDelete).reactions).toHaveLength(MAX_SHOWN_REACTIONS);
  });
});
