/**
 * The schema, as the steps that lead to it: step n takes a database from
 * version n to n + 1 (`PRAGMA user_version`). Steps are only ever added.
 */
export const MIGRATIONS: readonly string[] = [
  /*
   * Version 1.
   *
   * authors.ref is in the order of peer ids (see author-table), so that the
   * history index orders ties of the clock by author with eight bytes a row.
   *
   * messages.status is direction, state and receipt in one number (see
   * message-status). Those up to 3 wait for something; the partial index holds
   * these alone, so that a long history costs the outbox nothing.
   *
   * The unique key starts with the id: states and receipts name ids only.
   *
   * conversations carries what a list of them shows, changed in the
   * transaction that changes its messages.
   */
  `
  CREATE TABLE authors (
    ref INTEGER PRIMARY KEY,
    peer_id TEXT NOT NULL UNIQUE
  ) STRICT;

  CREATE TABLE conversations (
    ref INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    unread INTEGER NOT NULL,
    queued INTEGER NOT NULL,
    last INTEGER REFERENCES messages (n)
  ) STRICT;

  CREATE TABLE messages (
    n INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversations (ref),
    author INTEGER NOT NULL REFERENCES authors (ref),
    id TEXT NOT NULL,
    clock TEXT NOT NULL,
    status INTEGER NOT NULL,
    kind TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    received_at INTEGER,
    reason TEXT,
    body TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX messages_key ON messages (id, author);
  CREATE INDEX messages_history ON messages (conversation, clock, author, id);
  CREATE INDEX messages_waiting ON messages (conversation, status, clock) WHERE status <= 3;

  CREATE TABLE dropped (
    peer_id TEXT PRIMARY KEY,
    count INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE peers (
    peer_id TEXT PRIMARY KEY,
    user TEXT NOT NULL,
    blocked INTEGER NOT NULL,
    verified INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    addresses TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    announced_seq INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  /*
   * The index of search, filled some time after a message was saved:
   * search_progress says up to which row. It has the words as our own code
   * makes them; the tokenizer only divides them at spaces again. It keeps
   * neither texts nor places, which makes it small.
   */
  `
  CREATE VIRTUAL TABLE message_words USING fts5 (
    words, content = '', detail = none, columnsize = 0, prefix = '1 2', tokenize = 'ascii'
  );
  CREATE TABLE search_progress (indexed INTEGER NOT NULL) STRICT;
  INSERT INTO search_progress VALUES (0);
  `,
  /*
   * Less to write for each message.
   *
   * Ids and clocks are bytes instead of text. A message that comes in order is
   * in no index of what waits: conversations.delivered_to is the clock up to
   * which outgoing messages of status `sent` are acked, unread_from the one
   * from which on incoming ones of status `arrived` are. What waits at the
   * time of the step stays in messages_waiting, and the marks stand behind it.
   *
   * No foreign keys: a message would look up two rows that its own statement
   * has just named.
   */
  `
  CREATE TABLE new_conversations (
    ref INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    unread INTEGER NOT NULL,
    queued INTEGER NOT NULL,
    delivered_to BLOB NOT NULL,
    unread_from BLOB NOT NULL,
    last INTEGER
  ) STRICT;
  INSERT INTO new_conversations
    SELECT c.ref, c.id, c.kind, c.unread, c.queued, unhex(coalesce(m.clock, '')), unhex(coalesce(m.clock, '')), c.last
    FROM conversations c LEFT JOIN messages m ON m.n = c.last;

  CREATE TABLE new_messages (
    n INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL,
    author INTEGER NOT NULL,
    id BLOB NOT NULL,
    clock BLOB NOT NULL,
    status INTEGER NOT NULL,
    kind TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    received_at INTEGER,
    reason TEXT,
    body TEXT NOT NULL
  ) STRICT;
  INSERT INTO new_messages
    SELECT n, conversation, author, unhex(id, '-'), unhex(clock), status, kind, sent_at, received_at, reason, body
    FROM messages ORDER BY n;

  DROP TABLE messages;
  DROP TABLE conversations;
  ALTER TABLE new_messages RENAME TO messages;
  ALTER TABLE new_conversations RENAME TO conversations;
  CREATE UNIQUE INDEX messages_key ON messages (id, author);
  CREATE INDEX messages_history ON messages (conversation, clock, author, id);
  CREATE INDEX messages_waiting ON messages (conversation, status, clock) WHERE status <= 3;
  `,
  /*
   * Under which name the person here took note of a key: of those who were
   * accepted, blocked or verified before, the name that they had.
   */
  `
  ALTER TABLE peers ADD COLUMN known_as TEXT;
  UPDATE peers SET known_as = user WHERE accepted + blocked + verified > 0;
  `,
  /*
   * Messages that were dropped, as large as they were and as hard to add as
   * those that were not, but with nothing of what they said. Their number is
   * in `dropped`.
   */
  `
  CREATE TABLE dropped_messages (
    n INTEGER PRIMARY KEY,
    author INTEGER NOT NULL,
    id BLOB NOT NULL,
    clock BLOB NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX dropped_messages_key ON dropped_messages (id, author);
  CREATE INDEX dropped_messages_history ON dropped_messages (author, clock, id);
  `,
];

/** The version that this program reads and writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;
