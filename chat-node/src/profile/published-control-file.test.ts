import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CONTROL_FILE, type ControlFile } from '@p2p-chat/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PublishedControlFile } from './published-control-file.js';
import { recordingLogger } from '../testing/recording-logger.js';

const CONTENT: ControlFile = { port: 1, token: 'secret', pid: 2, peerId: 'p', user: 'Alice' };

describe('PublishedControlFile', () => {
  let home: string;
  let path: string;
  let file: PublishedControlFile;

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'p2p-chat-control-'));
    await mkdir(join(home, 'run'));
    path = join(home, CONTROL_FILE);
    file = new PublishedControlFile(home, recordingLogger().logger);
  });

  afterEach(() => rm(home, { recursive: true }));

  it('is there for its owner alone until it is withdrawn', async () => {
    await file.publish(CONTENT);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(CONTENT);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await file.withdraw();
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is there again after a disk lost it, but only where it was published', async () => {
    await file.publishAgain();
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
    await file.publish(CONTENT);
    await writeFile(path, '');
    await file.publishAgain();
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(CONTENT);
  });

  it('stays where it is that of another node by now', async () => {
    await file.publish(CONTENT);
    await writeFile(path, 'of another');
    await file.withdraw();
    expect(await readFile(path, 'utf8')).toBe('of another');
  });

  it('can be withdrawn from a disk that is gone', async () => {
    await file.publish(CONTENT);
    await rm(join(home, 'run'), { recursive: true });
    await file.publishAgain();
    await file.withdraw();
  });
});
