import {
  type ActionContent,
  isAction,
  MAX_SHOWN_REACTIONS,
  readContent,
  type Reference,
  type TextContent,
} from '@p2p-chat/shared';
import { compareMessages, type Confirmation, type MessageOrder, type Reaction } from './message.js';
import type { TimelineEntry } from './timeline.js';

/** An entry that changes another one. */
export interface Action {
  entry: TimelineEntry;
  content: ActionContent;
}

/** The message that actions are about. */
export interface Target extends MessageOrder {
  /** Its leaf; null where only an import has it, which any reference to its place means. */
  leaf: string | null;
}

/** Whether somebody may delete what another one wrote. @param clock of the delete */
export type MayDelete = (by: string, author: string, clock: string) => boolean;

/** Of what is written now: it comes after all that is known. */
export const LATEST_CLOCK = 'f'.repeat(16);

/** What others make of a message. */
export interface Effects {
  /** The delete that counts, where there is one; it hides all else. */
  deleted: Action | null;
  /** The edit that counts. */
  edit: Action | null;
  /** In the order in which each emoji came first; MAX_SHOWN_REACTIONS at most. */
  reactions: Reaction[];
  /** Who confirmed it, the first one first. */
  confirmed: Confirmation[];
}

/** The actions of some entries. */
export function actionsOf(entries: readonly TimelineEntry[]): Action[] {
  return entries.flatMap((entry) => {
    const content = readContent(entry.entry.content);
    return isAction(content) ? [{ entry, content }] : [];
  });
}

/**
 * What actions make of a message: the same, in whatever order they came and
 * however often. The order of the conversation decides which one is the latest.
 */
export function effectsOn(target: Target, actions: readonly Action[], mayDelete: MayDelete): Effects {
  const once = [...new Map(actions.map((one) => [one.entry.id, one])).values()];
  const all = once
    .filter(({ content }) => target.leaf === null || content.target.leaf === target.leaf)
    .sort((a, b) => compareMessages(a.entry, b.entry));
  const of = <Kind extends ActionContent['kind']>(kind: Kind): (Action & { content: { kind: Kind } })[] =>
    all.filter((one): one is Action & { content: { kind: Kind } } => one.content.kind === kind);
  const deleted =
    of('delete').find(({ entry }) => mayDelete(entry.author, target.author, entry.clock)) ?? null;
  if (deleted !== null) return { deleted, edit: null, reactions: [], confirmed: [] };
  return {
    deleted: null,
    edit: of('edit').findLast(({ entry }) => entry.author === target.author) ?? null,
    reactions: reactionsOf(of('reaction')),
    confirmed: confirmedBy(of('confirm').filter(({ entry }) => entry.author !== target.author)),
  };
}

/** Of each person the latest set counts. */
function reactionsOf(all: readonly (Action & { content: { kind: 'reaction' } })[]): Reaction[] {
  const latest = new Map(all.map((one) => [one.entry.author, one]));
  const by = new Map<string, string[]>();
  for (const { entry, content } of [...latest.values()].sort((a, b) => compareMessages(a.entry, b.entry))) {
    for (const emoji of content.emoji) by.set(emoji, [...(by.get(emoji) ?? []), entry.author]);
  }
  return Array.from(by, ([emoji, people]) => ({ emoji, by: people })).slice(0, MAX_SHOWN_REACTIONS);
}

function confirmedBy(all: readonly Action[]): Confirmation[] {
  const first = new Map<string, Confirmation>();
  for (const { entry } of all) {
    if (!first.has(entry.author)) first.set(entry.author, { peerId: entry.author, at: entry.entry.sentAt });
  }
  return [...first.values()];
}

/** A text with the edit that counts. */
export function edited(content: TextContent, edit: Action | null): TextContent {
  if (edit?.content.kind !== 'edit') return content;
  const { body, mentions } = edit.content;
  const { mentions: _, ...rest } = content;
  return { ...rest, body, ...(mentions === undefined ? {} : { mentions }) };
}

/** Whether two references mean the same entry: at one place there are two after a fork. */
export function isSameEntry(one: Reference, other: Reference): boolean {
  const isSamePlace = one.author === other.author && one.segment === other.segment && one.seq === other.seq;
  return isSamePlace && one.leaf === other.leaf;
}
