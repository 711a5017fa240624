import {
  Backoff,
  type Batch,
  type Clock,
  contentText,
  createBatch,
  entriesOf,
  errorCode,
  fitsBatch,
  hex,
  lastSeq,
  MAX_FOLLOWED_TIPS,
  segmentTag,
  type Tip,
  tipOf,
} from '@p2p-chat/shared';
import { STORAGE_BACKOFF } from '../delivery/storage-backoff.js';
import { ChatError, StorageError } from '../errors.js';
import type { ChatEvents } from '../events.js';
import type { FeedIndex } from '../feeds/feed-index.js';
import type { Change, ConversationStore, KeptBatch, MessageKey } from '../ports/conversation.store.js';
import type { IdentityKeys } from '../ports/identity.js';
import type { ChatLog } from '../ports/log.js';
import type { Mutex } from '../mutex.js';
import type { Conversation } from './conversation.js';
import type { Erasing } from './erasing.js';
import { referencesOf } from './references.js';

export interface OutgoingParts {
  store: ConversationStore;
  keys: IdentityKeys;
  events: ChatEvents;
  clock: Clock;
  random: () => number;
  log: ChatLog;
  /**
   * Commits changes together with what makes the other one a contact.
   * @throws {StorageError}
   */
  commitAsContact: (conversation: Conversation, changes: readonly Change[]) => Promise<void>;
  /** One work at a time for each conversation, together with what arrives in it. */
  mutex: Mutex<string>;
  erasing: Pick<Erasing, 'changesFor'>;
  /** Is told of batches that are durable. */
  onAppended: (conversation: Conversation, batches: readonly Batch[]) => void;
}

interface Request {
  contents: readonly string[];
  key: string | null;
  resolve: (kept: KeptBatch[]) => void;
  reject: (error: unknown) => void;
}

/** Entries that are taken into one commit: what arrives meanwhile goes into the next. */
const MAX_ENTRIES_PER_COMMIT = 8_192;
const SEGMENT_BYTES = 16;
const TEXT = new TextEncoder();

/** Writes one's own feeds: makes batches of what is to be said, signs them and makes them durable. */
export class Outgoing {
  readonly #writers = new Map<string, FeedWriter>();

  constructor(private readonly parts: OutgoingParts) {}

  /**
   * Appends entries to one's own feed of a conversation, all or none.
   * @param contents JSON texts, each of at most MAX_CONTENT_BYTES
   * @param key a client's own key of the message, where it is one
   * @returns the batches, durable
   * @throws {StorageError} what was to be written may be there all the same; the same key again is safe
   */
  append(conversation: Conversation, contents: readonly string[], key: string | null): Promise<KeptBatch[]> {
    return this.#writer(conversation).append(contents, key);
  }

  /**
   * Writes anew, in another segment, what a fork took out of one's own feed: the memory of this machine was
   * set back while it ran, or its profile runs twice. What was written anew before is not written again.
   * @throws {StorageError}
   */
  async writeForkedAnew(conversation: Conversation): Promise<void> {
    const { store, keys } = this.parts;
    const { id, group } = conversation;
    if (group?.isMember(keys.peerId) !== true) return;
    for (const { segment, first } of group.roster.forks.get(keys.peerId)?.values() ?? []) {
      for (let seq = first; ;) {
        const kept = await store.batchOf(id, keys.peerId, segment, seq);
        if (kept === null) break;
        const contents = entriesOf(kept.batch).flatMap(({ erased, content }) => (erased ? [] : [content]));
        seq = lastSeq(kept.batch) + 1;
        try {
          if (contents.length > 0) await this.append(conversation, contents, `fork ${segment} ${seq}`);
        } catch (error) {
          if (errorCode(error) !== 'key-taken') throw error;
        }
      }
    }
  }

  /** From now on another segment is written: somebody else has written to the present one. */
  leaveSegment(conversation: Conversation): void {
    this.#writer(conversation).leaveSegment();
  }

  /** The segment that is being written in this start. */
  segment(conversation: Conversation): string | null {
    return this.#writers.get(conversation.id)?.segment ?? null;
  }

  #writer(conversation: Conversation): FeedWriter {
    let writer = this.#writers.get(conversation.id);
    if (writer === undefined) {
      writer = new FeedWriter(conversation, this.parts);
      this.#writers.set(conversation.id, writer);
    }
    return writer;
  }
}

/** Writes one feed, one commit after the other. */
class FeedWriter {
  segment: string | null = null;
  /** Of a group: the entry on which the segment rests. */
  #entry = '';
  #waiting: Request[] = [];
  #running = false;
  /** Changes whose outcome is not known: they are committed again before anything else. */
  #unsettled: { changes: readonly Change[]; batches: readonly Batch[] } | null = null;
  readonly #backoff: Backoff;

  constructor(
    private readonly conversation: Conversation,
    private readonly parts: OutgoingParts,
  ) {
    this.#backoff = new Backoff(STORAGE_BACKOFF, parts.random);
  }

  append(contents: readonly string[], key: string | null): Promise<KeptBatch[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ contents, key, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  leaveSegment(): void {
    this.segment = null;
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const requests = this.#next();
      try {
        await this.#settle();
        await this.#write(requests);
      } catch (error) {
        for (const { reject } of requests) reject(error);
      }
    }
    this.#running = false;
  }

  #next(): Request[] {
    // A key that is taken refuses its commit, which is then nobody else's.
    if (this.#waiting[0]?.key !== null) return this.#waiting.splice(0, 1);
    let [count, entries] = [0, 0];
    for (const { contents, key } of this.#waiting) {
      if (key !== null || (count > 0 && entries + contents.length > MAX_ENTRIES_PER_COMMIT)) break;
      count += 1;
      entries += contents.length;
    }
    return this.#waiting.splice(0, count);
  }

  async #write(requests: readonly Request[]): Promise<void> {
    const { conversation, parts } = this;
    const feed = await conversation.feed(parts.keys.peerId);
    const draft = feed.overlay();
    const written = requests.map(({ contents }) => this.#batches(draft, contents));
    const changes = written.flatMap((batches, nth): Change[] => {
      const { key = null } = requests[nth] ?? {};
      return batches.map((batch) => ({ type: 'append', batch, keys: keysOf(key, batch) }));
    });
    const batches = written.flat();
    const save = async (): Promise<void> => {
      let erasure = await parts.erasing.changesFor(conversation, batches);
      if (erasure.toName.length > 0) {
        // An edit came after its author looked which ones there are.
        const naming = this.#batches(draft, erasure.toName.map(contentText));
        batches.push(...naming);
        changes.push(...naming.map((batch): Change => ({ type: 'append', batch, keys: [] })));
        erasure = await parts.erasing.changesFor(conversation, batches);
      }
      await this.#commit([...conversation.toStore(), ...changes, ...erasure.changes], batches);
    };
    // Nothing that is to be erased arrives between the look at what there is and the commit.
    if (batches.some((batch) => referencesOf(batch).targets.length > 0)) {
      await parts.mutex.run(conversation.id, save);
    } else await save();
    requests.forEach(({ resolve }, nth) =>
      resolve((written[nth] ?? []).map((batch) => ({ batch, receivedAt: null }))),
    );
  }

  #batches(draft: FeedIndex, contents: readonly string[]): Batch[] {
    const batches: Batch[] = [];
    const sizes = contents.map((content) => TEXT.encode(content).length);
    for (let start = 0; start < contents.length;) {
      const count = fitsBatch(sizes.slice(start));
      batches.push(this.#batch(draft, contents.slice(start, start + count)));
      start += count;
    }
    return batches;
  }

  #batch(draft: FeedIndex, contents: readonly string[]): Batch {
    const { keys, clock } = this.parts;
    const entry = this.#entryTip();
    this.segment ??= hex(keys.random(SEGMENT_BYTES));
    const { segment, conversation } = this;
    const before = draft.get(segment)?.tip;
    const tips = conversation.group?.tips(keys.peerId, draft) ?? draft.tips;
    const others = tips.filter((tip) => tip.segment !== segment);
    const first = before ?? entry;
    const follows = (first === null ? others : [first, ...others]).slice(0, MAX_FOLLOWED_TIPS);
    const now = clock.now();
    const entries = contents.map((content) => ({ clock: conversation.nextClock(now), sentAt: now, content }));
    const header = {
      conversation: conversation.id,
      author: keys.peerId,
      segment,
      first: (before?.seq ?? 0) + 1,
      follows,
    };
    const batch = createBatch(header, entries, keys);
    draft.add(batch, segmentTag(conversation.id, keys.peerId, segment, keys.sha256));
    return batch;
  }

  /** In a group: the entry that the first batch of a segment names. Who comes back begins another segment. */
  #entryTip(): Tip | null {
    const { group } = this.conversation;
    if (group === null) return null;
    const membership = group.current(this.parts.keys.peerId);
    if (membership === null) throw new ChatError('not-a-member', 'You are not in this group.');
    const isForked = group.beforeFork(membership.peerId, this.segment ?? '') !== Infinity;
    if (membership.entry !== this.#entry || isForked) this.leaveSegment();
    this.#entry = membership.entry;
    return group.entryTip(membership);
  }

  async #commit(changes: readonly Change[], batches: readonly Batch[]): Promise<void> {
    try {
      await this.parts.commitAsContact(this.conversation, changes);
    } catch (error) {
      if (error instanceof StorageError && error.outcome === 'unknown') {
        this.#unsettled = { changes, batches };
        void this.#settleLater();
      }
      throw error;
    }
    await this.#done(changes, batches);
  }

  async #done(changes: readonly Change[], batches: readonly Batch[]): Promise<void> {
    const { conversation, parts } = this;
    const feed = await conversation.feed(parts.keys.peerId);
    conversation.committed(changes);
    for (const batch of batches) {
      feed.add(batch, segmentTag(conversation.id, parts.keys.peerId, batch.segment, parts.keys.sha256));
      parts.events.publish({ type: 'messages', kept: { batch, receivedAt: null } });
    }
    parts.onAppended(conversation, batches);
  }

  /** Commits again what may have been committed. @throws {StorageError} where it still is not known */
  async #settle(): Promise<void> {
    const unsettled = this.#unsettled;
    if (unsettled === null) return;
    try {
      await this.parts.commitAsContact(this.conversation, unsettled.changes);
    } catch (error) {
      if (!isRefusedForGood(error)) throw error;
      // It is not there and never will be; what is written from now on does not depend on it.
      this.#unsettled = null;
      this.leaveSegment();
      this.parts.log.warn({ code: errorCode(error) }, 'what was to be written before is not saved');
      return;
    }
    this.#unsettled = null;
    this.#backoff.reset();
    await this.#done(unsettled.changes, unsettled.batches);
  }

  async #settleLater(): Promise<void> {
    while (this.#unsettled !== null) {
      await this.parts.clock.sleep(this.#backoff.next());
      // Requests settle it on their way.
      if (this.#running) continue;
      this.#running = true;
      try {
        await this.#settle();
      } catch (error) {
        this.parts.log.warn({ code: errorCode(error) }, 'cannot tell yet whether what was written is saved');
      }
      this.#running = false;
      if (this.#waiting.length > 0) await this.#run();
    }
  }
}

function isRefusedForGood(error: unknown): boolean {
  if (!(error instanceof StorageError) || error.outcome === 'unknown') return false;
  return error.code === 'key-taken' || error.code === 'storage-failed';
}

function keysOf(key: string | null, batch: Batch): MessageKey[] {
  return key === null ? [] : [{ key, seq: tipOf(batch).seq }];
}
