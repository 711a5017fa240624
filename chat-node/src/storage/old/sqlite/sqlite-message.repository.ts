import type { ConversationSummary } from '../../../chat/conversation.js';
import { countIds, MESSAGE_CLOCK_LENGTH, MESSAGE_ID_LENGTH, SENT_AT_LENGTH } from '@p2p-chat/shared';
import { StorageError } from '../../../chat/errors.js';
import type { Message } from '../../../chat/message.js';
import { type MessageRun, messagesOf, packRuns } from '../../../chat/message-run.js';
import { type HistoryPage, MessageRepository } from '../../../chat/ports/message.repository.js';
import { runsOf } from './queued-texts.js';
import type { WorkerClient } from './worker-client.js';

/** MessageRepository whose work is done by the storage thread. */
export class SqliteMessageRepository extends MessageRepository {
  constructor(private readonly worker: WorkerClient) {
    super();
  }

  override addOutgoing(messages: readonly Message[]): Promise<void> {
    return this.addOutgoingRuns(packRuns(messages));
  }

  override async addOutgoingRuns(runs: readonly MessageRun[]): Promise<void> {
    await this.worker.call('messages', 'addOutgoing', checked(runs));
  }

  override async addIncoming(messages: readonly Message[]): Promise<boolean[]> {
    const runs = packRuns(messages);
    const added = await this.addIncomingRuns(runs);
    return runs.flatMap(({ count }, nth) => {
      const places = added[nth] ?? null;
      const isNew = Array.from({ length: count }, () => places === null);
      for (const at of places ?? []) isNew[at] = true;
      return isNew;
    });
  }

  override async addIncomingRuns(runs: readonly MessageRun[]): Promise<(readonly number[] | null)[]> {
    return this.worker.call('messages', 'addIncoming', checked(runs));
  }

  override addImported(messages: readonly Message[]): Promise<boolean[]> {
    return this.worker.call('messages', 'addImported', messages);
  }

  override addDropped(runs: readonly MessageRun[]): Promise<void> {
    return this.worker.call('messages', 'addDropped', runs);
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

  override async setDelivered(conversationId: string, ids: string): Promise<string> {
    const changed = await this.worker.call('messages', 'setState', conversationId, ids, 'delivered');
    return changed?.join('') ?? ids;
  }

  override async queued(
    conversationId: string,
    afterClock: string,
    limit: number,
    maxBytes: number,
  ): Promise<Message[]> {
    return (await this.queuedRuns(conversationId, afterClock, limit, maxBytes)).flatMap(messagesOf);
  }

  override async queuedRuns(
    conversationId: string,
    afterClock: string,
    limit: number,
    maxBytes: number,
  ): Promise<MessageRun[]> {
    const parts = await this.worker.call('messages', 'queued', conversationId, afterClock, limit, maxBytes);
    return parts.flatMap((part) => runsOf(conversationId, part));
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

/**
 * The runs as they are.
 * @throws {StorageError} `storage-failed` where an id or a clock has not its length
 */
function checked(runs: readonly MessageRun[]): readonly MessageRun[] {
  for (const { ids, clocks, sentAt, count } of runs) {
    const areWhole =
      clocks.length === count * MESSAGE_CLOCK_LENGTH && sentAt.length === count * SENT_AT_LENGTH;
    if (areWhole && countIds(ids) === count) continue;
    throw new StorageError('storage-failed', 'An id or a clock of a message has not its length.', {
      hint: 'This is a fault of the program; please report it.',
    });
  }
  return runs;
}

/** Ids, one after the other; what has not the length of an id is that of no message. */
function packIds(ids: readonly string[]): string {
  return ids.filter(({ length }) => length === MESSAGE_ID_LENGTH).join('');
}
