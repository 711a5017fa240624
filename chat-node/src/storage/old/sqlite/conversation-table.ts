import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { compareMessages, type Message } from '../../../chat/message.js';
import type { ConversationKind, ConversationSummary } from '../../../chat/conversation.js';
import { MESSAGE_COLUMNS, messageOf } from './message-row.js';

/** The place of a message in a conversation's order, and its row. */
type Place = Pick<Message, 'clock' | 'author' | 'id'> & { n: number };

/** A conversation in mid-transaction: counted in memory, written once by {@link ConversationTable.flush}. */
export interface OpenConversation {
  readonly ref: number;
  readonly id: string;
  unread: number;
  queued: number;
  /** Clock up to which messages of status `sent` are acked; '' for none. */
  deliveredTo: string;
  /** Clock from which on messages of status `arrived` are. */
  unreadFrom: string;
  last: Place | null;
}

// Until there are groups, every conversation is one of two people.
const KIND: ConversationKind = 'direct';

const SUMMARY_COLUMNS = `c.ref, c.id AS conversation_id, c.kind AS conversation_kind, c.unread, c.queued, c.last,
  lower(hex(c.delivered_to)) AS delivered_to, lower(hex(c.unread_from)) AS unread_from, ${MESSAGE_COLUMNS}`;
const SUMMARY_TABLES =
  'conversations c LEFT JOIN messages m ON m.n = c.last LEFT JOIN authors a ON a.ref = m.author';

/** The rows of conversations with their counters and their last message. */
export class ConversationTable {
  readonly #open = new Map<string, OpenConversation>();
  readonly #changed = new Set<OpenConversation>();
  readonly #one: StatementSync;
  readonly #all: StatementSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;

  constructor(database: DatabaseSync) {
    this.#one = database.prepare(`SELECT ${SUMMARY_COLUMNS} FROM ${SUMMARY_TABLES} WHERE c.id = ?`);
    this.#all = database.prepare(
      `SELECT ${SUMMARY_COLUMNS} FROM ${SUMMARY_TABLES} ORDER BY m.clock DESC, c.ref`,
    );
    this.#insert = database.prepare(
      "INSERT INTO conversations (id, kind, unread, queued, delivered_to, unread_from) VALUES (?, ?, 0, 0, x'', x'')",
    );
    this.#update = database.prepare(
      `UPDATE conversations SET unread = ?, queued = ?, delivered_to = unhex(?), unread_from = unhex(?), last = ?
       WHERE ref = ?`,
    );
  }

  /** The conversation, or undefined where there is none. */
  get(id: string): OpenConversation | undefined {
    const known = this.#open.get(id);
    if (known !== undefined) return known;
    const row = this.#one.get(id);
    if (row === undefined) return undefined;
    const last = lastMessage(row, id);
    return this.#keep({
      ref: row['ref'] as number,
      id,
      unread: row['unread'] as number,
      queued: row['queued'] as number,
      deliveredTo: row['delivered_to'] as string,
      unreadFrom: row['unread_from'] as string,
      last: last && { clock: last.clock, author: last.author, id: last.id, n: row['last'] as number },
    });
  }

  /** The conversation, made where there is none. */
  getOrCreate(id: string): OpenConversation {
    const known = this.get(id);
    if (known !== undefined) return known;
    const ref = Number(this.#insert.run(id, KIND).lastInsertRowid);
    return this.#keep({
      ref,
      id,
      unread: 0,
      queued: 0,
      deliveredTo: '',
      unreadFrom: '',
      last: null,
    });
  }

  /** Takes a message that was added for the last one, if it is. */
  added(conversation: OpenConversation, place: Place): void {
    if (conversation.last === null || compareMessages(conversation.last, place) < 0)
      conversation.last = place;
  }

  /** Notes that a conversation has to be written. */
  changed(conversation: OpenConversation): void {
    this.#changed.add(conversation);
  }

  /** Writes what changed; before a commit, and before a statement that reads the rows. */
  flush(): void {
    for (const one of this.#changed) {
      this.#update.run(one.unread, one.queued, one.deliveredTo, one.unreadFrom, one.last?.n ?? null, one.ref);
    }
    this.#changed.clear();
  }

  /** Forgets what a rolled-back transaction may have changed. */
  forget(): void {
    this.#open.clear();
    this.#changed.clear();
  }

  summaries(): ConversationSummary[] {
    this.flush();
    return this.#all.all().map(summaryOf);
  }

  summary(id: string): ConversationSummary | null {
    this.flush();
    const row = this.#one.get(id);
    return row === undefined ? null : summaryOf(row);
  }

  #keep(conversation: OpenConversation): OpenConversation {
    this.#open.set(conversation.id, conversation);
    return conversation;
  }
}

function summaryOf(row: Record<string, unknown>): ConversationSummary {
  const id = row['conversation_id'] as string;
  const last = lastMessage(row, id);
  return {
    id,
    kind: row['conversation_kind'] as ConversationKind,
    unread: row['unread'] as number,
    queued: row['queued'] as number,
    lastClock: last?.clock ?? '',
    last,
  };
}

function lastMessage(row: Record<string, unknown>, conversationId: string): Message | null {
  return row['last'] === null ? null : messageOf(row, conversationId);
}
