import {
  type Batch,
  entriesOf,
  hasErased,
  lastSeq,
  leafOf,
  readContent,
  segmentTag,
  type Sha256,
} from '@p2p-chat/shared';
import type { MayDelete } from '../conversations/effects.js';
import { referencesOf } from '../conversations/references.js';
import type { ConversationStore } from '../ports/conversation.store.js';

/** Deletes of one link that are remembered until what they erase has come. */
const MAX_PROOFS = 4_096;

/**
 * Whether entries of which only the leaf came were deleted: the delete is the
 * proof. It may come before its turn, just for that.
 */
export class ErasureProofs {
  readonly #proved = new Set<string>();

  constructor(
    private readonly store: ConversationStore,
    private readonly sha256: Sha256,
    private readonly mayDelete: MayDelete,
  ) {}

  /** Takes note of the deletes of a batch that was verified, whether or not it is taken. */
  note(batch: Batch): void {
    for (const key of this.#keysOf(batch)) if (this.#proved.size < MAX_PROOFS) this.#proved.add(key);
  }

  /** Whether each erased entry of a batch was deleted by who may do so. @throws {StorageError} */
  async covers(batch: Batch): Promise<boolean> {
    if (!hasErased(batch)) return true;
    const proved = new Set(this.#proved);
    for (const { batch: referring } of await this.store.referring([this.#range(batch)]))
      for (const key of this.#keysOf(referring)) proved.add(key);
    return entriesOf(batch).every(
      ({ erased, seq }) => !erased || proved.has(this.#key(batch, seq, leafOf(batch, seq, this.sha256))),
    );
  }

  /** The batches with the deletes of a batch's erased entries. @throws {StorageError} */
  async of(batch: Batch): Promise<Batch[]> {
    if (!hasErased(batch)) return [];
    const referring = await this.store.referring([this.#range(batch)]);
    return referring.map((kept) => kept.batch).filter((one) => this.#keysOf(one).length > 0);
  }

  #range(batch: Batch): { tag: string; first: number; last: number } {
    const tag = segmentTag(batch.conversation, batch.author, batch.segment, this.sha256);
    return { tag, first: batch.first, last: lastSeq(batch) };
  }

  #keysOf(batch: Batch): string[] {
    if (referencesOf(batch).targets.length === 0) return [];
    return entriesOf(batch).flatMap(({ clock, content: text }) => {
      const content = readContent(text);
      if (content.kind !== 'delete') return [];
      return [content.target, ...(content.versions ?? [])]
        .filter(({ author }) => this.mayDelete(batch.author, author, clock))
        .map((one) => this.#key(one, one.seq, one.leaf));
    });
  }

  #key({ author, segment }: Pick<Batch, 'author' | 'segment'>, seq: number, leaf: string): string {
    return `${author} ${segment} ${seq} ${leaf}`;
  }
}
