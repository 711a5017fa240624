/** Marks the file as ours in its header ("p2pc"); another program's database is not touched. */
export const APPLICATION_ID = 0x70327063;

/** Version of the tables below. */
export const SCHEMA_VERSION = 1;

/**
 * `user_version` is this and the version of the schema. Smaller numbers belong
 * to the form of before: messages one by one, which this program does not read.
 */
export const VERSION_BASE = 100;

/**
 * A batch with all its entries is one row. What it says of its segment and feed
 * is derived in the same transaction: the segment's last batch, which segments
 * are tips, and the tips of other segments that a batch names.
 *
 * `position` rises over batches and imported messages together: it is the
 * order of saving. Clocks are their 16 hexadecimal digits, so they compare as
 * texts. A dropped batch is written with zeros in the place of its bytes, so that
 * its sender cannot tell by the time; the index gives their space back, and then
 * they are NULL. `refs` has the messages that the entries of a batch change. `silent`, `record`, `have`, `read`, `times` and `follows` are JSON, read and written whole.
 */
export const SCHEMA = `
  CREATE TABLE conversations (
    ref INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    record TEXT
  ) STRICT;

  CREATE TABLE feeds (
    ref INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL,
    author TEXT NOT NULL,
    UNIQUE (conversation, author)
  ) STRICT;

  CREATE TABLE segments (
    ref INTEGER PRIMARY KEY,
    feed INTEGER NOT NULL,
    segment TEXT NOT NULL,
    tag TEXT NOT NULL UNIQUE,
    seq INTEGER NOT NULL,
    clock TEXT NOT NULL,
    hash TEXT NOT NULL,
    is_tip INTEGER NOT NULL,
    UNIQUE (feed, segment)
  ) STRICT;
  CREATE INDEX tips ON segments (feed) WHERE is_tip = 1;

  CREATE TABLE links (
    segment INTEGER NOT NULL,
    first INTEGER NOT NULL,
    follows TEXT NOT NULL,
    PRIMARY KEY (segment, first)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE batches (
    position INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL,
    feed INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    dropped INTEGER NOT NULL,
    first INTEGER NOT NULL,
    count INTEGER NOT NULL,
    first_clock TEXT NOT NULL,
    last_clock TEXT NOT NULL,
    hash TEXT NOT NULL,
    received_at INTEGER,
    silent TEXT,
    bytes BLOB
  ) STRICT;
  CREATE INDEX batches_of_segment ON batches (segment, dropped, first);
  CREATE INDEX batches_of_feed ON batches (feed, dropped);
  CREATE INDEX batches_by_last ON batches (conversation, dropped, last_clock);
  CREATE INDEX batches_by_first ON batches (conversation, dropped, first_clock);

  CREATE INDEX silent_batches ON batches (segment, first) WHERE silent IS NOT NULL;

  CREATE TABLE refs (
    tag TEXT NOT NULL,
    seq INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    PRIMARY KEY (tag, seq, batch)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE keys (
    conversation INTEGER NOT NULL,
    key TEXT NOT NULL,
    segment TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (conversation, key)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE watermarks (
    feed INTEGER NOT NULL,
    member TEXT NOT NULL,
    have TEXT NOT NULL,
    read TEXT NOT NULL,
    times TEXT,
    PRIMARY KEY (feed, member)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE imported (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    conversation INTEGER NOT NULL,
    author TEXT NOT NULL,
    clock TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    received_at INTEGER,
    content TEXT NOT NULL,
    state TEXT NOT NULL
  ) STRICT;
  CREATE INDEX imported_by_place ON imported (conversation, clock, author, id);

  CREATE TABLE operations (hash TEXT PRIMARY KEY, conversation INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
  CREATE INDEX operations_of_roster ON operations (conversation);

  CREATE TABLE peers (peer_id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE VIRTUAL TABLE message_words USING fts5 (
    words, content = '', detail = none, columnsize = 0, prefix = '1 2', tokenize = 'ascii'
  );
  INSERT INTO message_words (message_words, rank) VALUES ('secure-delete', 1);
  CREATE TABLE search_progress (indexed INTEGER NOT NULL) STRICT;
  INSERT INTO search_progress VALUES (0);
`;
