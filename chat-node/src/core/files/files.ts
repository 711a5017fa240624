import {
  Backoff,
  type Clock,
  errorCode,
  errorMessage,
  type FileContent,
  MAX_CAPTION_BYTES,
  MAX_FILES_PER_ENTRY,
  parseMessageId,
} from '@p2p-chat/shared';
import type { Conversations } from '../conversations/conversations.js';
import type { Message } from '../conversations/message.js';
import type { Messages } from '../conversations/messages.js';
import { listOf, referencesOf } from '../conversations/references.js';
import { BlobError, ChatError } from '../errors.js';
import type { ChatEvents } from '../events.js';
import { Mutex } from '../mutex.js';
import type { Peers } from '../peers/peers.js';
import type { BlobStore, OfferedBlob } from '../ports/blob.store.js';
import type { BlockTransport } from '../ports/block.transport.js';
import type { ConversationStore, KeptBatch } from '../ports/conversation.store.js';
import type { IdentityKeys } from '../ports/identity.js';
import type { ChatLog } from '../ports/log.js';
import { Fetch, type FileSource } from './fetch.js';
import { fileIds, type FileNotes, type FileProblem, type FileRecord, type FileRule } from './file-record.js';
import { FetchSlots } from './fetch-slots.js';
import { RateLimit } from './rate-limit.js';
import { Serving } from './serving.js';

export interface FilesParts {
  keys: Pick<IdentityKeys, 'peerId' | 'sha256'>;
  store: Pick<ConversationStore, 'referring'>;
  conversations: Conversations;
  messages: Messages;
  peers: Pick<Peers, 'get' | 'isBlocked' | 'isContact'>;
  /** Everyone in a conversation but oneself. */
  members: (conversation: string) => readonly string[];
  blobs: BlobStore;
  blocks: BlockTransport;
  events: ChatEvents;
  clock: Clock;
  /** 0 to 1, as Math.random. */
  random: () => number;
  log: ChatLog;
  /** Bytes a second, each way; null for as many as there are. */
  bytesPerSecond: number | null;
}

/** A file with how it comes on at the moment. */
export interface FileStatus {
  record: FileRecord;
  /** 0 to 1: of one's own, what the one who is farthest has. */
  progress: number;
  /** Bytes a second; null while nothing moves. */
  rate: number | null;
}

/** What was sent. */
export interface SentFiles {
  id: string;
  conversation: string;
  files: FileContent['files'];
  /** Of folders: what was left out, each with its reason. */
  skipped: readonly string[];
}

/** What is kept of a transfer while it runs. */
interface Running {
  stop: AbortController;
  /** Somebody came, went or moved: it tries again at once where it waits, and waits for nobody who is gone. */
  poke: () => void;
}

/** Between two events of one file. */
const EVENT_INTERVAL_MS = 250;
/** Between attempts: soon after a cut, seldom while nobody comes. Whoever comes is tried at once. */
const RETRY = { initialMs: 500, maxMs: 30_000, factor: 2, jitter: 0.5 } as const;
/** How long the author has to take note of who has the whole file. */
const DONE_TIMEOUT_MS = 10_000;
const UTF8 = new TextEncoder();

/** The files of all conversations: offers, fetches and serves them. */
export class Files {
  readonly #records = new Map<string, FileRecord>();
  readonly #byMessage = new Map<string, string[]>();
  readonly #running = new Map<string, Running>();
  readonly #bytes = new Map<string, number>();
  readonly #rates = new Map<string, { at: number; bytes: number; rate: number | null }>();
  readonly #toldAt = new Map<string, number>();
  /** What was read to be offered, until its message is written, by root. */
  readonly #staged = new Map<string, OfferedBlob>();
  readonly #serving: Serving;
  readonly #limit: RateLimit;
  #notes: FileNotes = { rules: {} };
  readonly #slots: FetchSlots;
  readonly #mutex = new Mutex<string>();
  #stopped = false;
  #saving: Promise<void> = Promise.resolve();

  constructor(private readonly parts: FilesParts) {
    const { blobs, peers, members, clock, bytesPerSecond } = parts;
    this.#limit = new RateLimit(bytesPerSecond, clock);
    this.#slots = new FetchSlots(clock);
    this.#serving = new Serving({
      blobs,
      members,
      isBlocked: (peerId) => peers.isBlocked(peerId),
      limit: new RateLimit(bytesPerSecond, clock),
      onServed: (record) => this.#moved(record),
      onDone: (record, peerId) => this.#doneBy(record, peerId),
    });
  }

  /** Loads what is known, serves it, looks for files that came while nobody looked, and goes on fetching. */
  async start(): Promise<void> {
    const { blobs, blocks, events, log } = this.parts;
    blocks.serve({
      admits: (peerId) => this.#serving.admits(peerId),
      answer: (peerId, request, into) => this.#serving.answer(peerId, request, into),
    });
    events.subscribe((event) => {
      if (event.type === 'messages') this.#look(event.kept);
      else if (event.type === 'peer') this.#pokeFor(event.peerId);
      else if (event.type === 'changed') {
        this.#lookForDeleted(event.ids).catch((error: unknown) => {
          log.warn({ error: errorMessage(error) }, 'cannot tell whether files were deleted');
        });
      }
    });
    try {
      const { records, notes } = await blobs.load();
      this.#notes = notes;
      for (const record of records) this.#add(record);
      for (const record of records) if (isGoingOn(record)) this.#run(record);
      await this.#lookThrough();
    } catch (error) {
      log.warn({ error: errorMessage(error) }, 'what is known of files cannot be read');
    }
  }

  /** Ends every transfer; what was fetched stays. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { stop } of this.#running.values()) stop.abort();
    this.parts.blocks.stop();
    await this.#saving;
    await this.parts.blobs.close();
  }

  /**
   * Offers files and folders in one message. When this resolves, it is durable.
   * @param options.as one's own message that offers these paths: what is served of them is not read again
   * @throws {ChatError} `files-none`, `files-too-many`, `caption-malformed`, and as {@link Messages.send}
   * @throws {BlobError} of the first that cannot be read
   */
  async send(
    conversation: string,
    paths: readonly string[],
    { caption, copy, as }: { caption?: string | undefined; copy: boolean; as?: string | undefined },
  ): Promise<SentFiles> {
    if (paths.length === 0) throw new ChatError('files-none', 'There is no file to send.');
    if (paths.length > MAX_FILES_PER_ENTRY) {
      throw new ChatError('files-too-many', `At most ${MAX_FILES_PER_ENTRY} files go into one message.`, {
        hint: 'Send the folder that they are in.',
      });
    }
    checkCaption(caption);
    this.parts.messages.requireWritable(conversation);
    const offered: OfferedBlob[] = [];
    for (const [at, path] of paths.entries()) {
      const known = as === undefined ? null : this.#served(fileIds(as, paths.length)[at], path);
      offered.push(known ?? (await this.#withRoom(() => this.parts.blobs.offer(path, { copy }))));
    }
    return this.#post(conversation, offered, caption);
  }

  /** Offers one file, or a folder as a stream, whose bytes are handed over as they come. @throws as {@link send} */
  async sendBytes(
    conversation: string,
    what: { name: string; isFolder: boolean },
    bytes: AsyncIterable<Uint8Array>,
    caption?: string,
  ): Promise<SentFiles> {
    checkCaption(caption);
    this.parts.messages.requireWritable(conversation);
    return this.#post(conversation, [await this.parts.blobs.offerBytes(what, bytes)], caption);
  }

  /** The files of a conversation, or of all, in the order in which they were sent. */
  list(conversation?: string): FileStatus[] {
    return [...this.#records.values()]
      .filter((record) => conversation === undefined || record.conversation === conversation)
      .sort((a, b) => a.sentAt - b.sentAt || (a.id < b.id ? -1 : 1))
      .map((record) => this.#status(record));
  }

  /** @param id of a file, or of a message that offers some @throws {ChatError} `file-id-unknown` */
  find(id: string): FileStatus[] {
    const ids = this.#byMessage.get(id) ?? [id];
    return ids.map((one) => this.#status(this.#get(one)));
  }

  /** One file; null where there is none of that id. */
  status(id: string): FileStatus | null {
    const record = this.#records.get(id);
    return record === undefined ? null : this.#status(record);
  }

  /**
   * Fetches a file, or goes on with it.
   * @param directory where it is to be put; null for the folder of downloads
   * @returns as it is now; it comes on by itself, also over restarts
   * @throws {ChatError} `file-id-unknown`, `files-refused`
   * @throws {BlobError}
   */
  async fetch(id: string, directory: string | null): Promise<FileStatus[]> {
    const found = this.find(id);
    for (const { record } of found) await this.#fetch(record, directory);
    return this.find(id);
  }

  /** Stops a file until it is fetched again; what is there of it stays. @throws {ChatError} `file-id-unknown` */
  async pause(id: string): Promise<FileStatus[]> {
    for (const { record } of this.find(id)) {
      if (!isGoingOn(record)) continue;
      this.#running.get(record.id)?.stop.abort();
      await this.#change(record, { state: 'paused', problem: null });
    }
    return this.find(id);
  }

  /**
   * Gives a file up: one's own is offered no more, of another's nothing is kept
   * unless it is whole.
   * @throws {ChatError} `file-id-unknown`
   */
  async cancel(id: string): Promise<FileStatus[]> {
    const { keys } = this.parts;
    for (const { record } of this.find(id)) {
      const { author, state } = record;
      if (author === keys.peerId) {
        await this.#withdraw(record, { code: 'file-withdrawn', detail: 'It is offered no more.' });
      } else if (state !== 'complete') {
        const running = this.#running.get(record.id);
        running?.stop.abort();
        await this.#change(record, { state: 'offered', problem: null, directory: null });
        if (running === undefined) await this.#discard(record);
      }
    }
    return this.find(id);
  }

  /** Bytes of a file that is here. @throws {ChatError} `file-id-unknown` @throws {BlobError} */
  async content(id: string): Promise<{ record: FileRecord; bytes: AsyncIterable<Uint8Array> }> {
    const record = this.#get(id);
    if (record.author !== this.parts.keys.peerId && record.state !== 'complete') {
      throw new ChatError('file-not-here', `${record.file.name} was not fetched yet.`, {
        hint: 'Fetch it first.',
      });
    }
    return { record, bytes: await this.parts.blobs.content(record) };
  }

  /** When files of a conversation are fetched. */
  rule(conversation: string): FileRule {
    return this.#notes.rules[conversation] ?? { fetch: 'ask' };
  }

  /** @throws {BlobError} */
  async setRule(conversation: string, rule: FileRule): Promise<void> {
    this.#notes = { ...this.#notes, rules: { ...this.#notes.rules, [conversation]: rule } };
    await this.parts.blobs.saveNotes(this.#notes);
  }

  async #post(conversation: string, offered: readonly OfferedBlob[], caption?: string): Promise<SentFiles> {
    const files = offered.map(({ file }) => file);
    for (const one of offered) this.#staged.set(one.file.root, one);
    try {
      const content: FileContent =
        caption === undefined ? { kind: 'file', files } : { kind: 'file', caption, files };
      const message = await this.parts.messages.post(conversation, content);
      this.#lookAt(message);
      // What was written is listed after the next start at the latest; here it is waited for.
      await this.#saving;
      return { id: message.id, conversation, files, skipped: offered.flatMap(({ skipped }) => skipped) };
    } finally {
      for (const { root } of files) this.#staged.delete(root);
    }
  }

  /** What one offers from a path, as it was read then; null where it is served no more. */
  #served(id: string | undefined, path: string): OfferedBlob | null {
    const record = this.#records.get(id ?? '');
    if (record?.author !== this.parts.keys.peerId || record.path !== path) return null;
    if (record.state === 'failed' || record.dropped === true) return null;
    return { file: record.file, path, source: record.source, skipped: [] };
  }

  /** Makes room where copies take too much: what all have fetched goes first, the oldest before the others. */
  async #withRoom<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof BlobError && error.code === 'files-quota')) throw error;
        const spare = this.list().find(({ record }) => this.#isSpare(record));
        if (spare === undefined) throw error;
        const { root } = spare.record.file;
        const served = this.#servedFromCopy(root);
        await this.parts.blobs.drop(root);
        for (const record of served) await this.#change(record, { dropped: true });
      }
    }
  }

  /** Whether nobody needs the copy any more: it is one for all conversations that the file is offered in. */
  #isSpare({ file }: FileRecord): boolean {
    const served = this.#servedFromCopy(file.root);
    return (
      served.length > 0 &&
      served.every((one) => one.author !== this.parts.keys.peerId || this.#isFetchedByAll(one))
    );
  }

  #servedFromCopy(root: string): FileRecord[] {
    return [...this.#records.values()].filter(
      ({ file, author, state, source, dropped }) =>
        file.root === root &&
        dropped !== true &&
        source === null &&
        (author === this.parts.keys.peerId ? state !== 'failed' : state === 'complete'),
    );
  }

  #isFetchedByAll({ conversation, doneBy }: FileRecord): boolean {
    const members = this.parts.members(conversation);
    return members.length > 0 && members.every((peerId) => doneBy.includes(peerId));
  }

  /** Serves it no more, and gives up what was kept for that. What lies in a folder of the person stays. */
  async #withdraw({ id }: FileRecord, problem: FileProblem): Promise<void> {
    const record = this.#get(id);
    this.#running.get(id)?.stop.abort();
    const isFetched = record.author !== this.parts.keys.peerId && record.state === 'complete';
    await this.#change(record, { state: isFetched ? 'complete' : 'failed', problem, source: null });
    if (!this.#isOfferedElsewhere(record)) await this.parts.blobs.drop(record.file.root);
  }

  /** The files of a message that was deleted for everybody are offered no more. */
  async #lookForDeleted(ids: readonly string[]): Promise<void> {
    const known = ids.filter((id) => this.#byMessage.has(id));
    if (known.length === 0) return;
    for (const { id, deleted } of await this.parts.messages.all(known)) {
      if (!deleted) continue;
      for (const { record } of this.find(id))
        await this.#withdraw(record, { code: 'file-withdrawn', detail: 'Its message was deleted.' });
    }
  }

  #isOfferedElsewhere({ id, file }: FileRecord): boolean {
    return [...this.#records.values()].some(
      (other) => other.id !== id && other.file.root === file.root && other.state !== 'failed',
    );
  }

  #get(id: string): FileRecord {
    const record = this.#records.get(id);
    if (record !== undefined) return record;
    throw new ChatError('file-id-unknown', 'There is no file of that id.', {
      hint: 'p2p-chat files lists them.',
    });
  }

  #status(record: FileRecord): FileStatus {
    const { size } = record.file;
    const rate = this.#rates.get(record.id)?.rate ?? null;
    if (record.author === this.parts.keys.peerId) {
      const progress = record.doneBy.length > 0 ? 1 : this.#serving.progress(record);
      const isDone = record.state === 'offered' && this.#isFetchedByAll(record);
      const shown: FileRecord = isDone ? { ...record, state: 'complete' } : record;
      return { record: shown, progress, rate: progress < 1 ? rate : null };
    }
    if (record.state === 'complete') return { record, progress: 1, rate: null };
    const progress = size === 0 ? 0 : (this.#bytes.get(record.id) ?? 0) / size;
    return { record, progress, rate: record.state === 'fetching' ? rate : null };
  }

  /** Messages that were saved: their files are files of the conversation. */
  #look(kept: KeptBatch): void {
    if (!referencesOf(kept.batch).lists.has('file')) return;
    for (const message of this.parts.messages.project(kept)) this.#lookAt(message);
  }

  #lookAt(message: Message): void {
    const { content, author, conversation, sentAt } = message;
    if (content.kind !== 'file' || this.#byMessage.has(message.id)) return;
    const isOwn = author === this.parts.keys.peerId;
    const ids = fileIds(message.id, content.files.length);
    content.files.forEach((file, at) => {
      const staged = isOwn ? this.#staged.get(file.root) : undefined;
      const record: FileRecord = {
        id: ids[at] as string,
        message: message.id,
        conversation,
        author,
        sentAt,
        file,
        state: 'offered',
        path: staged?.path ?? null,
        directory: null,
        source: staged?.source ?? null,
        problem: null,
        doneBy: [],
      };
      const isWanted = !isOwn && this.#isFetchedUnasked(record);
      const added: FileRecord = isWanted ? { ...record, state: 'fetching' } : record;
      this.#add(added);
      void this.#save(added);
      if (isWanted) this.#run(added);
    });
  }

  #isFetchedUnasked({ conversation, author, file }: FileRecord): boolean {
    const rule = this.rule(conversation);
    if (rule.fetch !== 'always' || file.size > rule.upTo) return false;
    // Who is in a group has accepted the others.
    const isGroup = this.parts.conversations.get(conversation)?.peerId === null;
    return isGroup || this.parts.peers.isContact(author);
  }

  /** Looks for files that were saved and not noted when the last start ended. */
  async #lookThrough(): Promise<void> {
    const { conversations, store } = this.parts;
    const lists = conversations.all().map(({ id }) => listOf('file', id));
    for (const kept of await store.referring(lists)) this.#look(kept);
    await this.#saving;
  }

  #add(record: FileRecord): void {
    this.#records.set(record.id, record);
    const ids = this.#byMessage.get(record.message) ?? [];
    if (!ids.includes(record.id)) {
      ids.push(record.id);
      ids.sort((a, b) => place(a) - place(b));
      this.#byMessage.set(record.message, ids);
    }
    this.#serving.add(record);
    this.#publish(record);
  }

  async #change(record: FileRecord, change: Partial<FileRecord>): Promise<FileRecord> {
    const changed = { ...this.#get(record.id), ...change };
    this.#add(changed);
    await this.#save(changed);
    return changed;
  }

  #save(record: FileRecord): Promise<void> {
    // One after the other, so that the last one counts.
    const saved = this.#saving.then(async () => {
      try {
        await this.parts.blobs.save(this.#records.get(record.id) ?? record);
      } catch (error) {
        this.parts.log.warn({ error: errorMessage(error) }, 'what became of a file cannot be saved');
      }
    });
    this.#saving = saved;
    return saved;
  }

  async #fetch(record: FileRecord, directory: string | null): Promise<void> {
    const { blobs, keys } = this.parts;
    if (record.author === keys.peerId || record.state === 'complete') {
      // One that was uploaded lies nowhere yet.
      if (directory !== null || record.path === null) {
        await this.#change(record, { path: await blobs.copyTo(record, directory) });
        return;
      }
      if (record.author === keys.peerId || (await blobs.isThere(record))) return;
    }
    if (this.rule(record.conversation).fetch === 'never') {
      throw new ChatError('files-refused', 'Files of this conversation are never fetched, as you have set.', {
        hint: 'Change that with: p2p-chat files <conversation> --rule ask',
      });
    }
    const isRunning = this.#running.has(record.id) && isGoingOn(record);
    const wanted = await this.#change(record, {
      state: 'fetching',
      problem: null,
      ...(directory === null ? {} : { directory }),
    });
    if (isRunning) this.#running.get(record.id)?.poke();
    else this.#run(wanted);
  }

  #run({ id }: FileRecord): void {
    if (this.#stopped) return;
    const before = this.#running.get(id);
    before?.stop.abort();
    const running: Running = { stop: new AbortController(), poke: () => undefined };
    this.#running.set(id, running);
    // A file has one part on the disk, whoever offers it.
    void this.#mutex
      .run(this.#get(id).file.root, () => this.#fetchUntilWhole(id, running))
      .catch((error: unknown) => {
        if (!running.stop.signal.aborted)
          this.parts.log.warn({ error: errorMessage(error) }, 'a file is not fetched any more');
      })
      .finally(() => {
        if (this.#running.get(id) === running) this.#running.delete(id);
      });
  }

  async #fetchUntilWhole(id: string, running: Running): Promise<void> {
    const { signal } = running.stop;
    const backoff = new Backoff(RETRY, this.parts.random);
    const record = this.#get(id);
    const fetch = new Fetch(record, {
      ...this.parts,
      sha256: this.parts.keys.sha256,
      limit: this.#limit,
      onProgress: (bytes) => {
        if (bytes > (this.#bytes.get(id) ?? 0)) backoff.reset();
        this.#bytes.set(id, bytes);
        this.#moved(this.#get(id));
      },
    });
    try {
      while (!signal.aborted) {
        running.poke = () => fetch.look(this.#sources(this.#get(id)));
        const problem = await this.#attempt(fetch, id, signal);
        if (problem === 'turn-over') continue;
        if (problem === null || signal.aborted) return;
        await this.#change(record, { state: problem.code === 'blocks-wrong' ? 'failed' : 'paused', problem });
        if (problem.code === 'blocks-wrong') return;
        await this.#pause(running, backoff.next());
      }
    } finally {
      await fetch.close();
      const { state } = this.#get(id);
      if (state === 'offered' || state === 'failed') await this.#discard(record);
    }
  }

  /** Gives up what was fetched of it. */
  async #discard(record: FileRecord): Promise<void> {
    await this.parts.blobs.discard(record.file, false);
    this.#bytes.delete(record.id);
    this.#rates.delete(record.id);
    this.#publish(record);
  }

  /** @returns why it is not whole; null where it is, or was stopped; or that it is the turn of others */
  async #attempt(fetch: Fetch, id: string, stop: AbortSignal): Promise<FileProblem | 'turn-over' | null> {
    const record = this.#get(id);
    const slot = await this.#slots.take(record.author, stop);
    const signal = AbortSignal.any([stop, slot.over]);
    try {
      const sources = this.#sources(record);
      const outcome = await fetch.attempt(
        sources,
        () => {
          if (!signal.aborted && this.#get(id).state === 'paused')
            void this.#change(record, { state: 'fetching', problem: null });
        },
        signal,
      );
      if (outcome === 'whole') {
        await this.#finish(fetch, id);
        return null;
      }
      const others = this.parts.members(record.conversation).filter((peerId) => !fetch.liars.has(peerId));
      if (others.length === 0)
        return { code: 'blocks-wrong', detail: 'What came is not the file that was offered.' };
      return outcome === 'absent'
        ? { code: 'file-absent', detail: 'Nobody who is there has it at the moment.' }
        : { code: 'nobody-there', detail: 'Nobody who has it can be reached.' };
    } catch (error) {
      if (stop.aborted) return null;
      if (slot.over.aborted && !(error instanceof BlobError)) return 'turn-over';
      // Any of what was written may be lost: it is verified when it is opened again.
      if (errorCode(error) === 'disk-failed') await fetch.close();
      if (error instanceof BlobError)
        return { code: error.code, detail: [error.message, error.hint].filter(Boolean).join(' ') };
      return { code: errorCode(error) ?? 'internal-error', detail: errorMessage(error) };
    } finally {
      slot.free();
    }
  }

  async #finish(fetch: Fetch, id: string): Promise<void> {
    const { part } = fetch;
    if (part === null) throw new Error('a file that is whole is open');
    const record = this.#get(id);
    const { path, source, skipped } = await part.finish(record.directory);
    const problem =
      skipped.length === 0 ? null : { code: 'entries-skipped', detail: `Left out: ${skipped.join('; ')}` };
    const complete = await this.#change(record, { state: 'complete', path, source, problem });
    await fetch.close();
    await this.parts.blobs.discard(record.file, true);
    void this.#tellDone(complete);
  }

  /** The author may give up a copy that all have. */
  async #tellDone({ conversation, author, file }: FileRecord): Promise<void> {
    const addresses = this.parts.peers.get(author)?.addresses ?? [];
    try {
      const connection = await this.parts.blocks.open(
        author,
        addresses,
        AbortSignal.timeout(DONE_TIMEOUT_MS),
      );
      await connection.request({ kind: 'done', conversation, root: file.root, index: 0 }, 0);
      connection.close();
    } catch {
      // A copy is kept longer than it has to be.
    }
  }

  #doneBy(record: FileRecord, peerId: string): void {
    const { doneBy } = this.#get(record.id);
    if (!doneBy.includes(peerId)) void this.#change(record, { doneBy: [...doneBy, peerId] });
  }

  /** Who may have it: the author first, then the other members who are there. */
  #sources({ conversation, author }: FileRecord): FileSource[] {
    const { members, peers } = this.parts;
    return [...members(conversation)]
      .filter((peerId) => !peers.isBlocked(peerId))
      .sort((a, b) => Number(b === author) - Number(a === author))
      .flatMap((peerId) => {
        const known = peers.get(peerId);
        return known === undefined || !known.online ? [] : [{ peerId, addresses: known.addresses }];
      });
  }

  #pokeFor(peerId: string): void {
    for (const [id, { poke }] of this.#running) {
      const record = this.#records.get(id);
      if (record !== undefined && this.parts.members(record.conversation).includes(peerId)) poke();
    }
  }

  /** Waits until the time is over, or somebody came. */
  async #pause(running: Running, ms: number): Promise<void> {
    const poked = Promise.withResolvers<void>();
    running.poke = poked.resolve;
    const stop = new AbortController();
    const end = (): void => stop.abort();
    running.stop.signal.addEventListener('abort', end, { once: true });
    await Promise.race([this.parts.clock.sleep(ms, stop.signal).catch(() => undefined), poked.promise]);
    running.stop.signal.removeEventListener('abort', end);
    stop.abort();
    running.poke = () => undefined;
  }

  /** Bytes have moved: tells so, at most a few times a second. */
  #moved(record: FileRecord): void {
    const now = this.parts.clock.monotonic();
    const told = this.#toldAt.get(record.id);
    if (told !== undefined && now - told < EVENT_INTERVAL_MS) return;
    this.#toldAt.set(record.id, now);
    const bytes = this.#status(record).progress * record.file.size;
    const before = this.#rates.get(record.id);
    const seconds = before === undefined ? 0 : (now - before.at) / 1_000;
    const rate = before === undefined || seconds === 0 ? null : Math.max(0, (bytes - before.bytes) / seconds);
    this.#rates.set(record.id, { at: now, bytes, rate });
    this.#publish(record);
  }

  #publish({ id }: FileRecord): void {
    this.parts.events.publish({ type: 'file', id });
  }
}

/** Whether it is fetched, or is as soon as what stands in its way is gone. */
function isGoingOn({ state, problem }: FileRecord): boolean {
  return state === 'fetching' || (state === 'paused' && problem !== null);
}

/** Of a file, where its message stands first. */
function place(id: string): number {
  return parseMessageId(id) === null ? Number(id.slice(id.lastIndexOf('.') + 1)) : 0;
}

function checkCaption(caption: string | undefined): void {
  if (caption === undefined) return;
  if (caption === '' || !caption.isWellFormed() || UTF8.encode(caption).length > MAX_CAPTION_BYTES) {
    throw new ChatError(
      'caption-malformed',
      `A caption has 1 byte to ${MAX_CAPTION_BYTES / 1024} KiB of text.`,
    );
  }
}
