import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readContent } from './content.js';
import { BLOCK_HASH_BYTES, blockCount, blockLength, fileRoot, isFileName, type OfferedFile } from './file.js';
import {
  BLOCK_BYTES,
  MAX_CAPTION_BYTES,
  MAX_FILE_BYTES,
  MAX_FILE_NAME_BYTES,
  MAX_FILES_PER_ENTRY,
  MAX_MEDIA_TYPE_BYTES,
} from './limits.js';

const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();
const file: OfferedFile = { name: 'a.txt', size: 3, type: 'text/plain', root: 'ab'.repeat(32) };
const read = (value: object): string => readContent(JSON.stringify({ kind: 'file', ...value })).kind;

describe('the content of files', () => {
  it.each<[string, object]>([
    ['one', { files: [file] }],
    ['with words beside it', { caption: 'x'.repeat(MAX_CAPTION_BYTES), files: [file] }],
    ['as many as there may be', { files: Array.from({ length: MAX_FILES_PER_ENTRY }, () => file) }],
    ['the largest', { files: [{ ...file, size: MAX_FILE_BYTES }] }],
    ['an empty one', { files: [{ ...file, size: 0 }] }],
    ['the longest name', { files: [{ ...file, name: 'é'.repeat(Math.floor(MAX_FILE_NAME_BYTES / 2)) }] }],
    ['the longest type', { files: [{ ...file, type: `a/${'b'.repeat(MAX_MEDIA_TYPE_BYTES - 2)}` }] }],
  ])('is read: %s', (_, value) => expect(read(value)).toBe('file'));

  it.each<[string, object]>([
    ['none', { files: [] }],
    ['no list', { files: file }],
    ['one too many', { files: Array.from({ length: MAX_FILES_PER_ENTRY + 1 }, () => file) }],
    ['an empty caption', { caption: '', files: [file] }],
    ['too long a caption', { caption: 'x'.repeat(MAX_CAPTION_BYTES + 1), files: [file] }],
    ['too large', { files: [{ ...file, size: MAX_FILE_BYTES + 1 }] }],
    ['half a byte', { files: [{ ...file, size: 0.5 }] }],
    ['less than nothing', { files: [{ ...file, size: -1 }] }],
    ['too long a name', { files: [{ ...file, name: 'x'.repeat(MAX_FILE_NAME_BYTES + 1) }] }],
    ['too long a type', { files: [{ ...file, type: `a/${'b'.repeat(MAX_MEDIA_TYPE_BYTES - 1)}` }] }],
    ['a type that is none', { files: [{ ...file, type: 'text' }] }],
    ['a root that is none', { files: [{ ...file, root: 'AB'.repeat(32) }] }],
    ['no root', { files: [{ ...file, root: undefined }] }],
  ])('is not read: %s', (_, value) => expect(read(value)).toBe('unreadable'));

  it.each(['', '.', '..', 'a/b', 'a\\b', 'a\nb', 'a\u0000', '\u0085', '\ud800'])('has no name %j', (name) =>
    expect(isFileName(name)).toBe(false),
  );
});

describe('the blocks of a file', () => {
  it.each([
    [0, 0, 0],
    [1, 1, 1],
    [BLOCK_BYTES, 1, BLOCK_BYTES],
    [BLOCK_BYTES + 1, 2, 1],
  ])('of %d bytes are %d, the last of %d bytes', (size, count, last) => {
    expect(blockCount(size)).toBe(count);
    if (count > 0) expect(blockLength(size, count - 1)).toBe(last);
  });

  it('are named by the root that docs/protocol.md says', () => {
    const hash = sha256(new TextEncoder().encode('abc'));
    expect(hash).toHaveLength(BLOCK_HASH_BYTES);
    expect(fileRoot(3, hash, sha256)).toBe(
      'b2eee2c2e46426655724ce8254e274bbf1fc91af7d3421b324e7d72cf403a441',
    );
    expect(fileRoot(0, new Uint8Array(0), sha256)).toBe(
      '145f6951d3c81526d76e06b405251a9d2eb853163e6852140fdd3aef724e1327',
    );
  });
});
