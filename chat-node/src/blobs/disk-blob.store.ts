import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import {
  BLOCK_BYTES,
  blockCount,
  blockLength,
  errorCode,
  fileRoot,
  FOLDER_TYPE,
  isFileName,
  makePrivateFolder,
  type OfferedFile,
  replaceFile,
} from '@p2p-chat/shared';
import { BlobError } from '../core/errors.js';
import type { BlobSource, FileNotes, FileRecord } from '../core/files/file-record.js';
import { safeFileName } from '../core/files/safe-name.js';
import {
  BlobStore,
  type OfferedBlob,
  type OfferOptions,
  type Part,
  type WrittenBlock,
} from '../core/ports/blob.store.js';
import { readError, writeError } from './blob-errors.js';
import { mediaType } from './media-type.js';
import { copyFolder, placeCopy, placeFile, placeFolder, syncFile, syncFolder } from './placing.js';
import { BlobWorkerClient } from './worker-client.js';

export interface DiskBlobStoreOptions {
  /** The folder of this store; it is made when it is needed. */
  folder: string;
  /** Where fetched files are put. */
  downloads: string;
  /** Bytes of one file. */
  maxFileBytes: number;
  /** Bytes of all copies that are kept for others. */
  quotaBytes: number;
  /** The built worker; another one only where this file does not run from the build. */
  workerUrl?: URL;
}

const FOLDERS = ['records', 'blobs', 'hashes', 'parts', 'drafts'] as const;
const NOTES = 'notes.json';
/** Files that are open to be served. */
const MAX_OPEN_FILES = 16;

const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

/**
 * Blobs on the disk:
 *
 *     records/<file id>.json   what is known of a file
 *     notes.json               rules of the conversations
 *     blobs/<root>             copies that are kept for others
 *     hashes/<root>            the hashes of the blocks of all that is served or fetched
 *     parts/<root>             what is fetched of a file
 *     drafts/                  what is being made
 */
export class DiskBlobStore extends BlobStore {
  readonly #worker: BlobWorkerClient;
  /** By root: bytes of the copies that are kept. */
  readonly #kept = new Map<string, number>();
  readonly #parts = new Map<string, DiskPart>();
  readonly #open = new Map<string, Promise<FileHandle>>();
  #isMade = false;

  constructor(private readonly options: DiskBlobStoreOptions) {
    super();
    this.#worker = new BlobWorkerClient(options.workerUrl ?? new URL('./blob-worker.js', import.meta.url));
  }

  override async load(): Promise<{ records: FileRecord[]; notes: FileNotes }> {
    const records: FileRecord[] = [];
    for (const name of await namesIn(this.#path('records'))) {
      const record = name.endsWith('.json') ? await readJson(this.#path('records', name)) : null;
      if (record !== null) records.push(record as FileRecord);
    }
    const notes = ((await readJson(this.#path(NOTES))) ?? { rules: {} }) as FileNotes;
    for (const root of await namesIn(this.#path('blobs'))) {
      this.#kept.set(root, (await stat(this.#path('blobs', root))).size);
    }
    // What an earlier start did not finish, and parts that nobody wants any more.
    for (const name of await namesIn(this.#path('drafts'))) await this.#remove(this.#path('drafts', name));
    const wanted = new Set(records.filter(({ state }) => isWanted(state)).map(({ file }) => file.root));
    for (const root of await namesIn(this.#path('parts'))) {
      if (!wanted.has(root)) await this.#remove(this.#path('parts', root));
    }
    return { records, notes };
  }

  override save(record: FileRecord): Promise<void> {
    return this.#writing(() =>
      replaceFile(this.#path('records', `${record.id}.json`), JSON.stringify(record)),
    );
  }

  override saveNotes(notes: FileNotes): Promise<void> {
    return this.#writing(() => replaceFile(this.#path(NOTES), JSON.stringify(notes)));
  }

  override async offer(given: string, { copy }: OfferOptions): Promise<OfferedBlob> {
    const path = resolve(given);
    this.#make();
    let found;
    try {
      found = await stat(path);
    } catch (error) {
      throw readError(error, path);
    }
    const name = wireName(basename(path));
    if (found.isDirectory()) return this.#offerFolder(path, name);
    if (found.size > this.options.maxFileBytes) throw this.#tooLarge(path);
    if (copy) this.#requireRoom(found.size);
    const draft = copy ? this.#draft() : null;
    try {
      const { size, changedAt, hashes } = await this.#worker.call('offerFile', [
        path,
        draft,
        this.options.maxFileBytes,
      ]);
      const file = { name, size, type: mediaType(name), root: fileRoot(size, hashes, sha256) };
      await this.#keep(file, hashes, draft);
      return { file, path, source: copy ? null : { path, size, changedAt }, skipped: [] };
    } catch (error) {
      if (draft !== null) await this.#remove(draft);
      throw errorCode(error) === 'too-much' ? this.#tooLarge(path) : readError(error, path);
    }
  }

  override async offerBytes(
    { name: given, isFolder }: { name: string; isFolder: boolean },
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<OfferedBlob> {
    this.#make();
    const draft = this.#draft();
    try {
      await this.#worker.call('openDraft', [draft]);
      await this.#handOver(draft, chunks, (size) => {
        if (size > this.options.maxFileBytes) throw this.#tooLarge(given);
        this.#requireRoom(size);
      });
      const { size, hashes } = await this.#worker.call('endDraft', [draft]);
      const name = wireName(given);
      const file = {
        name,
        size,
        type: isFolder ? FOLDER_TYPE : mediaType(name),
        root: fileRoot(size, hashes, sha256),
      };
      await this.#keep(file, hashes, draft);
      return { file, path: null, source: null, skipped: [] };
    } catch (error) {
      await this.#remove(draft);
      throw writeError(error, this.options.folder);
    } finally {
      await this.#worker.call('closeDraft', [draft]);
    }
  }

  override async drop(root: string): Promise<void> {
    this.#kept.delete(root);
    await this.#shut(this.#path('blobs', root));
    await this.#remove(this.#path('blobs', root));
  }

  override async hashes(root: string): Promise<Uint8Array | null> {
    try {
      return await readFile(this.#path('hashes', root));
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return null;
      throw error;
    }
  }

  override async block(
    { root, size }: OfferedFile,
    source: BlobSource | null,
    index: number,
    into?: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array | null> {
    if (index >= blockCount(size)) return null;
    const at = index * BLOCK_BYTES;
    const bytes = into?.subarray(0, blockLength(size, index)) ?? new Uint8Array(blockLength(size, index));
    if (this.#kept.has(root)) return this.#read(this.#path('blobs', root), at, bytes, null);
    if (this.#parts.get(root)?.has(index) === true)
      return this.#read(this.#path('parts', root), at, bytes, null);
    return source === null ? null : this.#read(source.path, at, bytes, source);
  }

  override async part(file: OfferedFile, hashes: Uint8Array): Promise<Part> {
    await this.#writing(async () => {
      const path = this.#path('hashes', file.root);
      await replaceFile(path, hashes, `.${randomUUID()}`);
    });
    const path = this.#path('parts', file.root);
    try {
      const there = await this.#worker.call('openPart', [path, file.size, hashes]);
      const part = new DiskPart(file, path, there, {
        worker: this.#worker,
        folder: this.options.folder,
        finish: (directory) => this.#finish(file, path, directory),
        close: async () => {
          this.#parts.delete(file.root);
          await this.#shut(path);
        },
      });
      this.#parts.set(file.root, part);
      return part;
    } catch (error) {
      throw writeError(error, this.options.folder);
    }
  }

  override async discard({ root, size, type }: OfferedFile, whole: boolean): Promise<void> {
    const part = this.#path('parts', root);
    await this.#shut(part);
    // Of a folder nothing else has the blocks.
    if (!whole || type !== FOLDER_TYPE || this.#used + size > this.options.quotaBytes)
      return this.#remove(part);
    await rename(part, this.#path('blobs', root));
    this.#kept.set(root, size);
  }

  override async content({ file, path, source }: FileRecord): Promise<AsyncIterable<Uint8Array>> {
    const from = this.#kept.has(file.root) ? this.#path('blobs', file.root) : (source?.path ?? path);
    if (from === null || file.type === FOLDER_TYPE) {
      throw new BlobError('file-unsuitable', `${file.name} is not a file that can be read here.`);
    }
    try {
      const handle = await open(from, 'r');
      return handle.createReadStream({ highWaterMark: BLOCK_BYTES });
    } catch (error) {
      throw readError(error, from);
    }
  }

  override async isThere({ path }: FileRecord): Promise<boolean> {
    return path !== null && (await stat(path).catch(() => null)) !== null;
  }

  override async copyTo({ file, path }: FileRecord, directory: string | null): Promise<string> {
    const kept = this.#kept.has(file.root) ? this.#path('blobs', file.root) : null;
    const folder = directory === null ? this.options.downloads : resolve(directory);
    try {
      if (directory === null) makePrivateFolder(folder);
      else await mkdir(folder, { recursive: true });
      if (file.type !== FOLDER_TYPE) return await placeCopy(kept ?? path ?? '', folder, file.name);
      if (kept !== null) return (await this.#unpack(file, kept, folder)).path;
      return await copyFolder(path ?? '', folder, file.name);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') throw readError(error, path ?? file.name);
      throw writeError(error, folder);
    }
  }

  override async close(): Promise<void> {
    for (const path of [...this.#open.keys()]) await this.#shut(path);
    await this.#worker.close();
  }

  /** Collects bytes in blocks for the thread: while it has one, the next is filled. */
  async #handOver(
    draft: string,
    chunks: AsyncIterable<Uint8Array>,
    check: (size: number) => void,
  ): Promise<void> {
    let block = new Uint8Array(BLOCK_BYTES);
    let spare = Promise.resolve({ buffer: new ArrayBuffer(BLOCK_BYTES) });
    let size = 0;
    let filled = 0;
    const flush = async (): Promise<void> => {
      const full = block.subarray(0, filled);
      block = new Uint8Array((await spare).buffer);
      spare = this.#worker.call('addToDraft', [draft, full], [full.buffer]);
      // It is waited for with the next block.
      spare.catch(() => undefined);
      filled = 0;
    };
    for await (const chunk of chunks) {
      size += chunk.length;
      check(size);
      for (let at = 0; at < chunk.length;) {
        const taken = chunk.subarray(at, at + BLOCK_BYTES - filled);
        block.set(taken, filled);
        filled += taken.length;
        at += taken.length;
        if (filled === BLOCK_BYTES) await flush();
      }
    }
    await flush();
    await spare;
  }

  async #offerFolder(path: string, name: string): Promise<OfferedBlob> {
    const draft = this.#draft();
    const room = this.options.quotaBytes - this.#used;
    const max = Math.min(room, this.options.maxFileBytes);
    try {
      const { size, hashes, skipped } = await this.#worker.call('offerFolder', [path, draft, max]);
      const file = { name, size, type: FOLDER_TYPE, root: fileRoot(size, hashes, sha256) };
      this.#requireRoom(size);
      await this.#keep(file, hashes, draft);
      return { file, path, source: null, skipped };
    } catch (error) {
      await this.#remove(draft);
      if (errorCode(error) === 'too-much')
        throw room < this.options.maxFileBytes ? this.#noRoom() : this.#tooLarge(path);
      throw readError(error, path);
    }
  }

  /** What was read of a file is served from now on; the draft of a copy takes its place. */
  async #keep({ root, size }: OfferedFile, hashes: Uint8Array, draft: string | null): Promise<void> {
    const path = this.#path('hashes', root);
    await replaceFile(path, hashes, `.${randomUUID()}`);
    if (draft === null) return;
    await this.#shut(this.#path('blobs', root));
    await rename(draft, this.#path('blobs', root));
    await syncFolder(this.#path('blobs'));
    this.#kept.set(root, size);
  }

  async #finish(
    file: OfferedFile,
    part: string,
    directory: string | null,
  ): Promise<{ path: string; source: BlobSource | null; skipped: readonly string[] }> {
    const folder = directory === null ? this.options.downloads : resolve(directory);
    try {
      await this.#worker.call('syncPart', [part]);
      if (directory === null) makePrivateFolder(folder);
      else await mkdir(folder, { recursive: true });
      if (file.type === FOLDER_TYPE) {
        const { path, skipped } = await this.#unpack(file, part, folder);
        return { path, source: null, skipped };
      }
      const path = await placeFile(part, folder, file.name);
      const { size, mtimeMs } = await stat(path);
      return { path, source: { path, size, changedAt: mtimeMs }, skipped: [] };
    } catch (error) {
      if (errorCode(error) === 'folder-malformed') {
        throw new BlobError('file-unsuitable', `What came as the folder ${file.name} is none.`, {
          cause: error,
        });
      }
      throw writeError(error, folder);
    }
  }

  async #unpack(
    file: OfferedFile,
    stream: string,
    folder: string,
  ): Promise<{ path: string; skipped: readonly string[] }> {
    let skipped: readonly string[] = [];
    const path = await placeFolder(folder, file.name, async (draft) => {
      skipped = await this.#worker.call('unpack', [stream, draft]);
      await syncFile(draft);
    });
    return { path, skipped };
  }

  async #read(
    path: string,
    at: number,
    bytes: Uint8Array,
    source: BlobSource | null,
  ): Promise<Uint8Array | null> {
    try {
      const file = await this.#opened(path);
      const [{ bytesRead }, now] = await Promise.all([
        file.read(bytes, 0, bytes.length, at),
        source === null ? null : file.stat(),
      ]);
      if (source !== null && (now?.size !== source.size || now.mtimeMs !== source.changedAt)) return null;
      return bytesRead === bytes.length ? bytes : null;
    } catch {
      await this.#shut(path);
      return null;
    }
  }

  #opened(path: string): Promise<FileHandle> {
    let handle = this.#open.get(path);
    if (handle === undefined) {
      const [oldest] = this.#open.keys();
      if (this.#open.size >= MAX_OPEN_FILES && oldest !== undefined) void this.#shut(oldest);
      handle = open(path, 'r');
      this.#open.set(path, handle);
    }
    return handle;
  }

  async #shut(path: string): Promise<void> {
    const handle = this.#open.get(path);
    this.#open.delete(path);
    try {
      await (await handle)?.close();
    } catch {
      // It was never open.
    }
  }

  get #used(): number {
    return [...this.#kept.values()].reduce((sum, size) => sum + size, 0);
  }

  #requireRoom(bytes: number): void {
    if (this.#used + bytes > this.options.quotaBytes) throw this.#noRoom();
  }

  #noRoom(): BlobError {
    return new BlobError(
      'files-quota',
      'The copies that are kept for others would take more than they may.',
      {
        hint: 'Offer it with --no-copy, or raise P2P_CHAT_FILES_QUOTA.',
      },
    );
  }

  #tooLarge(path: string): BlobError {
    return new BlobError(
      'file-too-large',
      `${path} is larger than ${Math.floor(this.options.maxFileBytes / BLOCK_BYTES)} MiB.`,
      { hint: 'Raise P2P_CHAT_MAX_FILE, or send it in parts.' },
    );
  }

  #draft(): string {
    return this.#path('drafts', randomUUID());
  }

  #path(...parts: string[]): string {
    return join(this.options.folder, ...parts);
  }

  #make(): void {
    if (this.#isMade) return;
    try {
      for (const folder of FOLDERS) makePrivateFolder(this.#path(folder));
      this.#isMade = true;
    } catch (error) {
      throw writeError(error, this.options.folder);
    }
  }

  async #writing(work: () => Promise<void>): Promise<void> {
    this.#make();
    try {
      await work();
    } catch (error) {
      throw writeError(error, this.options.folder);
    }
  }

  async #remove(path: string): Promise<void> {
    await rm(path, { force: true });
  }
}

interface PartParts {
  worker: BlobWorkerClient;
  folder: string;
  finish: Part['finish'];
  close: () => Promise<void>;
}

class DiskPart implements Part {
  count: number;

  constructor(
    private readonly file: OfferedFile,
    private readonly path: string,
    private readonly there: Uint8Array,
    private readonly parts: PartParts,
  ) {
    this.count = there.reduce((sum, one) => sum + one, 0);
  }

  has(index: number): boolean {
    return this.there[index] === 1;
  }

  async write(index: number, bytes: Uint8Array<ArrayBuffer>): Promise<WrittenBlock> {
    try {
      const written = await this.parts.worker.call('writePart', [this.path, index, bytes], [bytes.buffer]);
      if (written.isRight && this.there[index] === 0) {
        this.there[index] = 1;
        this.count += 1;
      }
      return written;
    } catch (error) {
      throw writeError(error, this.parts.folder);
    }
  }

  finish(directory: string | null): ReturnType<Part['finish']> {
    if (this.count < blockCount(this.file.size)) throw new Error('not all of its blocks are there');
    return this.parts.finish(directory);
  }

  async close(): Promise<void> {
    await this.parts.close();
    await this.parts.worker.call('closePart', [this.path]).catch(() => undefined);
  }
}

/** The name as it is, or the nearest one that others take. */
function wireName(name: string): string {
  return isFileName(name) ? name : safeFileName(name);
}

function isWanted(state: FileRecord['state']): boolean {
  return state === 'fetching' || state === 'paused';
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw writeError(error, folder);
  }
}

/** What a file holds; null where it is not there or was never finished. */
async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return null;
  }
}
