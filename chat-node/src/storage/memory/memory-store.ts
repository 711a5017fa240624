import { createHash } from 'node:crypto';
import {
  type Batch,
  entriesOf,
  eraseEntries,
  isAction,
  lastSeq,
  parseMessageId,
  readContent,
  type ReadMark,
  searchableText,
  searchWords,
  segmentTag,
} from '@p2p-chat/shared';
import { listOf, referencesOf } from '../../core/conversations/references.js';
import { ChatError, StorageError } from '../../core/errors.js';
import type { MessageRange } from '../../core/events.js';
import { advance, tipsOf } from '../../core/feeds/segments.js';
import type { PeerRecord } from '../../core/peers/peer.js';
import {
  type BatchCursor,
  type Change,
  type ConversationRecord,
  type ConversationSnapshot,
  ConversationStore,
  type ImportedMessage,
  type KeptOperation,
  type MessagePlace,
  type SearchQuery,
  type SegmentRecord,
  type StoredBatch,
  type Watermark,
} from '../../core/ports/conversation.store.js';

const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

interface Row extends StoredBatch {
  dropped: boolean;
  /** Ids of the messages that it changes. */
  targets: readonly string[];
}

/** What survives a crash: the "disk". */
export class MemoryDisk {
  records = new Map<string, ConversationRecord>();
  rows: Row[] = [];
  segments = new Map<string, SegmentRecord>();
  watermarks = new Map<string, Watermark>();
  keys = new Map<string, { segment: string; seq: number }>();
  imported = new Map<string, ImportedMessage>();
  /** Places of messages in the order in which they were saved. */
  saved: { place: MessagePlace; conversation: string; id: string; body: string }[] = [];
  peers = new Map<string, PeerRecord>();
  operations = new Map<string, KeptOperation>();
  /** Set by tests: every commit is refused while it is, and nothing of it is done. */
  full = false;
  /** Set by tests: after so many more commits the node is dead, as by SIGKILL: nothing of it settles any more. */
  commitsLeft = Number.POSITIVE_INFINITY;
  /** Set by tests: every commit fails while it is; it is carried out all the same, or not, as this says. */
  away: ((changes: readonly Change[]) => boolean) | null = null;

  /** A copy, as a backup of the whole machine is one. */
  clone(): MemoryDisk {
    const copy = new MemoryDisk();
    copy.restore(this);
    return copy;
  }

  /** Takes the content of another one. */
  restore(other: MemoryDisk): void {
    this.records = new Map(other.records);
    this.rows = [...other.rows];
    this.segments = new Map(other.segments);
    this.watermarks = new Map(other.watermarks);
    this.keys = new Map(other.keys);
    this.imported = new Map(other.imported);
    this.saved = [...other.saved];
    this.peers = new Map(other.peers);
    this.operations = new Map(other.operations);
  }
}

/**
 * A store with the durability of the real ones and none of their weight:
 * commits happen in a later turn of the event loop; a crash before that leaves
 * nothing of them.
 */
export class MemoryStore extends ConversationStore {
  #waiting: { run: () => void; reject: (error: unknown) => void; changes: readonly Change[] | null }[] = [];
  #state: 'open' | 'crashed' | 'closed' = 'open';

  /** @param later when what was asked for happens; by default after the current turn of the event loop */
  constructor(
    readonly disk = new MemoryDisk(),
    private readonly later: (run: () => void) => void = setImmediate,
  ) {
    super();
  }

  /** Loses what is not committed; no promise of it settles any more. */
  crash(): void {
    this.#state = 'crashed';
    this.#waiting = [];
  }

  async close(): Promise<void> {
    this.#run();
    this.#state = 'closed';
  }

  commit(changes: readonly Change[]): Promise<void> {
    return this.#ask((disk) => applyAll(disk, changes), changes);
  }

  check(): Promise<void> {
    return this.#ask(() => undefined, []);
  }

  conversations(): Promise<ConversationSnapshot[]> {
    return this.#read((disk) =>
      [...disk.records.values()].map((record) => {
        const feeds = Map.groupBy(segmentsOf(disk, record.id), ({ author }) => author);
        const rows = disk.rows.filter(({ batch }) => batch.conversation === record.id);
        return {
          record,
          feeds: Array.from(feeds, ([author, all]) => ({
            author,
            tips: tipsOf(all.map((one) => one.record)),
          })),
          watermarks: [...disk.watermarks.values()].filter((one) => one.conversation === record.id),
          lastClock: rows.reduce((last, { batch }) => (batch.lastClock > last ? batch.lastClock : last), ''),
        };
      }),
    );
  }

  segments(conversation: string, author: string): Promise<SegmentRecord[]> {
    return this.#read((disk) =>
      segmentsOf(disk, conversation)
        .filter((one) => one.author === author)
        .map(({ record }) => record),
    );
  }

  batches(
    conversation: string,
    author: string,
    after: number,
    limit: { batches: number; bytes: number },
  ): Promise<StoredBatch[]> {
    return this.#read((disk) => {
      const page: StoredBatch[] = [];
      let bytes = 0;
      for (const row of feedOf(disk, conversation, author)) {
        if (row.dropped || row.position <= after) continue;
        if (page.length === limit.batches || bytes >= limit.bytes) break;
        bytes += row.batch.bytes.length;
        page.push(stored(row));
      }
      return page;
    });
  }

  batchOf(conversation: string, author: string, segment: string, seq: number): Promise<StoredBatch | null> {
    return this.#read((disk) => {
      const row = rowOf(disk, conversation, author, segment, seq);
      return row === undefined || row.dropped ? null : stored(row);
    });
  }

  referring(ranges: readonly MessageRange[]): Promise<StoredBatch[]> {
    return this.#read((disk) =>
      disk.rows
        .filter(
          ({ dropped, targets }) => !dropped && targets.some((id) => ranges.some((one) => isIn(one, id))),
        )
        .map(stored),
    );
  }

  countSilent(conversation: string, author: string, beyond: readonly ReadMark[]): Promise<number> {
    return this.#read((disk) => {
      const rows = feedOf(disk, conversation, author).filter(({ dropped }) => !dropped);
      const counts = rows.map(({ batch, silent }) => {
        const mark = beyond.find(({ segment }) => segment === batch.segment);
        return mark === undefined ? 0 : silent.filter((seq) => seq > mark.seq).length;
      });
      return counts.reduce((sum, count) => sum + count, 0);
    });
  }

  hasDropped(conversation: string, author: string, segment: string, afterSeq: number): Promise<boolean> {
    return this.#read((disk) =>
      feedOf(disk, conversation, author).some(
        ({ dropped, batch }) => dropped && batch.segment === segment && lastSeq(batch) > afterSeq,
      ),
    );
  }

  around(conversation: string, clock: string): Promise<StoredBatch[]> {
    return this.#read((disk) =>
      kept(disk, conversation)
        .filter(({ batch }) => batch.firstClock <= clock && batch.lastClock >= clock)
        .map(stored),
    );
  }

  before(conversation: string, cursor: BatchCursor, limit: number): Promise<StoredBatch[]> {
    return this.#read((disk) =>
      kept(disk, conversation)
        .filter((row) => compareCursor({ clock: row.batch.lastClock, position: row.position }, cursor) < 0)
        .sort((a, b) => compareCursor(lastOf(b), lastOf(a)))
        .slice(0, limit)
        .map(stored),
    );
  }

  after(conversation: string, cursor: BatchCursor, limit: number): Promise<StoredBatch[]> {
    return this.#read((disk) =>
      kept(disk, conversation)
        .filter((row) => compareCursor({ clock: row.batch.firstClock, position: row.position }, cursor) > 0)
        .sort((a, b) => compareCursor(firstOf(a), firstOf(b)))
        .slice(0, limit)
        .map(stored),
    );
  }

  imported(
    conversation: string,
    side: 'before' | 'after',
    place: { clock: string; author: string; id: string },
    limit: number,
  ): Promise<ImportedMessage[]> {
    return this.#read((disk) => {
      const all = [...disk.imported.values()]
        .filter((one) => one.conversation === conversation)
        .sort(comparePlaces);
      if (side === 'after') return all.filter((one) => comparePlaces(one, place) > 0).slice(0, limit);
      return all
        .filter((one) => comparePlaces(one, place) < 0)
        .reverse()
        .slice(0, limit);
    });
  }

  find(id: string): Promise<MessagePlace | null> {
    return this.#read((disk) => placeOf(disk, id));
  }

  keyed(conversation: string, key: string): Promise<{ segment: string; seq: number } | null> {
    return this.#read((disk) => disk.keys.get(`${conversation} ${key}`) ?? null);
  }

  search({ words, conversation, before, limit }: SearchQuery): Promise<MessagePlace[]> {
    return this.#read((disk) => {
      const end = before === undefined ? disk.saved.length : savedAt(disk, before);
      if (end === -1) throw new ChatError('message-unknown', `There is no message ${String(before)}.`);
      return disk.saved
        .slice(0, end)
        .filter((one) => conversation === undefined || one.conversation === conversation)
        .filter(({ place, id }) => !('imported' in place) || 'imported' in (placeOf(disk, id) ?? place))
        .filter(({ body }) => {
          const its = [...searchWords(body)];
          return words.every((wanted) => its.some((word) => word.startsWith(wanted)));
        })
        .slice(-limit)
        .reverse()
        .map(({ place }) => place);
    });
  }

  roster(conversation: string): Promise<KeptOperation[]> {
    return this.#read((disk) =>
      [...disk.operations.values()].filter((one) => one.conversation === conversation),
    );
  }

  peers(): Promise<PeerRecord[]> {
    return this.#read((disk) => [...disk.peers.values()].map((one) => structuredClone(one)));
  }

  #read<T>(look: (disk: MemoryDisk) => T): Promise<T> {
    return this.#ask(look, null);
  }

  #ask<T>(run: (disk: MemoryDisk) => T, changes: readonly Change[] | null): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#state === 'closed')
        return reject(new StorageError('storage-failed', 'The storage is closed.'));
      if (this.#state === 'crashed') return;
      if (this.#waiting.length === 0) this.later(() => this.#run());
      this.#waiting.push({ run: () => resolve(run(this.disk)), reject, changes });
    });
  }

  #run(): void {
    for (const { run, reject, changes } of this.#waiting.splice(0)) {
      if (changes !== null && (this.disk.commitsLeft -= 1) < 0) return this.crash();
      try {
        if (changes !== null && this.disk.full) throw new StorageError('storage-full', 'The disk is full.');
        if (changes !== null && this.disk.away !== null) {
          if (this.disk.away(changes)) applyAll(this.disk, changes);
          throw new StorageError('storage-unavailable', 'The disk is away.', { outcome: 'unknown' });
        }
        run();
      } catch (error) {
        reject(error);
      }
    }
  }
}

/** All of them, or where one is refused, none. */
function applyAll(disk: MemoryDisk, changes: readonly Change[]): void {
  const draft = disk.clone();
  for (const change of changes) apply(draft, change);
  disk.restore(draft);
}

function apply(disk: MemoryDisk, change: Change): void {
  switch (change.type) {
    case 'append':
      for (const { key, seq } of change.keys) {
        const { conversation, segment } = change.batch;
        const there = disk.keys.get(`${conversation} ${key}`);
        if (there !== undefined && (there.segment !== segment || there.seq !== seq))
          throw new StorageError('key-taken', 'The key is that of another message.');
        disk.keys.set(`${conversation} ${key}`, { segment, seq });
      }
      return add(disk, change.batch, { receivedAt: null, dropped: false });
    case 'receive':
      return add(disk, change.batch, change);
    case 'roster':
      return change.operations.forEach((one) => {
        if (!disk.operations.has(one.hash)) disk.operations.set(one.hash, one);
      });
    case 'erase':
      return change.seqs.forEach((seq) =>
        replace(disk, change, seq, (row) => ({
          ...row,
          batch: eraseEntries(row.batch, new Set([seq]), sha256),
        })),
      );
    case 'silence':
      return change.seqs.forEach((seq) =>
        replace(disk, change, seq, (row) => ({
          ...row,
          silent: [...new Set([...row.silent, seq])].sort((a, b) => a - b),
        })),
      );
    case 'forget':
      disk.saved = disk.saved.filter(({ place, id }) => !('imported' in place && change.ids.includes(id)));
      return change.ids.forEach((id) => disk.imported.delete(id));
    case 'conversation':
      return void disk.records.set(change.record.id, change.record);
    case 'watermark': {
      const { conversation, author, member } = change.watermark;
      return void disk.watermarks.set(`${conversation} ${author} ${member}`, change.watermark);
    }
    case 'import':
      return change.messages.forEach((one) => {
        if (disk.imported.has(one.id)) return;
        disk.imported.set(one.id, one);
        index(disk, { imported: one }, one.conversation, one.id, one.content);
      });
    case 'peer':
      return void disk.peers.set(change.record.peerId, structuredClone(change.record));
  }
}

function add(
  disk: MemoryDisk,
  batch: Batch,
  { receivedAt, dropped, late = false }: { receivedAt: number | null; dropped: boolean; late?: boolean },
): void {
  const { conversation, author, segment } = batch;
  const key = `${conversation} ${author} ${segment}`;
  const record = disk.segments.get(key);
  const there = rowOf(disk, conversation, author, segment, batch.first);
  if (there?.batch.hash === batch.hash) return;
  const goesOn = batch.first === (record?.tip.seq ?? 0) + 1 || (late && record === undefined);
  if (there !== undefined || !goesOn) {
    throw new StorageError('storage-failed', 'A batch does not go on from what is stored.');
  }
  const tag = record?.tag ?? segmentTag(conversation, author, segment, sha256);
  disk.segments.set(key, advance(record, batch, tag));
  const { silent, targets, lists } = referencesOf(batch);
  const ids = targets.map((one) => `${segmentTag(conversation, one.author, one.segment, sha256)}-${one.seq}`);
  for (const listed of lists) ids.push(`${listOf(listed, conversation).tag}-0`);
  disk.rows.push({ batch, receivedAt, dropped, position: disk.rows.length + 1, silent, targets: ids });
  if (dropped) return;
  for (const { seq, content } of entriesOf(batch)) {
    index(disk, { conversation, author, segment, seq }, conversation, `${tag}-${seq}`, content);
  }
}

function index(
  disk: MemoryDisk,
  place: MessagePlace,
  conversation: string,
  id: string,
  content: string,
): void {
  disk.saved.push({ place, conversation, id, body: searchableText(readContent(content)) });
}

/** Changes the row that has an entry, and takes out of the search what it no longer has. */
function replace(
  disk: MemoryDisk,
  { conversation, author, segment }: Pick<Batch, 'conversation' | 'author' | 'segment'>,
  seq: number,
  change: (row: Row) => Row,
): void {
  const row = rowOf(disk, conversation, author, segment, seq);
  if (row === undefined || row.dropped) return;
  const changed = change(row);
  disk.rows = disk.rows.map((one) => (one === row ? changed : one));
  const gone = entriesOf(changed.batch).filter(
    (one) => one.erased || (changed.silent.includes(one.seq) && !isAction(readContent(one.content))),
  );
  const isGone = ({ place }: (typeof disk.saved)[number]): boolean =>
    !('imported' in place) &&
    place.author === author &&
    place.segment === segment &&
    place.conversation === conversation &&
    gone.some((one) => one.seq === place.seq);
  disk.saved = disk.saved.map((one) => (isGone(one) ? { ...one, body: '' } : one));
}

function isIn({ tag, first, last }: MessageRange, id: string): boolean {
  const dash = id.lastIndexOf('-');
  const seq = Number(id.slice(dash + 1));
  return id.slice(0, dash) === tag && seq >= first && seq <= last;
}

function segmentsOf(disk: MemoryDisk, conversation: string): { author: string; record: SegmentRecord }[] {
  return Array.from(disk.segments, ([key, record]) => ({ key: key.split(' '), record }))
    .filter(({ key }) => key[0] === conversation)
    .map(({ key, record }) => ({ author: key[1] ?? '', record }));
}

function feedOf(disk: MemoryDisk, conversation: string, author: string): Row[] {
  return disk.rows.filter(({ batch }) => batch.conversation === conversation && batch.author === author);
}

function rowOf(
  disk: MemoryDisk,
  conversation: string,
  author: string,
  segment: string,
  seq: number,
): Row | undefined {
  return feedOf(disk, conversation, author).find(
    ({ batch }) => batch.segment === segment && batch.first <= seq && seq <= lastSeq(batch),
  );
}

function kept(disk: MemoryDisk, conversation: string): Row[] {
  return disk.rows.filter(({ batch, dropped }) => batch.conversation === conversation && !dropped);
}

function placeOf(disk: MemoryDisk, id: string): MessagePlace | null {
  const parsed = parseMessageId(id);
  if (parsed === null) return null;
  for (const [key, { tag }] of disk.segments) {
    const [conversation = '', author = '', segment = ''] = key.split(' ');
    const row = tag === parsed.tag ? rowOf(disk, conversation, author, segment, parsed.seq) : undefined;
    if (row !== undefined && !row.dropped) return { conversation, author, segment, seq: parsed.seq };
  }
  const imported = disk.imported.get(id);
  return imported === undefined ? null : { imported };
}

/** Where a message stands in the order of saving; -1 where there is none with the id. */
function savedAt(disk: MemoryDisk, id: string): number {
  const isImported = 'imported' in (placeOf(disk, id) ?? {});
  return disk.saved.findIndex((one) => one.id === id && 'imported' in one.place === isImported);
}

function stored({ batch, receivedAt, position, silent }: Row): StoredBatch {
  return { batch, receivedAt, position, silent };
}

function lastOf({ batch, position }: Row): BatchCursor {
  return { clock: batch.lastClock, position };
}

function firstOf({ batch, position }: Row): BatchCursor {
  return { clock: batch.firstClock, position };
}

function compareCursor(a: BatchCursor, b: BatchCursor): number {
  return a.clock < b.clock ? -1 : a.clock > b.clock ? 1 : a.position - b.position;
}

type Place = Pick<ImportedMessage, 'clock' | 'author' | 'id'>;

function comparePlaces(a: Place, b: Place): number {
  const key = ({ clock, author, id }: Place): string => `${clock} ${author} ${id}`;
  return key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0;
}
