import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePrivateFolder } from './private-folder.js';

describe('makePrivateFolder', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'p2p-chat-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('makes a folder and those above it, for their owner alone', () => {
    makePrivateFolder(join(folder, 'a', 'b', 'c'));
    for (const path of ['a', 'a/b', 'a/b/c']) expect(statSync(join(folder, path)).mode & 0o777).toBe(0o700);
  });

  it('leaves one that is there as it is', () => {
    chmodSync(folder, 0o755);
    makePrivateFolder(folder);
    expect(statSync(folder).mode & 0o777).toBe(0o755);
  });

  it('throws where a file is in the way', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(() => makePrivateFolder(join(folder, 'file'))).toThrow('EEXIST');
    expect(() => makePrivateFolder(join(folder, 'file', 'below'))).toThrow('ENOTDIR');
  });

  it.skipIf(!existsSync('/proc/self'))('throws where nothing can be made, instead of trying for ever', () => {
    expect(() => makePrivateFolder('/proc/nowhere')).toThrow('ENOENT');
    expect(() => makePrivateFolder('/proc/nowhere/run/deeper')).toThrow('ENOENT');
  });
});
