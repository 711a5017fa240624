import { homedir } from 'node:os';
import { join } from 'node:path';
import type { FileView } from '@p2p-chat/shared';
import { INITIAL_STATE, type LiveView, Store } from '@p2p-chat/shared/client';
import { describe, expect, it } from 'vitest';
import { isFileCommand, runFileCommand } from './file-commands.js';

const file = (id: string, name: string, change: Partial<FileView> = {}): FileView => ({
  id,
  name,
  size: 1,
  type: 'a/b',
  root: '',
  message: id,
  conversation: 'c',
  from: 'p',
  user: 'Alice',
  direction: 'in',
  sentAt: '',
  state: 'offered',
  progress: 0,
  rate: null,
  path: null,
  problem: null,
  ...change,
});

/** A view whose node notes what it is asked to do. */
function viewWith(files: FileView[]): { view: LiveView; asked: string[] } {
  const asked: string[] = [];
  const note =
    (verb: string) =>
    (what: string): Promise<FileView[]> => {
      asked.push(`${verb} ${what}`);
      return Promise.resolve([]);
    };
  const client = {
    files: () => Promise.resolve(files),
    sendFiles: (_: string, { paths }: { paths: string[] }) => note('send')(paths.join()),
    fetchFile: note('get'),
    pauseFile: note('pause'),
    cancelFile: note('cancel'),
  };
  const view = { client, store: new Store(INITIAL_STATE), signal: new AbortController().signal };
  return { view: view as unknown as LiveView, asked };
}

describe('a command about files', () => {
  it.each(['/file a', '/get', '/get a b', '/pause', '/resume', '/cancel x '])('is %j', (written) =>
    expect(isFileCommand(written)).toBe(true),
  );
  it.each(['file a', '/files', '/getaway', ' /get', '/get\nmore', 'see /get'])('is not %j', (written) =>
    expect(isFileCommand(written)).toBe(false),
  );

  it.each([
    ['/file /tmp/a.txt', '/tmp/a.txt'],
    ['/file /tmp/my\\ photo.jpg', '/tmp/my photo.jpg'],
    ["/file '/tmp/my photo.jpg'", '/tmp/my photo.jpg'],
    ['/file "/tmp/my photo.jpg" ', '/tmp/my photo.jpg'],
    ['/file file:///tmp/my%20photo.jpg', '/tmp/my photo.jpg'],
    ['/file ~/a.txt', join(homedir(), 'a.txt')],
  ])('takes a path as it is typed or dragged: %s', async (written, path) => {
    const { view, asked } = viewWith([]);
    await runFileCommand(view, 'c', written);
    expect(asked).toEqual([`send ${path}`]);
  });

  it('is for the latest file, or the one of a name', async () => {
    const files = [
      file('1', 'Report.pdf'),
      file('2', 'photo.jpg'),
      file('3', 'done.txt', { state: 'complete' }),
      file('4', 'mine.txt', { direction: 'out' }),
    ];
    const { view, asked } = viewWith(files);
    for (const written of ['/get', '/get report', '/pause photo', '/resume photo', '/cancel', '/get done'])
      await runFileCommand(view, 'c', written);
    expect(asked).toEqual(['get 2', 'get 1', 'pause 2', 'get 2', 'cancel 4', 'get 3']);
    expect(view.store.get().files.get('1')?.name).toBe('Report.pdf');
    await expect(runFileCommand(view, 'c', '/get mine')).rejects.toThrow('There is no file mine here.');
    await expect(runFileCommand(view, 'c', '/file')).rejects.toThrow('Write the path');
  });
});
