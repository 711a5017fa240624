import type { ConversationSummary } from '../../chat/conversation.js';
import type { Message } from '../../chat/message.js';
import { type HistoryPage, MessageRepository } from '../../chat/ports/message.repository.js';
import type { WorkerClient } from './worker-client.js';

/** MessageRepository whose work is done by the storage thread. */
export class SqliteMessageRepository extends MessageRepository {
  constructor(private readonly worker: WorkerClient) {
    super();
  }

  override addOutgoing(messages: readonly Message[]): Promise<void> {
    return this.worker.call('messages', 'addOutgoing', messages);
  }

  override addIncoming(messages: readonly Message[]): Promise<boolean[]> {
    return this.worker.call('messages', 'addIncoming', messages);
  }

  override addDropped(peerId: string, count: number): Promise<void> {
    return this.worker.call('messages', 'addDropped', peerId, count);
  }

  override setState(
    conversationId: string,
    ids: readonly string[],
    state: 'delivered' | 'read' | 'failed',
    reason?: string,
  ): Promise<string[]> {
    return this.worker.call('messages', 'setState', conversationId, ids, state, reason);
  }

  override queued(
    conversationId: string,
    afterClock: string,
    limit: number,
    maxBytes: number,
  ): Promise<Message[]> {
    return this.worker.call('messages', 'queued', conversationId, afterClock, limit, maxBytes);
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
    return this.worker.call('messages', 'receiptsSent', conversationId, ids);
  }

  override conversations(): Promise<ConversationSummary[]> {
    return this.worker.call('messages', 'conversations');
  }

  override conversation(conversationId: string): Promise<ConversationSummary | null> {
    return this.worker.call('messages', 'conversation', conversationId);
  }
}
