import { createHash, randomBytes } from 'node:crypto';
import {
  chmod,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BLOCK_BYTES,
  fileRoot,
  FOLDER_TYPE,
  MAX_FOLDER_ENTRIES,
  MAX_FOLDER_PATH_BYTES,
  type OfferedFile,
} from '@p2p-chat/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskBlobStore, type DiskBlobStoreOptions } from './disk-blob.store.js';

const MIB = BLOCK_BYTES;
let folder: string;
const stores: DiskBlobStore[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'p2p-chat-blobs-'));
});

afterEach(async () => {
  for (const one of stores.splice(0)) await one.close();
  await rm(folder, { recursive: true });
});

/** The store of one start; another one on the same folder is that of the next. */
function store(options: Partial<DiskBlobStoreOptions> = {}): DiskBlobStore {
  const made = new DiskBlobStore({
    folder: join(folder, 'files'),
    downloads: join(folder, 'downloads'),
    maxFileBytes: 100 * MIB,
    quotaBytes: 100 * MIB,
    workerUrl: new URL('../../dist/blobs/blob-worker.js', import.meta.url),
    ...options,
  });
  stores.push(made);
  return made;
}

const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

/** A file of random bytes, and what it is offered as. */
function made(bytes: Uint8Array, name = 'a.bin', type = 'application/octet-stream') {
  const hashes = new Uint8Array(
    Buffer.concat(
      Array.from({ length: Math.ceil(bytes.length / MIB) }, (_, at) =>
        sha256(bytes.subarray(at * MIB, (at + 1) * MIB)),
      ),
    ),
  );
  const file: OfferedFile = { name, size: bytes.length, type, root: fileRoot(bytes.length, hashes, sha256) };
  const block = (index: number): Uint8Array<ArrayBuffer> =>
    new Uint8Array(bytes.subarray(index * MIB, (index + 1) * MIB));
  return { file, hashes, block };
}

async function fetched(bytes: Uint8Array, name?: string, type?: string): Promise<string> {
  const { file, hashes, block } = made(bytes, name, type);
  const part = await store().part(file, hashes);
  for (let index = 0; index * MIB < bytes.length; index += 1) await part.write(index, block(index));
  const { path } = await part.finish(null);
  await part.close();
  return path;
}

describe('what is offered', () => {
  it('is served as it was, when a copy is kept and the original is gone', async () => {
    const bytes = randomBytes(2 * MIB + 5);
    const path = join(folder, 'a.bin');
    await writeFile(path, bytes);
    const blobs = store();
    const { file, source } = await blobs.offer(path, { copy: true });
    expect(file).toEqual(made(bytes).file);
    expect(source).toBeNull();
    await rm(path);
    expect(await blobs.hashes(file.root)).toEqual(Buffer.from(made(bytes).hashes));
    for (const index of [0, 1, 2]) {
      expect(await blobs.block(file, null, index)).toEqual(made(bytes).block(index));
    }
    expect(await blobs.block(file, null, 3)).toBeNull();
  });

  it('without a copy is served until it is changed', async () => {
    const path = join(folder, 'a.bin');
    await writeFile(path, randomBytes(10));
    const blobs = store();
    const { file, source } = await blobs.offer(path, { copy: false });
    expect(await blobs.block(file, source, 0)).toHaveLength(10);
    await writeFile(path, randomBytes(10));
    await utimes(path, 1, 1);
    expect(await blobs.block(file, source, 0)).toBeNull();
  });

  it('is neither a device nor what is not there nor too large', async () => {
    const blobs = store({ maxFileBytes: MIB });
    await expect(blobs.offer('/dev/null', { copy: true })).rejects.toMatchObject({ code: 'file-unsuitable' });
    await expect(blobs.offer(join(folder, 'no'), { copy: true })).rejects.toMatchObject({
      code: 'file-unknown',
    });
    await writeFile(join(folder, 'large'), '');
    await truncate(join(folder, 'large'), MIB + 1);
    await expect(blobs.offer(join(folder, 'large'), { copy: true })).rejects.toMatchObject({
      code: 'file-too-large',
    });
  });

  it('takes no more room than it may, also over a restart', async () => {
    await writeFile(join(folder, 'a'), randomBytes(MIB));
    await store({ quotaBytes: 1.5 * MIB }).offer(join(folder, 'a'), { copy: true });
    const next = store({ quotaBytes: 1.5 * MIB });
    await next.load();
    await writeFile(join(folder, 'b'), randomBytes(MIB));
    await expect(next.offer(join(folder, 'b'), { copy: true })).rejects.toMatchObject({
      code: 'files-quota',
    });
    await expect(
      next.offerBytes({ name: 'b', isFolder: false }, [randomBytes(MIB)] as never),
    ).rejects.toMatchObject({
      code: 'files-quota',
    });
    expect(await readdir(join(folder, 'files/drafts'))).toEqual([]);
  });
});

describe('what is fetched', () => {
  it('is there after the process was killed, and what was spoiled is not', async () => {
    const bytes = randomBytes(3 * MIB);
    const { file, hashes, block } = made(bytes);
    const before = await store().part(file, hashes);
    expect(await before.write(0, block(0))).toMatchObject({ isRight: true });
    expect(await before.write(2, block(2))).toMatchObject({ isRight: true });
    await truncate(join(folder, 'files/parts', file.root), 2.5 * MIB);
    const after = await store().part(file, hashes);
    expect([0, 1, 2].map((index) => after.has(index))).toEqual([true, false, false]);
    expect(after.count).toBe(1);
  });

  it('has no block that is not of it', async () => {
    const { file, hashes, block } = made(randomBytes(2 * MIB));
    const part = await store().part(file, hashes);
    expect(await part.write(0, block(1))).toMatchObject({ isRight: false });
    expect(await part.write(0, new Uint8Array(5))).toMatchObject({ isRight: false });
    expect(part.count).toBe(0);
  });

  it('takes a name that is not taken, is its owner’s alone and cannot be run', async () => {
    const [first, second] = [randomBytes(10), randomBytes(20)];
    expect(await fetched(first, 'x.sh')).toBe(join(folder, 'downloads/x.sh'));
    expect(await fetched(second, 'x.sh')).toBe(join(folder, 'downloads/x (1).sh'));
    expect(await readFile(join(folder, 'downloads/x.sh'))).toEqual(first);
    expect(await readFile(join(folder, 'downloads/x (1).sh'))).toEqual(second);
    expect((await stat(join(folder, 'downloads/x.sh'))).mode & 0o777).toBe(0o600);
  });

  it('is put once where the process was killed before it could say so', async () => {
    const { file, hashes, block } = made(randomBytes(10));
    const part = await store().part(file, hashes);
    await part.write(0, block(0));
    const [one, again] = [await part.finish(null), await part.finish(null)];
    expect(again.path).toBe(one.path);
  });

  it('may be empty', async () => {
    expect(await readFile(await fetched(new Uint8Array(0), 'empty'))).toHaveLength(0);
  });

  it.runIf(process.getuid?.() !== 0)('says so where the folder is read-only', async () => {
    await mkdir(join(folder, 'downloads'), { mode: 0o500 });
    await expect(fetched(randomBytes(1))).rejects.toMatchObject({ code: 'folder-read-only' });
  });
});

const record = (path: string, content?: string): Buffer => {
  const header = Buffer.from(
    JSON.stringify(content === undefined ? { path } : { path, size: Buffer.byteLength(content) }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32BE(header.length);
  return Buffer.concat([length, header, Buffer.from(content ?? '')]);
};

const SAME = record('same');

/** All that is below a folder, by path. */
async function below(path: string): Promise<string[]> {
  return (await readdir(path, { recursive: true })).sort();
}

describe('a folder', () => {
  it('arrives as it is, without links and what is no file', async () => {
    const source = join(folder, 'tree');
    await mkdir(join(source, 'a/b'), { recursive: true });
    await mkdir(join(source, 'empty'));
    await writeFile(join(source, 'a/b/c.txt'), 'c');
    await writeFile(join(source, 'none'), '');
    await link(join(source, 'a/b/c.txt'), join(source, 'hard'));
    await symlink('/etc/passwd', join(source, 'outside'));
    await symlink('..', join(source, 'loop'));
    await chmod(join(source, 'none'), 0o755);
    const blobs = store();
    const offered = await blobs.offer(source, { copy: false });
    expect(offered.file).toMatchObject({ name: 'tree', type: FOLDER_TYPE });
    expect(offered.skipped).toEqual(['loop: a link', 'outside: a link']);
    const block = await blobs.block(offered.file, null, 0);
    const path = await fetched(block ?? new Uint8Array(0), 'tree', FOLDER_TYPE);
    expect(await below(path)).toEqual(['a', 'a/b', 'a/b/c.txt', 'empty', 'hard', 'none']);
    expect((await stat(join(path, 'none'))).mode & 0o777).toBe(0o600);
  });

  it('that was made to do harm writes nothing outside and replaces nothing', async () => {
    await mkdir(join(folder, 'downloads/evil'), { recursive: true });
    await writeFile(join(folder, 'downloads/evil/mine'), 'mine');
    const deep = Array.from({ length: 80 }, () => 'd').join('/');
    const stream = Buffer.concat([
      record('../../outside', 'x'),
      record('/etc/absolute', 'x'),
      record('a/../../../up', 'x'),
      record('..', 'x'),
      record('', 'x'),
      record('same', '1'),
      record('same', '2'),
      record('same/under', '3'),
      record('.hidden', 'x'),
      record('C:\\x', 'x'),
      record('nul'),
      record(deep, 'x'),
    ]);
    const { file, hashes, block } = made(stream, 'evil', FOLDER_TYPE);
    const part = await store().part(file, hashes);
    await part.write(0, block(0));
    const { path, skipped } = await part.finish(null);
    expect(path).toBe(join(folder, 'downloads/evil (1)'));
    expect(await readFile(join(folder, 'downloads/evil/mine'), 'utf8')).toBe('mine');
    expect((await readdir(folder)).sort()).toEqual(['downloads', 'files']);
    expect(await below(path)).toEqual([
      'C__x',
      '_',
      '_ (1)',
      '_/_',
      '_/_/outside',
      '_hidden',
      '_nul',
      'a',
      'a/_',
      'a/_/_',
      'a/_/_/_',
      'a/_/_/_/up',
      'etc',
      'etc/absolute',
      'same',
      'same (1)',
      'same (2)',
      'same (2)/under',
    ]);
    expect(skipped.length).toBeGreaterThanOrEqual(2);
  });

  it.each([
    ['of more than a path', record('x'.repeat(MAX_FOLDER_PATH_BYTES + 1), 'x')],
    ['that ends in the middle', record('a', 'abc').subarray(0, -1)],
    ['of no JSON', Buffer.from([0, 0, 0, 1, 0x7b])],
    ['with a header of gigabytes', Buffer.from([0xff, 0xff, 0xff, 0xff, 0])],
  ])('%s is refused', async (_, stream) => {
    await expect(fetched(stream, 'bad', FOLDER_TYPE)).rejects.toMatchObject({ code: 'file-unsuitable' });
  });

  it('has no more in it than a million files and folders', async () => {
    // The same folder again and again makes nothing, and counts.
    const stream = Buffer.concat([
      ...Array.from({ length: MAX_FOLDER_ENTRIES }, () => SAME),
      record('late', 'x'),
    ]);
    const path = await fetched(stream, 'many', FOLDER_TYPE);
    expect(await below(path)).toEqual(['same']);
  });
});
