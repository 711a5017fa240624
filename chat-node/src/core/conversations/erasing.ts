import {
  type Batch,
  type DeleteContent,
  entriesOf,
  hasErased,
  lastSeq,
  leafOf,
  MAX_DELETED_VERSIONS,
  messageId,
  readContent,
  type Reference,
  segmentTag,
  type Sha256,
} from '@p2p-chat/shared';
import type { MessageRange } from '../events.js';
import type { Change, ConversationStore } from '../ports/conversation.store.js';
import type { Conversation } from './conversation.js';
import { isSameEntry, LATEST_CLOCK, type MayDelete } from './effects.js';
import { referencesOf } from './references.js';

/** What somebody said of another entry: a delete or an edit of it, and who. */
interface Said {
  by: string;
  clock: string;
  at: Reference;
  content: Extract<ReturnType<typeof readContent>, { kind: 'delete' | 'edit' }>;
}

/** What batches erase, and what has to be said before they are stored. */
export interface Erasure {
  changes: Change[];
  /**
   * Deletes that name edits which the delete of their message could not name. An entry is erased only
   * where a delete names it, so that nobody gets a leaf without its proof. Who may delete such an edit
   * writes these before storing it beside the delete of its message: what a crash in between leaves is
   * a delete of what comes once more.
   */
  toName: DeleteContent[];
}

/**
 * Erases what deletes for everybody name: a message and the edits of it, in the
 * commit that brings the last of what it takes, in whatever order they come.
 */
export class Erasing {
  constructor(
    private readonly parts: {
      store: ConversationStore;
      sha256: Sha256;
      mayDelete: (conversation: Conversation) => MayDelete;
      /** Own peer id. */
      self: string;
    },
  ) {}

  /** What has to be erased beside these batches, in the same commit. @throws {StorageError} */
  async changesFor(conversation: Conversation, batches: readonly Batch[]): Promise<Erasure> {
    // Somebody else's right to delete is the one case in which a delete may come before its message.
    const mayComeFirst = (batch: Batch): boolean => conversation.kind === 'group' || hasErased(batch);
    const concerned = batches.filter((batch) => isReferring(batch) || mayComeFirst(batch));
    if (concerned.length === 0) return { changes: [], toName: [] };
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
    const edits = new Map<string, { target: Reference; at: Reference }>();
    for (const { by, clock, content } of all) {
      if (content.kind !== 'delete' || !mayDelete(by, content.target.author, clock)) continue;
      const { target } = content;
      if (!(await this.#isMeant(conversation, target, batches))) continue;
      erasures.erase(target);
      erasures.forget(messageId(this.#tag(conversation, target), target.seq));
      for (const { at, content: other } of all) {
        const isEdit = other.kind === 'edit' && at.author === target.author;
        if (isEdit && isSameEntry(other.target, target)) edits.set(at.leaf, { target, at });
      }
      for (const version of versionsOf(content)) {
        if (version.author !== target.author || !(await this.#isMeant(conversation, version, batches)))
          continue;
        erasures.erase(version);
        erasures.silence(version);
        named.add(version.leaf);
      }
    }
    const unnamed = [...edits.values()].filter(
      ({ at }) => !named.has(at.leaf) && mayDelete(this.parts.self, at.author, LATEST_CLOCK),
    );
    const toName = [...Map.groupBy(unnamed, ({ target }) => target.leaf).values()].flatMap((its) =>
      deletesOf(
        its[0]!.target,
        its.map(({ at }) => at),
      ),
    );
    return { changes: erasures.changes(), toName };
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

/** What deletes a message for everybody, with so many of its edits in each as one can name. */
export function deletesOf(target: Reference, versions: readonly Reference[]): DeleteContent[] {
  const deletes: DeleteContent[] = [];
  for (let from = 0; from === 0 || from < versions.length; from += MAX_DELETED_VERSIONS) {
    const some = versions.slice(from, from + MAX_DELETED_VERSIONS);
    deletes.push({ kind: 'delete', target, ...(some.length === 0 ? {} : { versions: some }) });
  }
  return deletes;
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
