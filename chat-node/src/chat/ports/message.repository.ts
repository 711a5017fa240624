import { splitIds } from '@p2p-chat/shared';
import type { ConversationSummary } from '../conversation.js';
import type { Message } from '../message.js';
import { messagesOf, type MessageRun, packRuns } from '../message-run.js';

/** A page of history. `before` and `after` are message ids of the conversation and exclude themselves. */
export interface HistoryPage {
  /** The newest messages older than this one. */
  before?: string;
  /** The oldest messages newer than this one. */
  after?: string;
  /** 1 to MAX_HISTORY_PAGE. Without `before` and `after`: the newest. */
  limit: number;
}

/**
 * Where messages are kept.
 *
 * Every write is durable when its promise resolves (it survives SIGKILL and a
 * power cut) and has left nothing behind when it rejects. Calls that are made
 * while a commit runs may share the next one; they take effect in the order
 * in which they were made. A rejection is a {@link StorageError}.
 *
 * The calls with runs are what the core uses for bursts. They say the same as
 * those with messages; a repository that has a shorter way takes it there.
 */
export abstract class MessageRepository {
  /** Saves messages that were written here, state `queued`. Creates conversations as needed. */
  abstract addOutgoing(messages: readonly Message[]): Promise<void>;

  /** {@link addOutgoing} of runs, all of them or none. */
  addOutgoingRuns(runs: readonly MessageRun[]): Promise<void> {
    return this.addOutgoing(runs.flatMap(messagesOf));
  }

  /**
   * Saves messages that arrived, state `delivered`. The unique key is (author,
   * id): what is already there stays as it is.
   * @returns for each message, in order: true if it is new, false if it was there
   */
  abstract addIncoming(messages: readonly Message[]): Promise<boolean[]>;

  /**
   * {@link addIncoming} of runs, all of them or none.
   * @returns for each run the places of those that are new; null for all
   */
  async addIncomingRuns(runs: readonly MessageRun[]): Promise<(readonly number[] | null)[]> {
    const isNew = await this.addIncoming(runs.flatMap(messagesOf));
    let start = 0;
    return runs.map(({ count }) => {
      const mine = isNew.slice(start, (start += count));
      return mine.includes(false) ? mine.flatMap((one, at) => (one ? [at] : [])) : null;
    });
  }

  /**
   * Saves messages of an earlier history as they are: what was written here in
   * state `delivered`, `read` or `failed`, what arrived in state `read`. They
   * wait for nothing: they are not sent, and no receipt of them is due. What
   * is already there stays as it is.
   * @returns for each message, in order: true if it is new, false if it was there
   */
  abstract addImported(messages: readonly Message[]): Promise<boolean[]>;

  /**
   * Counts messages of a blocked peer that were dropped, and keeps nothing of
   * what they say. Costs and takes as long as {@link addIncoming}, by their
   * size and where they are repeats, so that the sender cannot tell.
   */
  abstract addDropped(runs: readonly MessageRun[]): Promise<void>;

  /**
   * Moves outgoing messages of a conversation forward: `queued` to `delivered`
   * to `read`, or `queued` to `failed`. Never back; ids that are not there or
   * already further are passed over.
   * @returns the ids whose state changed, in the order given
   */
  abstract setState(
    conversationId: string,
    ids: readonly string[],
    state: 'delivered' | 'read' | 'failed',
    reason?: string,
  ): Promise<string[]>;

  /**
   * {@link setState} to `delivered`.
   * @param ids one after the other
   * @returns those that changed, one after the other
   */
  async setDelivered(conversationId: string, ids: string): Promise<string> {
    return (await this.setState(conversationId, splitIds(ids), 'delivered')).join('');
  }

  /**
   * The next outgoing messages in state `queued`, in order.
   * @param afterClock only those with a greater clock; '' for the first
   * @param maxBytes stops after the message that reaches this many bytes of bodies (at least one message)
   */
  abstract queued(
    conversationId: string,
    afterClock: string,
    limit: number,
    maxBytes: number,
  ): Promise<Message[]>;

  /** {@link queued}, as runs that each fit a frame. */
  async queuedRuns(
    conversationId: string,
    afterClock: string,
    limit: number,
    maxBytes: number,
  ): Promise<MessageRun[]> {
    return packRuns(await this.queued(conversationId, afterClock, limit, maxBytes));
  }

  /**
   * A page of a conversation, oldest first, by keyset: its cost does not grow
   * with the conversation. An unknown `before` or `after` rejects with
   * `message-unknown`.
   */
  abstract history(conversationId: string, page: HistoryPage): Promise<Message[]>;

  /** One message of a conversation, or null. */
  abstract find(conversationId: string, id: string): Promise<Message | null>;

  /**
   * Marks incoming messages as read, oldest first, and notes that their
   * receipts are due where `receipts` is set.
   * @param upToClock those up to and including this clock; null for all
   * @param limit at most so many at once; call again while `limit` come back
   * @returns the ids that were unread before
   */
  abstract markRead(
    conversationId: string,
    upToClock: string | null,
    options: { limit: number; receipts: boolean },
  ): Promise<string[]>;

  /** Ids of incoming messages that were read and whose receipts the author has not acked, oldest first. */
  abstract receiptsDue(conversationId: string, limit: number): Promise<string[]>;

  /** The author has acked the receipts of these. */
  abstract receiptsSent(conversationId: string, ids: readonly string[]): Promise<void>;

  /** All conversations, the one with the greatest clock first. */
  abstract conversations(): Promise<ConversationSummary[]>;

  /** One conversation, or null. */
  abstract conversation(conversationId: string): Promise<ConversationSummary | null>;
}
