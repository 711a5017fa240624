import {
  type Batch,
  type Content,
  contentText,
  entriesOf,
  eraseEntries,
  leafOf,
  MAX_SHOWN_REACTIONS,
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
const { keys } = new TestFeed('Alice', ID);
const EMOJI = ['👍', '🎉'];

/** What somebody does, with a message that is chosen by a number. */
interface Step {
  who: number;
  what: 'text' | 'reply' | 'confirm-me' | 'edit' | 'delete' | 'reaction' | 'confirm' | 'remind';
  on: number;
  /** Whether it is said of an entry that is not the one at its place. */
  forged: boolean;
  /** Whether its author was restored before: what they write from here on follows nothing that they wrote. */
  restored: boolean;
}

const rarely = (of: number): fc.Arbitrary<boolean> => fc.integer({ min: 1, max: of }).map((one) => one === 1);
const steps = fc.array(
  fc.record<Step>({
    who: fc.nat(NAMES.length - 1),
    what: fc.constantFrom(
      'text',
      'reply',
      'confirm-me',
      'edit',
      'edit',
      'delete',
      'reaction',
      'confirm',
      'remind',
    ),
    on: fc.nat(20),
    forged: rarely(10),
    restored: rarely(6),
  }),
  { minLength: 1, maxLength: 24 },
);

/** A step that was taken: a batch of one entry. */
interface Taken {
  nth: number;
  author: string;
  what: Step['what'] | 'text';
  forged: boolean;
  /** The text that it is about. */
  on: Taken | undefined;
  body: string;
  emoji: string[];
  reference: Reference;
  batch: Batch;
}

/** Alice may delete what anybody wrote, until she is removed at this step. */
const mayDeleteUntil =
  (removed: number): MayDelete =>
  (by, author, clock) =>
    by === author || (by === keys.peerId && clock < testClock(removed));

const bodyOf = (nth: number): string => `canary${nth}.`;

function written(plan: readonly Step[], feeds: readonly TestFeed[]): Taken[] {
  const taken: Taken[] = [];
  for (const [nth, { who, what: wanted, on: chosen, forged, restored }] of plan.entries()) {
    const feed = feeds[who] as TestFeed;
    if (restored) feed.newSegment();
    const texts = taken.filter(({ what }) => ['text', 'reply', 'confirm-me'].includes(what));
    const on = texts[chosen % Math.max(1, texts.length)];
    const what = on === undefined && wanted !== 'confirm-me' ? 'text' : wanted;
    const target = {
      ...(on?.reference as Reference),
      ...(forged ? { leaf: String(nth).padStart(64, '0') } : {}),
    };
    const emoji = EMOJI.slice(0, chosen % 3);
    const known = taken.filter((one) => one.what === 'edit' && one.on === on && one.author === on?.author);
    const versions = known.map(({ reference }) => reference);
    const body = bodyOf(nth);
    const contents: Record<Step['what'], Content> = {
      text: { kind: 'text', body },
      reply: { kind: 'text', body, replyTo: target },
      'confirm-me': { kind: 'text', body, confirm: true },
      edit: { kind: 'edit', target, body },
      delete: { kind: 'delete', target, ...(versions.length === 0 || forged ? {} : { versions }) },
      reaction: { kind: 'reaction', target, emoji },
      confirm: { kind: 'confirm', target },
      remind: { kind: 'remind', target },
    };
    const batch = feed.batch([], { clock: testClock(nth), contents: [contentText(contents[what])] });
    const { author, segment, first: seq } = batch;
    const reference = { author, segment, seq, leaf: leafOf(batch, seq, keys.sha256) };
    taken.push({ nth, author, what, forged, on, body, emoji, reference, batch });
  }
  return taken;
}

/** What the rules make of those steps that arrive, said once more: texts by what they say at last. */
function expected(arrived: readonly Taken[], mayDelete: MayDelete): Record<string, unknown>[] {
  const about = (text: Taken, what: Step['what']): Taken[] =>
    arrived.filter((one) => one.what === what && one.on === text && !one.forged);
  const isDeleted = (text: Taken): boolean =>
    about(text, 'delete').some(({ author, nth }) => mayDelete(author, text.author, testClock(nth)));
  const editsOf = (text: Taken): Taken[] =>
    about(text, 'edit').filter(({ author }) => author === text.author);
  const saysOf = (text: Taken): string => (editsOf(text).at(-1) ?? text).body;
  const quoteOf = ({ what, on, forged }: Taken): unknown => {
    if (what !== 'reply' || on === undefined || forged || !arrived.includes(on)) return null;
    return isDeleted(on) ? { body: '', deleted: true } : { body: saysOf(on), deleted: false };
  };
  return arrived
    .filter(({ what }) => ['text', 'reply', 'confirm-me'].includes(what))
    .map((text) => {
      if (isDeleted(text))
        return { body: '', deleted: true, edited: false, reactions: [], confirmed: [], quote: null };
      const sets = new Map(about(text, 'reaction').map((one) => [one.author, one]));
      const latest = [...sets.values()].sort((one, other) => one.nth - other.nth);
      const confirming = about(text, 'confirm').filter(({ author }) => author !== text.author);
      return {
        body: saysOf(text),
        deleted: false,
        edited: editsOf(text).length > 0,
        reactions: EMOJI.map((emoji) => ({
          emoji,
          by: latest.filter((one) => one.emoji.includes(emoji)).map(({ author }) => author),
        })).filter(({ by }) => by.length > 0),
        confirmed: text.what === 'confirm-me' ? [...new Set(confirming.map(({ author }) => author))] : [],
        quote: quoteOf(text),
      };
    });
}

/** An order of arrival that keeps that of each segment, with some batches twice. */
function arrival(batches: readonly Batch[], picks: readonly number[]): Batch[] {
  const rest = [...Map.groupBy(batches, ({ segment }) => segment).values()];
  const order: Batch[] = [];
  for (let nth = 0; rest.some((one) => one.length > 0); nth += 1) {
    const left = rest.filter((one) => one.length > 0);
    const pick = picks[nth % picks.length] ?? 0;
    order.push((left[pick % left.length] as Batch[]).shift() as Batch);
    if (pick % 5 === 0) order.push(order[pick % order.length] as Batch);
  }
  return order;
}

/** @param self who may find edits that no delete names */
async function screenAfter(
  order: readonly Batch[],
  groupOf: number,
  mayDelete: MayDelete,
  self = keys.peerId,
): Promise<{ screen: string; disk: string; shown: Record<string, unknown>[]; toName: Set<string> }> {
  const toName = new Set<string>();
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
    self,
  });
  for (let from = 0; from < order.length; from += groupOf) {
    const batches = order.slice(from, from + groupOf);
    const erasure = await erasing.changesFor(conversation, batches);
    for (const content of erasure.toName) toName.add(contentText(content));
    await store.commit([
      ...batches.map((batch) => ({ type: 'receive', batch, receivedAt: 0, dropped: false }) as const),
      ...erasure.changes,
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
  const facts = messages.map(({ content, deleted, edited, reactions, confirmed, quote }) => ({
    body: content.kind === 'text' ? content.body : '',
    deleted,
    edited,
    reactions: EMOJI.flatMap((emoji) => reactions.filter((one) => one.emoji === emoji)),
    confirmed: confirmed.map(({ peerId }) => peerId),
    quote: quote && { body: quote.body, deleted: quote.deleted },
  }));
  return { screen: JSON.stringify([shown, words.length]), disk: disk + saved, shown: facts, toName };
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
          fc.nat(30),
          fc.array(fc.nat(8), { maxLength: 2 }),
          async (plan, picks, groupOf, removed, losses) => {
            const mayDelete = mayDeleteUntil(removed);
            const feeds = NAMES.map((name) => new TestFeed(name, ID));
            const all = written(plan, feeds);
            // Segments that nobody has any more.
            const segments = [...new Set(all.map(({ batch }) => batch.segment))];
            const lost = losses.map((nth) => segments[nth]);
            const arrived = all.filter(({ batch }) => !lost.includes(batch.segment));
            const batches = arrived.map(({ batch }) => batch);
            // What a delete could not name is named by who may, before they store it.
            const named = await Promise.all(
              feeds.map(async (feed, nth) => {
                const { toName } = await screenAfter(batches, 1, mayDelete, feed.author);
                feed.newSegment();
                return [...toName].map((content, at) =>
                  feed.batch([], { clock: testClock(plan.length + nth, at), contents: [content] }),
                );
              }),
            );
            const complete = [...batches, ...named.flat()];
            const inTurn = await screenAfter(complete, 1, mayDelete);
            expect(inTurn.shown).toEqual(expected(arrived, mayDelete));
            const mixed = await screenAfter(arrival(complete, picks), groupOf, mayDelete);
            expect(JSON.parse(mixed.screen)).toEqual(JSON.parse(inTurn.screen));
            const gone = arrived.filter((one) => {
              const text = one.what === 'edit' ? one.on : one;
              if (one.what === 'edit' && (one.forged || one.author !== text?.author)) return false;
              return arrived.some(
                ({ what, on, forged, author, nth }) =>
                  what === 'delete' &&
                  on === text &&
                  !forged &&
                  mayDelete(author, text?.author ?? '', testClock(nth)),
              );
            });
            for (const { body } of gone) expect(inTurn.disk + mixed.disk + mixed.screen).not.toContain(body);
            // Whoever hears of a text only after it was deleted gets its leaf, and those of its edits.
            const erased = complete.map((batch) =>
              gone.some((one) => one.batch === batch)
                ? eraseEntries(batch, new Set([batch.first]), keys.sha256)
                : batch,
            );
            const late = await screenAfter(arrival(erased, picks), groupOf, mayDelete);
            expect(JSON.parse(late.screen)).toEqual(JSON.parse(inTurn.screen));
          },
        ),
        { numRuns: 250 },
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
    expect(effectsOn(target, actions, () => true).reactions).toHaveLength(MAX_SHOWN_REACTIONS);
  });
});
