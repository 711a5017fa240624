import type { ConversationSummary } from '../../chat/conversation.js';
import type { Message } from '../../chat/message.js';
import { type HistoryPage, MessageRepository } from '../../chat/ports/message.repository.js';
import { ID_LENGTH, packRuns, unpackQueued } from './message-run.js';
import type { WorkerClient } from './worker-client.js';

/** MessageRepository whose work is done by the storage thread. */
export class SqliteMessageRepository extends MessageRepository {
  constructor(private readonly worker: WorkerClient) {
    super();
  }

  override async addOutgoing(messages: readonly Message[]): Promise<void> {
    await this.worker.call('messages', 'addOutgoing', packRuns(messages));
  }

  override async addIncoming(messages: readonly Message[]): Promise<boolean[]> {
    const runs = packRuns(messages);
    const added = await this.worker.call('messages', 'addIncoming', runs);
    return runs.flatMap(({ count }, nth) => {
      const places = added[nth] ?? null;
      const isNew = Array.from({ length: count }, () => places === null);
      for (const at of places ?? []) isNew[at] = true;
      return isNew;
    });
  }

  override addImported(messages: readonly Message[]): Promise<boolean[]> {
    return this.worker.call('messages', 'addImported', messages);
  }

  override addDropped(peerId: string, count: number): Promise<void> {
    return this.worker.call('messages', 'addDropped', peerId, count);
  }

  override async setState(
    conversationId: string,
    ids: readonly string[],
    state: 'delivered' | 'read' | 'failed',
    reason?: string,
  ): Promise<string[]> {
    const changed = await this.worker.call(
      'messages',
      'setState',
      conversationId,
      packIds(ids),
      state,
      reason,
    );
    return changed ?? [...ids];
  }

  override async queued(
    conversationId: string,
    afterClock: string,
    limit: number,
    maxBytes: number,
  ): Promise<Message[]> {
    const parts = await this.worker.call('messages', 'queued', conversationId, afterClock, limit, maxBytes);
    return parts.flatMap((part) => unpackQueued(conversationId, part));
  }

  override history(conversationId: string, page: HistoryPage): Promise<Message[]> {
    return this.worker.call('messages', 'history', conversationId, page);
  }

  override find(conversationId: string, id: string): Promise<Message | null> {
    return this.worker.call('messages', 'find', conversationId, id);
  }

  override markRead(
    conversationId: string,
    upToClock: string | null,
    options: { limit: number; receipts: boolean },
  ): Promise<string[]> {
    return this.worker.call('messages', 'markRead', conversationId, upToClock, options);
  }

  override receiptsDue(conversationId: string, limit: number): Promise<string[]> {
    return this.worker.call('messages', 'receiptsDue', conversationId, limit);
  }

  override receiptsSent(conversationId: string, ids: readonly string[]): Promise<void> {
    return this.worker.call('messages', 'receiptsSent', conversationId, packIds(ids));
  }

  override conversations(): Promise<ConversationSummary[]> {
    return this.worker.call('messages', 'conversations');
  }

  override conversation(conversationId: string): Promise<ConversationSummary | null> {
    return this.worker.call('messages', 'conversation', conversationId);
  }
}

/** Ids, one after the other; what has not the length of an id is that of no message. */
function packIds(ids: readonly string[]): string {
  return ids.filter(({ length }) => length === ID_LENGTH).join('');
}
