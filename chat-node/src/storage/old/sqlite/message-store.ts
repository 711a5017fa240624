import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { idAt, MESSAGE_ID_LENGTH } from '@p2p-chat/shared/message-id';
import { ChatError } from '../../../chat/errors.js';
import type { ConversationSummary } from '../../../chat/conversation.js';
import type { Message } from '../../../chat/message.js';
import { clockAt, isAscending, type MessageRun, packRuns } from '../../../chat/message-run.js';
import type { HistoryPage } from '../../../chat/ports/message.repository.js';
import { AuthorTable } from './author-table.js';
import { ConversationTable, type OpenConversation } from './conversation-table.js';
import { DroppedTable } from './dropped-table.js';
import {
  clockBytes,
  ID_PARAMETER,
  idBytes,
  MESSAGE_COLUMNS,
  MESSAGE_TABLES,
  messageOf,
  uuidOf,
} from './message-row.js';
import { COMES_FROM, INCOMING, PRESENT_STATUS, Status } from './message-status.js';
import { PendingAcks } from './pending-acks.js';
import type { QueuedTexts } from './queued-texts.js';

/** At least every clock. */
const GREATEST_CLOCK = 'f'.repeat(16);

/** Queued messages in one part of an answer: longer texts are not collected as soon as they are done with. */
const QUEUED_PART = 512;

/** Acks that are looked up at once where it is not known which come next. */
const PENDING_PAGE = 512;

// `status <= 3` lets SQLite use the partial index; the plus keeps it from
// choosing an index on the conversation where the id is the short way.
const WAITING = 'm.conversation = ?1 AND m.status <= 3 AND m.status =';
const IN_ORDER = 'm.conversation = ?1 AND m.status =';

/**
 * What SqliteMessageRepository asks of the storage thread: the calls of the
 * port, with lists of messages and ids as texts. Each runs in the transaction
 * of its group.
 */
export class MessageStore {
  readonly #authors: AuthorTable;
  readonly #conversations: ConversationTable;
  readonly #pending = new PendingAcks();
  readonly #dropped: DroppedTable;
  readonly #greatestRow: StatementSync;
  readonly #insert: StatementSync;
  readonly #inserted: StatementSync;
  readonly #own: StatementSync;
  readonly #move: StatementSync;
  readonly #receiptSent: StatementSync;
  readonly #sentAfter: StatementSync;
  readonly #queued: StatementSync;
  readonly #unread: StatementSync;
  readonly #receiptsDue: StatementSync;
  readonly #find: StatementSync;
  readonly #place: StatementSync;
  readonly #newest: StatementSync;
  readonly #before: StatementSync;
  readonly #after: StatementSync;

  constructor(database: DatabaseSync) {
    this.#authors = new AuthorTable(database);
    this.#conversations = new ConversationTable(database);
    this.#dropped = new DroppedTable(database);
    this.#greatestRow = database.prepare('SELECT coalesce(max(n), 0) AS n FROM messages');
    // A whole run in one statement; `key` is the place in the list.
    this.#insert = database.prepare(
      `INSERT INTO messages (conversation, author, id, clock, status, kind, sent_at, received_at, body)
       SELECT ?, ?, substr(?, key * 16 + 1, 16), substr(?, key * 8 + 1, 8), ?, ?,
         CAST(substr(?, key * 16 + 1, 16) AS INTEGER), ?, value
       FROM json_each(?) WHERE true
       ON CONFLICT (id, author) DO NOTHING`,
    );
    this.#inserted = database.prepare('SELECT lower(hex(id)) AS id FROM messages WHERE n > ?');
    this.#own = database.prepare(
      `SELECT m.n, m.status AS stored, ${PRESENT_STATUS} AS status FROM messages m JOIN conversations c ON c.ref = m.conversation
       WHERE m.id = ${ID_PARAMETER} AND +m.conversation = ? AND m.status NOT IN (${INCOMING.join()})`,
    );
    this.#move = database.prepare('UPDATE messages SET status = ?, reason = ? WHERE n = ?');
    this.#receiptSent = database.prepare(
      `UPDATE messages SET status = ${Status.seen}
       WHERE id = ${ID_PARAMETER} AND +conversation = ? AND +status = ${Status.receiptDue}`,
    );
    this.#sentAfter = database.prepare(
      `SELECT lower(hex(m.id)) AS id, lower(hex(m.clock)) AS clock FROM messages m
       WHERE ${IN_ORDER} ${Status.sent} AND m.clock > unhex(?2) ORDER BY m.clock LIMIT ?3`,
    );
    // Both halves come in the order of an index and are merged as they are
    // read; their bodies only then, and the rows as a few texts.
    const queued = 'm.clock AS place, m.n, octet_length(m.body) AS bytes';
    this.#queued = database.prepare(
      `SELECT count(*) AS count, sum(octet_length(m.body)) AS bytes, min(a.peer_id) AS author,
         group_concat(lower(hex(m.id)), '') AS ids, group_concat(lower(hex(m.clock)), '') AS clocks,
         json_group_array(m.kind) AS kinds, group_concat(printf('%016d', m.sent_at), '') AS sentAt,
         json_group_array(m.body) AS bodies
       FROM (
         SELECT n, sum(bytes) OVER (ORDER BY place ROWS UNBOUNDED PRECEDING) - bytes AS before
         FROM (
           SELECT ${queued} FROM messages m WHERE ${WAITING} ${Status.queued} AND m.clock > unhex(?2)
           UNION ALL
           SELECT ${queued} FROM messages m WHERE ${IN_ORDER} ${Status.sent} AND m.clock > unhex(?3)
           ORDER BY place LIMIT ?4
         )
       ) w CROSS JOIN messages m ON m.n = w.n JOIN authors a ON a.ref = m.author WHERE w.before < ?5`,
    );
    const unread = 'm.clock AS place, lower(hex(m.clock)) AS clock, m.n, lower(hex(m.id)) AS id, m.status';
    this.#unread = database.prepare(
      `SELECT ${unread} FROM messages m WHERE ${WAITING} ${Status.unread} AND m.clock <= unhex(?2)
       UNION ALL
       SELECT ${unread} FROM messages m
       WHERE ${IN_ORDER} ${Status.arrived} AND m.clock >= unhex(?3) AND m.clock <= unhex(?2)
       ORDER BY place LIMIT ?4`,
    );
    this.#receiptsDue = database.prepare(
      `SELECT lower(hex(m.id)) AS id FROM messages m WHERE ${WAITING} ${Status.receiptDue} ORDER BY m.clock LIMIT ?2`,
    );
    // Where the other one used an id of ours, ours is meant.
    const one = `m.id = ${ID_PARAMETER} AND +m.conversation = ? ORDER BY m.status IN (${INCOMING.join()}) LIMIT 1`;
    this.#find = database.prepare(`SELECT ${MESSAGE_COLUMNS} FROM ${MESSAGE_TABLES} WHERE ${one}`);
    this.#place = database.prepare(`SELECT m.clock, m.author, m.id FROM messages m WHERE ${one}`);
    const page = (condition: string, direction: 'ASC' | 'DESC'): StatementSync =>
      database.prepare(
        `SELECT ${MESSAGE_COLUMNS} FROM ${MESSAGE_TABLES} WHERE m.conversation = ? ${condition}
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
    this.#dropped.forget();
    this.#pending.clear();
  }

  addOutgoing(runs: readonly MessageRun[]): void {
    for (const run of runs) {
      const conversation = this.#conversations.getOrCreate(run.conversationId);
      const inOrder = isAscending(run) && clockAt(run, 0) > (conversation.last?.clock ?? '');
      if (inOrder && conversation.queued === 0) {
        // Nothing that is acked later has to be looked for before this.
        conversation.deliveredTo = conversation.last?.clock ?? '';
        this.#conversations.changed(conversation);
        this.#pending.start(conversation.ref, { ids: '', clocks: '', count: 0 }, true);
      }
      const added = this.#add(conversation, run, inOrder ? Status.sent : Status.queued);
      conversation.queued += added.length;
      if (!inOrder) continue;
      if (added.length === run.count) this.#pending.add(conversation.ref, run);
      else this.#pending.forget(conversation.ref);
    }
  }

  /** @returns the places of those that are new, run by run; null for all of a run */
  addIncoming(runs: readonly MessageRun[]): (number[] | null)[] {
    return runs.map((run) => {
      const conversation = this.#conversations.getOrCreate(run.conversationId);
      const earliest = leastClock(run);
      if (conversation.unread === 0 && earliest > conversation.unreadFrom) conversation.unreadFrom = earliest;
      const inOrder = earliest >= conversation.unreadFrom;
      const added = this.#add(conversation, run, inOrder ? Status.arrived : Status.unread);
      conversation.unread += added.length;
      return added.length === run.count ? null : added;
    });
  }

  addImported(messages: readonly Message[]): boolean[] {
    return messages.map((message) => {
      const conversation = this.#conversations.getOrCreate(message.conversationId);
      const status = importedStatus(message);
      const [run] = packRuns([message]);
      const isNew = run !== undefined && this.#add(conversation, run, status).length > 0;
      if (isNew && message.reason !== undefined) {
        this.#move.run(status, message.reason, this.#greatestRow.get()?.['n'] as number);
      }
      return isNew;
    });
  }

  addDropped(runs: readonly MessageRun[]): void {
    for (const run of runs) this.#dropped.add(run, this.#authors.refOf(run.author));
  }

  /**
   * @param ids one after the other
   * @returns the ids that changed, in the order given; null for all of them
   */
  setState(
    conversationId: string,
    ids: string,
    state: 'delivered' | 'read' | 'failed',
    reason?: string,
  ): string[] | null {
    const conversation = this.#conversations.get(conversationId);
    if (conversation === undefined) return [];
    const total = ids.length / MESSAGE_ID_LENGTH;
    const changed: string[] = [];
    let at = state === 'delivered' ? this.#takeAcks(conversation, ids, 0) : 0;
    if (at === total) return null;
    for (let taken = 0; taken < at; taken += 1) changed.push(idAt(ids, taken));
    while (at < total) {
      const id = idAt(ids, at);
      if (this.#setOne(conversation, id, state, reason)) changed.push(id);
      at += 1;
      const next = state === 'delivered' ? this.#takeAcks(conversation, ids, at) : at;
      for (; at < next; at += 1) changed.push(idAt(ids, at));
    }
    return changed;
  }

  /** @returns them in order, in parts of texts */
  queued(conversationId: string, afterClock: string, limit: number, maxBytes: number): QueuedTexts[] {
    const conversation = this.#conversations.get(conversationId);
    if (conversation === undefined) return [];
    const { ref, deliveredTo } = conversation;
    const parts: QueuedTexts[] = [];
    let [after, left, bytes] = [afterClock, limit, maxBytes];
    while (left > 0 && bytes > 0) {
      const size = Math.min(left, QUEUED_PART);
      const sentAfter = after > deliveredTo ? after : deliveredTo;
      const row = this.#queued.get(ref, after, sentAfter, size, bytes);
      const part = row as unknown as (QueuedTexts & { bytes: number }) | undefined;
      if (part === undefined || part.count === 0) break;
      parts.push(part);
      if (part.count < size) break;
      after = clockAt(part, part.count - 1);
      left -= part.count;
      bytes -= part.bytes;
    }
    return parts;
  }

  history(conversationId: string, page: HistoryPage): Message[] {
    const conversation = this.#conversations.get(conversationId);
    const id = page.after ?? page.before;
    const place = id === undefined ? [] : this.#placeOf(conversation?.ref, id);
    if (conversation === undefined) return [];
    this.flush();
    const forward = page.after !== undefined;
    const statement = id === undefined ? this.#newest : forward ? this.#after : this.#before;
    const rows = statement.all(conversation.ref, ...place, page.limit);
    if (!forward) rows.reverse();
    return rows.map((row) => messageOf(row, conversationId));
  }

  find(conversationId: string, id: string): Message | null {
    const conversation = this.#conversations.get(conversationId);
    if (conversation === undefined) return null;
    this.flush();
    const row = this.#find.get(id, conversation.ref);
    return row === undefined ? null : messageOf(row, conversationId);
  }

  markRead(
    conversationId: string,
    upToClock: string | null,
    options: { limit: number; receipts: boolean },
  ): string[] {
    const conversation = this.#conversations.get(conversationId);
    if (conversation === undefined || conversation.unread === 0) return [];
    const { ref, unreadFrom } = conversation;
    const rows = this.#unread.all(ref, upToClock ?? GREATEST_CLOCK, unreadFrom, options.limit);
    const next = options.receipts ? Status.receiptDue : Status.seen;
    for (const row of rows) {
      this.#move.run(next, null, row['n'] as number);
      if (row['status'] === Status.arrived) conversation.unreadFrom = row['clock'] as string;
    }
    conversation.unread -= rows.length;
    this.#conversations.changed(conversation);
    return rows.map((row) => uuidOf(row['id'] as string));
  }

  receiptsDue(conversationId: string, limit: number): string[] {
    const conversation = this.#conversations.get(conversationId);
    if (conversation === undefined) return [];
    return this.#receiptsDue.all(conversation.ref, limit).map((row) => uuidOf(row['id'] as string));
  }

  /** @param ids one after the other */
  receiptsSent(conversationId: string, ids: string): void {
    const conversation = this.#conversations.get(conversationId);
    if (conversation === undefined) return;
    for (let at = 0; at < ids.length / MESSAGE_ID_LENGTH; at += 1) {
      this.#receiptSent.run(idAt(ids, at), conversation.ref);
    }
  }

  conversations(): ConversationSummary[] {
    return this.#conversations.summaries();
  }

  conversation(conversationId: string): ConversationSummary | null {
    return this.#conversations.summary(conversationId);
  }

  /** Inserts what of a run is not there. @returns the places of those that are new */
  #add(conversation: OpenConversation, run: MessageRun, status: Status): number[] {
    const before = this.#greatestRow.get()?.['n'] as number;
    const { changes } = this.#insert.run(
      conversation.ref,
      this.#authors.refOf(run.author),
      idBytes(run),
      clockBytes(run),
      status,
      run.kind,
      Buffer.from(run.sentAt, 'latin1'),
      run.receivedAt,
      run.bodies,
    );
    const added = Array.from({ length: run.count }, (_, at) => at);
    if (changes < run.count) {
      const ids = new Set(this.#inserted.all(before).map((row) => uuidOf(row['id'] as string)));
      added.splice(0, added.length, ...added.filter((at) => ids.delete(idAt(run.ids, at))));
    }
    if (added.length === 0) return added;
    let last = 0;
    for (let nth = 1; nth < added.length; nth += 1) {
      if (isAfter(run, added[nth] as number, added[last] as number)) last = nth;
    }
    const at = added[last] as number;
    this.#conversations.added(conversation, {
      clock: clockAt(run, at),
      author: run.author,
      id: idAt(run.ids, at),
      n: before + last + 1,
    });
    this.#conversations.changed(conversation);
    return added;
  }

  /** Moves the mark over acks that are the next ones. @returns the place after them */
  #takeAcks(conversation: OpenConversation, ids: string, from: number): number {
    for (let at = from; ;) {
      if (!this.#pending.knows(conversation.ref)) this.#lookUpPending(conversation);
      const { count, clock } = this.#pending.take(conversation.ref, ids, at);
      if (count === 0) return at;
      conversation.deliveredTo = clock;
      conversation.queued -= count;
      this.#conversations.changed(conversation);
      at += count;
      // Only what was looked up may have ended before the acks did.
      if (at * MESSAGE_ID_LENGTH === ids.length || this.#pending.knows(conversation.ref)) return at;
    }
  }

  #lookUpPending({ ref, deliveredTo }: OpenConversation): void {
    const rows = this.#sentAfter.all(ref, deliveredTo, PENDING_PAGE);
    const ids = rows.map((row) => uuidOf(row['id'] as string)).join('');
    const clocks = rows.map((row) => row['clock'] as string).join('');
    this.#pending.start(ref, { ids, clocks, count: rows.length }, rows.length < PENDING_PAGE);
  }

  /** Changes the state of one message in its row. @returns whether it changed */
  #setOne(
    conversation: OpenConversation,
    id: string,
    state: 'delivered' | 'read' | 'failed',
    reason: string | undefined,
  ): boolean {
    this.flush();
    const row = this.#own.get(id, conversation.ref);
    const from = row?.['status'] as Status | undefined;
    if (row === undefined || from === undefined || !COMES_FROM[state].includes(from)) return false;
    this.#move.run(Status[state], reason ?? null, row['n'] as number);
    if (from !== Status.queued) return true;
    if (row['stored'] === Status.sent) this.#pending.settle(conversation.ref, id);
    conversation.queued -= 1;
    this.#conversations.changed(conversation);
    return true;
  }

  #placeOf(
    conversation: number | undefined,
    id: string,
  ): [clock: Uint8Array, author: number, id: Uint8Array] {
    const row = conversation === undefined ? undefined : this.#place.get(id, conversation);
    if (row === undefined) {
      throw new ChatError('message-unknown', `There is no message ${id} in this conversation.`, {
        hint: 'Use an id that the history of this conversation shows.',
      });
    }
    return [row['clock'] as Uint8Array, row['author'] as number, row['id'] as Uint8Array];
  }
}

/** Whether the message at one place of a run comes after that at another; the author is the same. */
function isAfter(run: MessageRun, one: number, other: number): boolean {
  const [a, b] = [clockAt(run, one), clockAt(run, other)];
  return a > b || (a === b && idAt(run.ids, one) > idAt(run.ids, other));
}

function leastClock(run: MessageRun): string {
  let least = clockAt(run, 0);
  for (let at = 1; at < run.count; at += 1) {
    const clock = clockAt(run, at);
    if (clock < least) least = clock;
  }
  return least;
}

/** A status that waits for nothing. */
function importedStatus({ direction, state }: Message): Status {
  if (direction === 'in') return Status.seen;
  return state === 'read' || state === 'failed' ? Status[state] : Status.delivered;
}
