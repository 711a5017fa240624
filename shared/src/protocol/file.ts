import type { Sha256 } from './batch.js';
import {
  BLOCK_BYTES,
  MAX_CAPTION_BYTES,
  MAX_FILE_BYTES,
  MAX_FILE_NAME_BYTES,
  MAX_FILES_PER_ENTRY,
  MAX_MEDIA_TYPE_BYTES,
} from './limits.js';

/** A file that an entry offers: what it is called, and what its blocks must be. */
export interface OfferedFile {
  /** A name, not a path: 1 to MAX_FILE_NAME_BYTES of UTF-8, see {@link isFileName}. */
  name: string;
  /** Bytes. */
  size: number;
  /** Media type, `type/subtype`; {@link FOLDER_TYPE} for a folder. A label: nothing is opened by it. */
  type: string;
  /** See {@link fileRoot}; 64 hexadecimal digits. */
  root: string;
}

/** Files that somebody offers, with words beside them. */
export interface FileContent {
  kind: 'file';
  /** May be absent; 1 byte to MAX_CAPTION_BYTES of UTF-8. */
  caption?: string;
  /** 1 to MAX_FILES_PER_ENTRY. */
  files: OfferedFile[];
}

/** The type of a folder: its blocks are those of a folder stream (docs/protocol.md). */
export const FOLDER_TYPE = 'inode/directory';

const UTF8 = new TextEncoder();
const DOMAIN = UTF8.encode('p2p-chat/file/1');
const SIZE_BYTES = 8;
/** Bytes of the hash of a block. */
export const BLOCK_HASH_BYTES = 32;

/** How many blocks a file of this size has. */
export function blockCount(size: number): number {
  return Math.ceil(size / BLOCK_BYTES);
}

/** Bytes of one of its blocks: all but the last are whole. */
export function blockLength(size: number, index: number): number {
  return Math.min(BLOCK_BYTES, size - index * BLOCK_BYTES);
}

/**
 * What an entry names a file by: SHA-256( "p2p-chat/file/1" | size 8, big
 * endian | the SHA-256 of each block, in order ), 64 hexadecimal digits.
 */
export function fileRoot(size: number, hashes: Uint8Array, sha256: Sha256): string {
  const bytes = new Uint8Array(DOMAIN.length + SIZE_BYTES + hashes.length);
  bytes.set(DOMAIN);
  new DataView(bytes.buffer).setBigUint64(DOMAIN.length, BigInt(size));
  bytes.set(hashes, DOMAIN.length + SIZE_BYTES);
  return Array.from(sha256(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Whether a text can be the name of an offered file: no path, nothing that nobody sees, not `.` or `..`. */
export function isFileName(name: unknown): name is string {
  return (
    typeof name === 'string' &&
    name !== '' &&
    name !== '.' &&
    name !== '..' &&
    name.isWellFormed() &&
    // eslint-disable-next-line no-control-regex -- they are what is refused
    !/[/\\\u0000-\u001f\u007f-\u009f]/.test(name) &&
    UTF8.encode(name).length <= MAX_FILE_NAME_BYTES
  );
}

const ROOT = /^[0-9a-f]{64}$/;
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/;

/** Reads the content of an entry of the kind `file`; null where it is none. */
export function readFileContent({ caption, files }: Record<string, unknown>): FileContent | null {
  if (!Array.isArray(files) || files.length === 0 || files.length > MAX_FILES_PER_ENTRY) return null;
  if (!files.every(isOfferedFile)) return null;
  if (caption === undefined) return { kind: 'file', files };
  const isCaption =
    typeof caption === 'string' &&
    caption !== '' &&
    caption.isWellFormed() &&
    UTF8.encode(caption).length <= MAX_CAPTION_BYTES;
  return isCaption ? { kind: 'file', caption, files } : null;
}

function isOfferedFile(value: unknown): value is OfferedFile {
  if (typeof value !== 'object' || value === null) return false;
  const { name, size, type, root } = value as Record<string, unknown>;
  return (
    isFileName(name) &&
    Number.isSafeInteger(size) &&
    (size as number) >= 0 &&
    (size as number) <= MAX_FILE_BYTES &&
    typeof type === 'string' &&
    type.length <= MAX_MEDIA_TYPE_BYTES &&
    MEDIA_TYPE.test(type) &&
    typeof root === 'string' &&
    ROOT.test(root)
  );
}
