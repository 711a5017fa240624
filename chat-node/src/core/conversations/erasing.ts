import {
  type Batch,
  entriesOf,
  hasErased,
  lastSeq,
  leafOf,
  messageId,
  readContent,
  type Reference,
  segmentTag,
  type Sha256,
} from '@p2p-chat/shared';
import type { MessageRange } from '../events.js';
import type { Change, ConversationStore } from '../ports/conversation.store.js';
import type { Conversation } from './conversation.js';
import { isSameEntry, type MayDelete } from './effects.js';
import { referencesOf } from './references.js';

/** What somebody said of another entry: a delete or an edit of it, and who. */
interface Said {
  by: string;
  clock: string;
  at: Reference;
  content: Extract<ReturnType<typeof readContent>, { kind: 'delete' | 'edit' }>;
}

/**
 * Erases what was deleted for everybody: the message and all edits of it, in
 * the commit that brings the last of what it takes, in whatever order they come.
 */
export class Erasing {
  constructor(
    private readonly parts: {
      store: ConversationStore;
      sha256: Sha256;
      mayDelete: (conversation: Conversation) => MayDelete;
      /** Own peer id. */
      self: string;
      /**
       * Edits are erased that the delete of their message could not name. They are deleted by
       * themselves, so that who gets nothing but their leaves knows what they were.
       */
      onUnnamed: (conversation: Conversation, edits: readonly Reference[]) => void;
    },
  ) {}

  /** What has to be erased beside these batches, in the same commit. @throws {StorageError} */
  async changesFor(conversation: Conversation, batches: readonly Batch[]): Promise<Change[]> {
    // Somebody else's right to delete is the one case in which a delete may come before its message.
    const mayComeFirst = (batch: Batch): boolean => conversation.kind === 'group' || hasErased(batch);
    const concerned = batches.filter((batch) => isReferring(batch) || mayComeFirst(batch));
    if (concerned.length === 0) return [];
    const said = concerned.flatMap((batch) => this.#saidIn(batch));
    const ranges = [
      ...said
        .flatMap(({ content }) => [content.target, ...versionsOf(content)])
        .map((one) => this.#range(conversation, one)),
      ...concerned.filter(mayComeFirst).map((batch) => this.#rangeOf(conversation, batch)),
    ];
    const stored = await this.parts.store.referring(ranges);
    const all = [...said, ...stored.flatMap(({ batch }) => this.#saidIn(batch))];
    const mayDelete = this.parts.mayDelete(conversation);
    const erasures = new Erasures(conversation.id);
    const named = new Set<string>();
    const edits = new Map<string, Reference>();
    for (const { by, clock, content } of all) {
      if (content.kind !== 'delete' || !mayDelete(by, content.target.author, clock)) continue;
      const { target } = content;
      if (!(await this.#isMeant(conversation, target, batches))) continue;
      erasures.erase(target);
      erasures.forget(messageId(this.#tag(conversation, target), target.seq));
      for (const { at, content: other } of all) {
        if (other.kind !== 'edit' || at.author !== target.author || !isSameEntry(other.target, target))
          continue;
        erasures.erase(at);
        // Its author knows of it for certain, and who deleted the message may be the only one left.
        if (by === this.parts.self || at.author === this.parts.self) edits.set(at.leaf, at);
      }
      for (const version of versionsOf(content)) {
        if (version.author !== target.author || !(await this.#isMeant(conversation, version, batches)))
          continue;
        erasures.erase(version);
        erasures.silence(version);
        named.add(version.leaf);
      }
    }
    const unnamed = [...edits.values()].filter(({ leaf }) => !named.has(leaf));
    if (unnamed.length > 0) this.parts.onUnnamed(conversation, unnamed);
    return erasures.changes();
  }

  /** Whether the entry at a place is the one that a reference means; also where there is none yet. */
  async #isMeant(
    conversation: Conversation,
    { author, segment, seq, leaf }: Reference,
    batches: readonly Batch[],
  ): Promise<boolean> {
    const isThere = (one: Batch): boolean =>
      one.author === author && one.segment === segment && one.first <= seq && seq <= lastSeq(one);
    const batch =
      batches.find(isThere) ?? (await this.parts.store.batchOf(conversation.id, author, segment, seq))?.batch;
    return batch === undefined || leafOf(batch, seq, this.parts.sha256) === leaf;
  }

  #saidIn(batch: Batch): Said[] {
    if (!isReferring(batch)) return [];
    return entriesOf(batch).flatMap(({ seq, clock, content: text }) => {
      const content = readContent(text);
      if (content.kind !== 'delete' && content.kind !== 'edit') return [];
      const leaf = leafOf(batch, seq, this.parts.sha256);
      return [
        { by: batch.author, clock, at: { author: batch.author, segment: batch.segment, seq, leaf }, content },
      ];
    });
  }

  #tag({ id }: Conversation, { author, segment }: Pick<Reference, 'author' | 'segment'>): string {
    return segmentTag(id, author, segment, this.parts.sha256);
  }

  #range(conversation: Conversation, reference: Reference): MessageRange {
    const { seq } = reference;
    return { tag: this.#tag(conversation, reference), first: seq, last: seq };
  }

  #rangeOf(conversation: Conversation, batch: Batch): MessageRange {
    return { tag: this.#tag(conversation, batch), first: batch.first, last: lastSeq(batch) };
  }
}

/** Changes that erase and silence entries, one for each segment. */
class Erasures {
  readonly #erased = new Map<string, Reference[]>();
  readonly #silent = new Map<string, Reference[]>();
  readonly #forgotten = new Set<string>();

  constructor(private readonly conversation: string) {}

  erase(place: Reference): void {
    add(this.#erased, place);
  }

  silence(place: Reference): void {
    add(this.#silent, place);
  }

  forget(id: string): void {
    this.#forgotten.add(id);
  }

  changes(): Change[] {
    const of = (type: 'erase' | 'silence', places: Map<string, Reference[]>): Change[] =>
      [...places.values()].map((all) => {
        const [{ author, segment }] = all as [Reference];
        const seqs = [...new Set(all.map(({ seq }) => seq))];
        return { type, conversation: this.conversation, author, segment, seqs };
      });
    const ids = [...this.#forgotten];
    const forget: Change[] = ids.length === 0 ? [] : [{ type: 'forget', ids }];
    return [...of('erase', this.#erased), ...of('silence', this.#silent), ...forget];
  }
}

function add(places: Map<string, Reference[]>, place: Reference): void {
  const key = `${place.author} ${place.segment}`;
  places.set(key, [...(places.get(key) ?? []), place]);
}

function isReferring(batch: Batch): boolean {
  return referencesOf(batch).targets.length > 0;
}

function versionsOf(content: Said['content']): readonly Reference[] {
  return content.kind === 'delete' ? (content.versions ?? []) : [];
}
