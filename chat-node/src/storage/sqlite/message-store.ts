import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { newMessageId } from '@p2p-chat/shared';
import { ChatError } from '../../chat/errors.js';
import type { ConversationSummary } from '../../chat/conversation.js';
import { directConversationId } from '../../chat/conversation.js';
import type { Message } from '../../chat/message.js';
import type { HistoryPage, MessageRepository } from '../../chat/ports/message.repository.js';
import { AuthorTable } from './author-table.js';
import { ConversationTable } from './conversation-table.js';
import { MESSAGE_COLUMNS, messageOf } from './message-row.js';
import { COMES_FROM, Status } from './message-status.js';
import type { Synchronous } from './operations.js';

/** Greater than every clock. */
const AFTER_ALL_CLOCKS = 'g';

/** Stands for the body of a message that was dropped: an ordinary line. */
const DROPPED_BODY = 'x'.repeat(128);

// `status <= 3` lets SQLite use the partial index; the plus keeps it from
// choosing an index on the conversation where the id is the short way.
const WAITING = 'm.conversation = ? AND m.status = ? AND m.status <= 3';
const FROM = 'messages m JOIN authors a ON a.ref = m.author';

/** MessageRepository inside the worker thread: each call runs in the transaction of its group. */
export class MessageStore implements Synchronous<MessageRepository> {
  readonly #database: DatabaseSync;
  readonly #authors: AuthorTable;
  readonly #conversations: ConversationTable;
  readonly #insert: StatementSync;
  readonly #countDropped: StatementSync;
  readonly #move: StatementSync;
  readonly #moveRow: StatementSync;
  readonly #queued: StatementSync;
  readonly #waiting: StatementSync;
  readonly #find: StatementSync;
  readonly #place: StatementSync;
  readonly #newest: StatementSync;
  readonly #before: StatementSync;
  readonly #after: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#authors = new AuthorTable(database);
    this.#conversations = new ConversationTable(database);
    this.#insert = database.prepare(
      `INSERT INTO messages (conversation, author, id, clock, status, kind, sent_at, received_at, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id, author) DO NOTHING`,
    );
    this.#countDropped = database.prepare(
      `INSERT INTO dropped (peer_id, count) VALUES (?, ?)
       ON CONFLICT (peer_id) DO UPDATE SET count = count + excluded.count`,
    );
    this.#move = database.prepare(
      'UPDATE messages SET status = ?, reason = ? WHERE id = ? AND +conversation = ? AND +status = ?',
    );
    this.#moveRow = database.prepare('UPDATE messages SET status = ? WHERE n = ?');
    this.#queued = database.prepare(
      `SELECT ${MESSAGE_COLUMNS} FROM ${FROM} WHERE ${WAITING} AND m.clock > ? ORDER BY m.clock LIMIT ?`,
    );
    this.#waiting = database.prepare(
      `SELECT m.n, m.id FROM messages m WHERE ${WAITING} AND m.clock <= ? ORDER BY m.clock LIMIT ?`,
    );
    // Where the other one used an id of ours, ours is meant.
    const oursFirst = `ORDER BY m.status IN (${[Status.unread, Status.receiptDue, Status.seen].join()}) LIMIT 1`;
    this.#find = database.prepare(
      `SELECT ${MESSAGE_COLUMNS} FROM ${FROM} WHERE m.id = ? AND +m.conversation = ? ${oursFirst}`,
    );
    this.#place = database.prepare(
      `SELECT m.clock, m.author FROM messages m WHERE m.id = ? AND +m.conversation = ? ${oursFirst}`,
    );
    const page = (condition: string, direction: 'ASC' | 'DESC'): StatementSync =>
      database.prepare(
        `SELECT ${MESSAGE_COLUMNS} FROM ${FROM} WHERE m.conversation = ? ${condition}
         ORDER BY m.clock ${direction}, m.author ${direction}, m.id ${direction} LIMIT ?`,
      );
    this.#newest = page('', 'DESC');
    this.#before = page('AND (m.clock, m.author, m.id) < (?, ?, ?)', 'DESC');
    this.#after = page('AND (m.clock, m.author, m.id) > (?, ?, ?)', 'ASC');
  }

  /** To be called before the commit of a group. */
  flush(): void {
    this.#conversations.flush();
  }

  /** To be called after a roll-back. */
  forget(): void {
    this.#authors.forget();
    this.#conversations.forget();
  }

  addOutgoing(messages: readonly Message[]): void {
    for (const message of messages) this.#add(message, Status.queued);
  }

  addIncoming(messages: readonly Message[]): boolean[] {
    return messages.map((message) => this.#add(message, Status.unread));
  }

  addDropped(peerId: string, count: number): void {
    this.#countDropped.run(peerId, count);
    // As much work as saving them, taken back before it counts: the sender
    // must not tell a block by the time of an ack.
    this.flush();
    this.#database.exec('SAVEPOINT dropped');
    for (let n = 0; n < count; n += 1) this.#add(droppedMessage(peerId), Status.unread);
    this.#database.exec('ROLLBACK TO dropped; RELEASE dropped');
    this.forget();
  }

  setState(
    conversationId: string,
    ids: readonly string[],
    state: 'delivered' | 'read' | 'failed',
    reason?: string,
  ): string[] {
    const conversation = this.#conversations.get(conversationId);
    if (conversation === undefined) return [];
    return ids.filter((id) =>
      COMES_FROM[state].some((from) => {
        const moved = this.#move.run(Status[state], reason ?? null, id, conversation.ref, from).changes === 1;
        if (moved && from === Status.queued) {
          conversation.queued -= 1;
          conversation.changed = true;
        }
        return moved;
      }),
    );
  }

  queued(conversationId: string, afterClock: string, limit: number, maxBytes: number): Message[] {
    const conversation = this.#conversations.get(conversationId);
    if (conversation === undefined) return [];
    const messages: Message[] = [];
    let bytes = 0;
    for (const row of this.#queued.iterate(conversation.ref, Status.queued, afterClock, limit)) {
      const message = messageOf(row, conversationId);
      messages.push(message);
      bytes += Buffer.byteLength(message.body);
      if (bytes >= maxBytes) break;
    }
    return messages;
  }

  history(conversationId: string, page: HistoryPage): Message[] {
    const conversation = this.#conversations.get(conversationId);
    const id = page.after ?? page.before;
    const place = id === undefined ? [] : this.#placeOf(conversation?.ref, id);
    if (conversation === undefined) return [];
    const forward = page.after !== undefined;
    const statement = id === undefined ? this.#newest : forward ? this.#after : this.#before;
    const rows = statement.all(conversation.ref, ...place, page.limit);
    if (!forward) rows.reverse();
    return rows.map((row) => messageOf(row, conversationId));
  }

  find(conversationId: string, id: string): Message | null {
    const conversation = this.#conversations.get(conversationId);
    if (conversation === undefined) return null;
    const row = this.#find.get(id, conversation.ref);
    return row === undefined ? null : messageOf(row, conversationId);
  }

  markRead(
    conversationId: string,
    upToClock: string | null,
    options: { limit: number; receipts: boolean },
  ): string[] {
    const conversation = this.#conversations.get(conversationId);
    if (conversation === undefined) return [];
    const rows = this.#waiting.all(
      conversation.ref,
      Status.unread,
      upToClock ?? AFTER_ALL_CLOCKS,
      options.limit,
    );
    const next = options.receipts ? Status.receiptDue : Status.seen;
    for (const row of rows) this.#moveRow.run(next, row['n'] as number);
    conversation.unread -= rows.length;
    conversation.changed = true;
    return rows.map((row) => row['id'] as string);
  }

  receiptsDue(conversationId: string, limit: number): string[] {
    const conversation = this.#conversations.get(conversationId);
    if (conversation === undefined) return [];
    const rows = this.#waiting.all(conversation.ref, Status.receiptDue, AFTER_ALL_CLOCKS, limit);
    return rows.map((row) => row['id'] as string);
  }

  receiptsSent(conversationId: string, ids: readonly string[]): void {
    const conversation = this.#conversations.get(conversationId);
    if (conversation === undefined) return;
    for (const id of ids) this.#move.run(Status.seen, null, id, conversation.ref, Status.receiptDue);
  }

  conversations(): ConversationSummary[] {
    return this.#conversations.summaries();
  }

  conversation(conversationId: string): ConversationSummary | null {
    return this.#conversations.summary(conversationId);
  }

  #add(message: Message, status: typeof Status.queued | typeof Status.unread): boolean {
    const conversation = this.#conversations.getOrCreate(message.conversationId);
    const { changes, lastInsertRowid } = this.#insert.run(
      conversation.ref,
      this.#authors.refOf(message.author),
      message.id,
      message.clock,
      status,
      message.kind,
      message.sentAt,
      message.receivedAt,
      message.body,
    );
    if (changes === 0) return false;
    this.#conversations.added(conversation, message, Number(lastInsertRowid));
    if (status === Status.queued) conversation.queued += 1;
    else conversation.unread += 1;
    return true;
  }

  #placeOf(conversation: number | undefined, id: string): [clock: string, author: number, id: string] {
    const row = conversation === undefined ? undefined : this.#place.get(id, conversation);
    if (row === undefined) {
      throw new ChatError('message-unknown', `There is no message ${id} in this conversation.`, {
        hint: 'Use an id that the history of this conversation shows.',
      });
    }
    return [row['clock'] as string, row['author'] as number, id];
  }
}

function droppedMessage(peerId: string): Message {
  const now = Date.now();
  return {
    id: newMessageId(now),
    conversationId: directConversationId(peerId),
    author: peerId,
    direction: 'in',
    kind: 'text',
    body: DROPPED_BODY,
    clock: AFTER_ALL_CLOCKS,
    sentAt: now,
    receivedAt: now,
    state: 'delivered',
  };
}
