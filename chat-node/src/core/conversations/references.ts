import { type Batch, entriesOf, isAction, readContent, type Reference } from '@p2p-chat/shared';
import type { MessageRange } from '../events.js';

/** What a conversation keeps a list of: messages that ask to be confirmed, and files. */
export type Listed = 'confirm' | 'file';

/** What the entries of a batch say of other entries, and what of them is listed. */
export interface BatchReferences {
  /** Numbers of the entries that have no line of their own on a screen and never count as unread. */
  silent: readonly number[];
  /** The entries that they change. */
  targets: readonly Reference[];
  /** The lists on which the batch is. */
  lists: ReadonlySet<Listed>;
}

const NOTHING: BatchReferences = { silent: [], targets: [], lists: new Set() };
const COLON = 0x3a;
// Contents that say something of others or are listed have one of these names, as they are written without spaces.
const NAMES = ['"target"', '"confirm"', '"files"'].map((name) => new TextEncoder().encode(name));
/** By the bytes of a batch, which nobody changes. */
const known = new WeakMap<Uint8Array, BatchReferences>();

/** The references of a batch, at next to no cost where it has none. */
export function referencesOf(batch: Pick<Batch, 'first' | 'count' | 'follows' | 'bytes'>): BatchReferences {
  let references = known.get(batch.bytes);
  if (references === undefined) {
    references = mayRefer(batch.bytes) ? read(batch) : NOTHING;
    known.set(batch.bytes, references);
  }
  return references;
}

function read(batch: Pick<Batch, 'first' | 'count' | 'follows' | 'bytes'>): BatchReferences {
  const silent: number[] = [];
  const targets: Reference[] = [];
  const lists = new Set<Listed>();
  for (const { seq, content } of entriesOf(batch)) {
    const said = readContent(content);
    if (said.kind === 'text' && said.confirm === true) lists.add('confirm');
    if (said.kind === 'file') lists.add('file');
    if (!isAction(said)) continue;
    silent.push(seq);
    targets.push(said.target);
    if (said.kind === 'delete') targets.push(...(said.versions ?? []));
  }
  return { silent, targets, lists };
}

function mayRefer(bytes: Uint8Array): boolean {
  for (let at = bytes.indexOf(COLON); at >= 0; at = bytes.indexOf(COLON, at + 1))
    if (NAMES.some((name) => endsAt(bytes, at, name))) return true;
  return false;
}

function endsAt(bytes: Uint8Array, end: number, name: Uint8Array): boolean {
  const start = end - name.length;
  return start >= 0 && name.every((byte, nth) => bytes[start + nth] === byte);
}

/** The place by which the stores find the batches on a list of a conversation: that of no message. */
export function listOf(listed: Listed, conversation: string): MessageRange {
  return { tag: `${listed} ${conversation}`, first: 0, last: 0 };
}
