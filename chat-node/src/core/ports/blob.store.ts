import type { OfferedFile } from '@p2p-chat/shared';
import type { BlobSource, FileNotes, FileRecord } from '../files/file-record.js';

/** A file whose blocks can be served from now on. */
export interface OfferedBlob {
  file: OfferedFile;
  /** Where it came from; null where it was handed over as bytes. */
  path: string | null;
  /** Where no copy was made. */
  source: BlobSource | null;
  /** Of a folder: what was left out, each with the reason. */
  skipped: readonly string[];
}

export interface OfferOptions {
  /** Whether a copy is kept, so that the original may change. */
  copy: boolean;
}

/** What became of a block, and its buffer, which is free again. */
export interface WrittenBlock {
  isRight: boolean;
  buffer: ArrayBuffer;
}

/** A file that is being fetched. What was written survives SIGKILL; it is verified when it is opened again. */
export interface Part {
  /** Whether a block is there. */
  has(index: number): boolean;
  /** How many blocks are there. */
  readonly count: number;
  /**
   * Writes a block, if its hash is the right one.
   * @param bytes not to be used any more
   * @returns whether it was, and the buffer for the next one
   * @throws {BlobError} `disk-full`, `folder-read-only`, `disk-failed`
   */
  write(index: number, bytes: Uint8Array<ArrayBuffer>): Promise<WrittenBlock>;
  /**
   * Puts the whole file into a folder under a safe name that is not taken, durably; nothing is
   * replaced and nothing can be run.
   * @param directory null for the folder of downloads
   * @returns where it is, and its blocks from now on
   * @throws {BlobError}
   */
  finish(
    directory: string | null,
  ): Promise<{ path: string; source: BlobSource | null; skipped: readonly string[] }>;
  /** Forgets what {@link finish} has put elsewhere. */
  close(): Promise<void>;
}

/** The blocks of files on the disk of this node, and what is known of each file. Errors are {@link BlobError}s. */
export abstract class BlobStore {
  /** What was saved; once, first. */
  abstract load(): Promise<{ records: FileRecord[]; notes: FileNotes }>;
  /** Saves a record: it survives SIGKILL and a power cut when this resolves. */
  abstract save(record: FileRecord): Promise<void>;
  abstract saveNotes(notes: FileNotes): Promise<void>;

  /**
   * Reads a file or a folder, so that its blocks can be served.
   * @throws {BlobError} `file-unknown`, `file-unsuitable`, `file-too-large`, `file-changed`, `files-quota`, `disk-full`, …
   */
  abstract offer(path: string, options: OfferOptions): Promise<OfferedBlob>;

  /** The same, from bytes that are handed over as they come. */
  abstract offerBytes(
    what: { name: string; isFolder: boolean },
    bytes: AsyncIterable<Uint8Array>,
  ): Promise<OfferedBlob>;

  /** Gives up what was offered and is not wanted any more. */
  abstract drop(root: string): Promise<void>;

  /** The hashes of all blocks; null where they are not here. */
  abstract hashes(root: string): Promise<Uint8Array | null>;

  /**
   * One block; null where it is not here, or the source has changed since.
   * @param into a buffer of BLOCK_BYTES for it; without it, a new one
   */
  abstract block(
    file: OfferedFile,
    source: BlobSource | null,
    index: number,
    into?: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array | null>;

  /** Opens a file to fetch it. @param hashes of all its blocks, verified */
  abstract part(file: OfferedFile, hashes: Uint8Array): Promise<Part>;

  /**
   * Gives up what was fetched of a file.
   * @param whole it was put where it belongs: what others need of it may stay
   */
  abstract discard(file: OfferedFile, whole: boolean): Promise<void>;

  /** Opens a whole file to be read. */
  abstract content(record: FileRecord): Promise<AsyncIterable<Uint8Array>>;

  /** Whether a file still lies where it was put. */
  abstract isThere(record: FileRecord): Promise<boolean>;

  /** Copies a whole file from where it lies into a folder; null for that of downloads. @returns where it is */
  abstract copyTo(record: FileRecord, directory: string | null): Promise<string>;

  /** Lets go of what is open. */
  abstract close(): Promise<void>;
}
