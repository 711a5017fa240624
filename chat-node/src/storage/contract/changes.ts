import { type Batch, entriesOf, readContent } from '@p2p-chat/shared';
import type {
  Change,
  ConversationRecord,
  ConversationStore,
  StoredBatch,
} from '../../core/ports/conversation.store.js';

/** An empty place for a store, which can be opened again and again. */
export interface StorePlace {
  open(): Promise<ConversationStore>;
  dispose(): Promise<void>;
}

/** A batch of one's own. @param key of its first entry */
export const append = (batch: Batch, key?: string): Change => ({
  type: 'append',
  batch,
  keys: key === undefined ? [] : [{ key, seq: batch.first }],
});

/** A batch that arrived. */
export const receive = (batch: Batch, dropped = false): Change => ({
  type: 'receive',
  batch,
  receivedAt: 5_000,
  dropped,
});

/** The record of a conversation of two. */
export const direct = (id: string, peerId: string, change: Partial<ConversationRecord> = {}): Change => ({
  type: 'conversation',
  record: { id, kind: 'direct', peerId, seen: [], ...change },
});

/** The texts of batches; the kind of what is no text. */
export const bodies = (batches: readonly StoredBatch[]): string[] =>
  batches
    .flatMap(({ batch }) => entriesOf(batch))
    .map(({ content }) => {
      const read = readContent(content);
      return read.kind === 'text' ? read.body : read.kind;
    });
