import { execFileSync } from 'node:child_process';
import {
  link,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOSTILE_NAMES } from '../testing/hostile-names.js';
import { BlockHasher } from './block-hasher.js';
import { packFolder, unpackFolder } from './folder-stream.js';
import { SyncedFile } from './synced-file.js';

/** A stream with a longer path than a system takes is refused as a whole. */
const NAMES = HOSTILE_NAMES.filter((name) => Buffer.byteLength(name) < 4_000);

let folder: string, source: string, target: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'p2p-chat-folder-'));
  [source, target] = [join(folder, 'source'), join(folder, 'target')];
  await mkdir(source);
  await mkdir(target);
});
afterEach(() => rm(folder, { recursive: true }));

async function packed(maxEntries?: number): Promise<{ stream: string; skipped: string[] }> {
  const stream = join(folder, 'stream');
  const out = new SyncedFile(await open(stream, 'w'));
  try {
    const hasher = new BlockHasher(out);
    const skipped = await packFolder(source, hasher, Number.MAX_SAFE_INTEGER, maxEntries);
    await hasher.end();
    return { stream, skipped };
  } finally {
    await out.close();
  }
}

async function unpacked(records: readonly Buffer[]): Promise<string[]> {
  const stream = join(folder, 'stream');
  await writeFile(stream, Buffer.concat(records));
  return unpackFolder(stream, target);
}

/** A record of a folder stream. */
function record(path: string, content?: string): Buffer {
  const header = Buffer.from(
    JSON.stringify({ path, ...(content === undefined ? {} : { size: Buffer.byteLength(content) }) }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32BE(header.length);
  return Buffer.concat([length, header, Buffer.from(content ?? '')]);
}

async function filesBelow(path: string): Promise<{ path: string; mode: number; content: string }[]> {
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    files.map(async (one) => ({
      path: one,
      mode: (await stat(one)).mode & 0o777,
      content: await readFile(one, 'utf8'),
    })),
  );
}

describe('a stream with every hostile name', () => {
  it.each([
    ['as a file', (name: string, nth: number) => record(name, `${nth}`)],
    ['as a folder', (name: string, nth: number) => record(`${name}/inside`, `${nth}`)],
    ['above the folder', (name: string, nth: number) => record(`../${name}`, `${nth}`)],
    ['at the root', (name: string, nth: number) => record(`/${name}`, `${nth}`)],
  ])('%s makes each once, below the folder and nowhere else, or tells that it did not', async (_, make) => {
    const skipped = await unpacked(NAMES.map(make));
    const files = await filesBelow(target);
    expect(files.length + skipped.length).toBe(NAMES.length);
    expect(new Set(files.map(({ content }) => content)).size).toBe(files.length);
    expect(files.filter(({ mode }) => mode !== 0o600)).toEqual([]);
    expect((await readdir(folder)).sort()).toEqual(['source', 'stream', 'target']);
  });

  it('keeps apart what differs only in case or in how its accents are written', async () => {
    const names = ['a.txt', 'A.txt', '\u00e9.txt', 'e\u0301.txt'];
    expect(await unpacked(names.map((name) => record(name, name)))).toEqual([]);
    const contents = (await filesBelow(target)).map(({ content }) => content);
    expect(contents.sort()).toEqual([...names].sort());
  });
});

describe('a folder', () => {
  it('of files under every hostile name that can be had arrives, but for what is no file', async () => {
    const names = HOSTILE_NAMES.filter(
      (name) => !/[/\0]|^\.{0,2}$/.test(name) && name.isWellFormed() && Buffer.byteLength(name) <= 255,
    );
    expect(names.length).toBeGreaterThan(200);
    for (const name of names) await writeFile(join(source, name), name);
    const { stream, skipped } = await packed();
    expect(skipped).toEqual([]);
    expect(await unpackFolder(stream, target)).toEqual([]);
    const contents = (await filesBelow(target)).map(({ content }) => content);
    expect(contents.sort()).toEqual([...names].sort());
  });

  it('arrives without links, pipes, sockets and devices, which are told', async () => {
    await mkdir(join(source, 'empty'));
    await writeFile(join(source, 'nothing'), '');
    await writeFile(join(source, 'sparse'), 'start');
    await truncate(join(source, 'sparse'), 5 * 1024 * 1024 + 1);
    await writeFile(join(source, 'one'), '1');
    await link(join(source, 'one'), join(source, 'hard'));
    await symlink('/etc/passwd', join(source, 'outside'));
    await symlink('..', join(source, 'loop'));
    await symlink('/etc', join(source, 'folder outside'));
    execFileSync('mkfifo', [join(source, 'pipe')]);
    const isRoot = process.getuid?.() === 0;
    if (isRoot) execFileSync('mknod', [join(source, 'zeros'), 'c', '1', '5']);
    const socket = createServer();
    await new Promise<void>((resolve) => socket.listen(join(source, 'socket'), resolve));
    try {
      const { stream, skipped } = await packed();
      expect(skipped).toEqual([
        'folder outside: a link',
        'loop: a link',
        'outside: a link',
        'pipe: no file',
        'socket: no file',
        ...(isRoot ? ['zeros: no file'] : []),
      ]);
      expect(await unpackFolder(stream, target)).toEqual([]);
    } finally {
      socket.close();
    }
    expect((await readdir(target)).sort()).toEqual(['empty', 'hard', 'nothing', 'one', 'sparse']);
    const sparse = await readFile(join(target, 'sparse'));
    expect(sparse.equals(await readFile(join(source, 'sparse')))).toBe(true);
    // Two names for one file are two files.
    expect((await stat(join(target, 'one'))).nlink).toBe(1);
  });

  it('with more in it than it may have is refused', async () => {
    for (let nth = 0; nth < 10; nth += 1) await writeFile(join(source, `${nth}`), '');
    expect((await packed(10)).skipped).toEqual([]);
    await mkdir(join(source, 'a'));
    await expect(packed(10)).rejects.toMatchObject({ code: 'too-many' });
    await rm(join(source, '9'));
    await writeFile(join(source, 'a/eleventh'), '');
    await expect(packed(10)).rejects.toMatchObject({ code: 'too-many' });
  });
});
