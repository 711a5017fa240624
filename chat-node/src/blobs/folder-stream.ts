import { spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  readdirSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { errorCode } from '@p2p-chat/shared/errors';
import { BLOCK_BYTES, MAX_FOLDER_ENTRIES, MAX_FOLDER_PATH_BYTES } from '@p2p-chat/shared/protocol/limits';
import { numberedName, safeFileName } from '../core/files/safe-name.js';
import type { BlockHasher } from './block-hasher.js';

/*
 * A folder as one stream of bytes, a record for each file and folder in it:
 *
 *  0               4
 *  +---------------+--------+---------+
 *  | length uint32 | header | content |
 *  +---------------+--------+---------+
 *
 * The header is JSON: {"path":"a/b.txt","size":12} for a file, whose content
 * follows, {"path":"a"} for a folder, which comes before what is in it.
 */

const LENGTH_BYTES = 4;
/** Every character of a path may be escaped. */
const MAX_HEADER_BYTES = 6 * MAX_FOLDER_PATH_BYTES + 64;
/** Folders in folders: more than people make, and a path that systems take. */
const MAX_DEPTH = 64;
/** Names that are tried where one is taken. */
const MAX_ATTEMPTS = 100;
/** What was left out is told up to here. */
const MAX_SKIPPED = 1_000;
/** Entries that are dealt with before others have their turn. */
const ENTRIES_PER_TURN = 64;
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** What was left out, each with its reason. */
class Skipped {
  readonly list: string[] = [];
  #more = 0;

  add(path: string, reason: string): void {
    if (this.list.length < MAX_SKIPPED) this.list.push(`${path}: ${reason}`);
    else this.#more += 1;
  }

  all(): string[] {
    return this.#more === 0 ? this.list : [...this.list, `and ${this.#more} more`];
  }
}

/**
 * Writes the files of a folder as a stream. Links are not followed; what is
 * neither a file nor a folder, or may not be read, is left out.
 * @returns what was left out
 * @throws with the code `too-much` or `too-many` where it has more than it may
 */
export async function packFolder(
  root: string,
  out: BlockHasher,
  maxBytes: number,
  maxEntries = MAX_FOLDER_ENTRIES,
): Promise<string[]> {
  const skipped = new Skipped();
  const buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  // Names are kept as the bytes that they are; what is no text cannot be told to others.
  const waiting: { path: string; depth: number }[] = [{ path: '', depth: 0 }];
  let entries = 0;
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const names = namesIn(join(root, folder.path), folder.path, skipped, maxEntries);
    if (folder.path !== '') await addHeader(out, { path: folder.path });
    for (const name of names) {
      const path = folder.path === '' ? name : `${folder.path}/${name}`;
      entries += 1;
      if (entries > maxEntries) throw tooMuch('too-many');
      if (entries % ENTRIES_PER_TURN === 0) await turn();
      if (Buffer.byteLength(path) > MAX_FOLDER_PATH_BYTES || folder.depth >= MAX_DEPTH) {
        skipped.add(path, 'too deep');
        continue;
      }
      const found = lstatSync(join(root, path), { throwIfNoEntry: false });
      if (found === undefined) skipped.add(path, 'its name is no text, or it is gone');
      else if (found.isDirectory()) waiting.push({ path, depth: folder.depth + 1 });
      else if (found.isFile()) await addFile(join(root, path), path, out, buffer, skipped, maxBytes);
      else skipped.add(path, found.isSymbolicLink() ? 'a link' : 'no file');
    }
  }
  return skipped.all();
}

function namesIn(folder: string, path: string, skipped: Skipped, maxEntries: number): string[] {
  const names: string[] = [];
  try {
    const listing = opendirSync(folder);
    for (let entry = listing.readSync(); entry !== null; entry = listing.readSync()) {
      names.push(entry.name);
      if (names.length > maxEntries) {
        listing.closeSync();
        throw tooMuch('too-many');
      }
    }
    listing.closeSync();
  } catch (error) {
    if (errorCode(error) !== 'EACCES' || path === '') throw error;
    skipped.add(path, 'may not be read');
  }
  return names.sort();
}

async function addFile(
  file: string,
  path: string,
  out: BlockHasher,
  buffer: Buffer,
  skipped: Skipped,
  maxBytes: number,
): Promise<void> {
  let fd: number;
  try {
    // What became a link or a pipe meanwhile is not followed and does not block.
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return skipped.add(path, errorCode(error) === 'EACCES' ? 'may not be read' : `${errorCode(error)}`);
  }
  try {
    const found = fstatSync(fd);
    if (!found.isFile()) return skipped.add(path, 'no file');
    if (out.size + found.size > maxBytes) throw tooMuch('too-much');
    await addHeader(out, { path, size: found.size });
    for (let left = found.size; left > 0;) {
      const bytes = readSync(fd, buffer, 0, Math.min(left, BLOCK_BYTES), null);
      if (bytes === 0) throw Object.assign(new Error(`${path} was changed`), { code: 'file-changed' });
      await out.add(buffer.subarray(0, bytes));
      left -= bytes;
    }
  } finally {
    closeSync(fd);
  }
}

async function addHeader(out: BlockHasher, header: { path: string; size?: number }): Promise<void> {
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(text.length);
  await out.add(Buffer.concat([length, text]));
}

function tooMuch(code: 'too-much' | 'too-many'): Error {
  return Object.assign(new Error('The folder is too large.'), { code });
}

/**
 * Makes the files of a stream in a folder that is empty and nobody else's.
 * Whatever the paths in it say, nothing is made elsewhere, replaced, hidden or executable.
 * @returns what was left out
 */
export async function unpackFolder(stream: string, into: string): Promise<string[]> {
  const skipped = new Skipped();
  const reader = new StreamReader(openSync(stream, 'r'));
  try {
    const tree = new Tree(into);
    for (let entries = 1; ; entries += 1) {
      const header = reader.header();
      if (header === null) break;
      const isTold = entries <= MAX_FOLDER_ENTRIES;
      if (header.size === undefined) {
        if (!isTold || tree.folder(header.path) === null) skipped.add(header.path, 'cannot be made');
      } else {
        const fd = isTold ? tree.file(header.path) : null;
        if (fd === null) skipped.add(header.path, 'cannot be made');
        reader.content(header.size, fd);
        if (fd !== null) closeSync(fd);
      }
      if (entries % ENTRIES_PER_TURN === 0) await turn();
    }
    syncTree(into);
    return skipped.all();
  } finally {
    reader.close();
  }
}

/** Reads records one after the other. What is malformed ends the stream with an error. */
class StreamReader {
  readonly #buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  #start = 0;
  #end = 0;

  constructor(private readonly fd: number) {}

  header(): { path: string; size?: number } | null {
    if (this.#start === this.#end && !this.#more()) return null;
    const length = this.#take(LENGTH_BYTES).readUInt32BE();
    if (length > MAX_HEADER_BYTES) throw malformed();
    let value: unknown;
    try {
      value = JSON.parse(this.#take(length).toString('utf8'));
    } catch {
      throw malformed();
    }
    const { path, size } = (typeof value === 'object' && value !== null ? value : {}) as Record<
      string,
      unknown
    >;
    if (typeof path !== 'string' || Buffer.byteLength(path) > MAX_FOLDER_PATH_BYTES) throw malformed();
    if (size === undefined) return { path };
    if (!Number.isSafeInteger(size) || (size as number) < 0) throw malformed();
    return { path, size: size as number };
  }

  content(size: number, fd: number | null): void {
    for (let left = size; left > 0;) {
      if (this.#start === this.#end && !this.#more()) throw malformed();
      const bytes = Math.min(left, this.#end - this.#start);
      const chunk = this.#buffer.subarray(this.#start, this.#start + bytes);
      if (fd !== null) for (let at = 0; at < bytes;) at += writeSync(fd, chunk, at);
      this.#start += bytes;
      left -= bytes;
    }
  }

  close(): void {
    closeSync(this.fd);
  }

  #take(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length;) {
      if (this.#start === this.#end && !this.#more()) throw malformed();
      const taken = Math.min(length - at, this.#end - this.#start);
      this.#buffer.copy(bytes, at, this.#start, this.#start + taken);
      this.#start += taken;
      at += taken;
    }
    return bytes;
  }

  #more(): boolean {
    this.#start = 0;
    this.#end = readSync(this.fd, this.#buffer, 0, BLOCK_BYTES, null);
    return this.#end > 0;
  }
}

/** Makes files and folders below one folder, each part of their paths under a safe name. */
class Tree {
  /** Where the folders of the stream are, by their paths there. */
  readonly #folders = new Map<string, string>();

  constructor(into: string) {
    this.#folders.set('', into);
  }

  /** Makes a folder and those above it, once. @returns where it is; null where it cannot be made */
  folder(path: string): string | null {
    const parts = partsOf(path);
    if (parts.length > MAX_DEPTH) return null;
    let above = this.#folders.get('') ?? '';
    let key = '';
    for (const part of parts) {
      key = `${key}/${part}`;
      const known = this.#folders.get(key);
      const made = known ?? untaken(above, part, (one) => (mkdirSync(one, { mode: FOLDER_MODE }), one));
      if (made === null) return null;
      this.#folders.set(key, made);
      above = made;
    }
    return above;
  }

  /** Makes an empty file. @returns it, open; null where it cannot be made */
  file(path: string): number | null {
    const parts = partsOf(path);
    const name = parts.pop();
    if (name === undefined) return null;
    const folder = this.folder(parts.join('/'));
    return folder === null ? null : untaken(folder, name, (one) => openSync(one, 'wx', FILE_MODE));
  }
}

/**
 * Makes all that is in a folder durable: with one call for its file system where
 * the system has that, because thousands of small files would each wait for the disk.
 */
function syncTree(folder: string): void {
  if (process.platform === 'linux' && spawnSync('sync', ['-f', folder]).status === 0) return;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile() || entry.isDirectory()) syncOne(join(entry.parentPath, entry.name));
  }
  syncOne(folder);
}

function syncOne(path: string): void {
  const fd = openSync(path, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

/** Makes something under the first safe name that nothing has. */
function untaken<T>(folder: string, name: string, make: (path: string) => T): T | null {
  const safe = safeFileName(name);
  for (let number = 0; number < MAX_ATTEMPTS; number += 1) {
    try {
      return make(join(folder, numberedName(safe, number)));
    } catch (error) {
      // What this file system cannot name is left out.
      if (/^(ENAMETOOLONG|EINVAL|EILSEQ)$/.test(errorCode(error) ?? '')) return null;
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  }
  return null;
}

function malformed(): Error {
  return Object.assign(new Error('It is not a folder.'), { code: 'folder-malformed' });
}
