import { ManualClock } from '@p2p-chat/shared/testing';
import { describe, expect, it } from 'vitest';
import type { FileRecord } from './file-record.js';
import { RateLimit } from './rate-limit.js';
import { Serving } from './serving.js';

const record: FileRecord = {
  id: 'f',
  message: 'f',
  conversation: 'here',
  author: 'alice',
  sentAt: 0,
  file: { name: 'a', size: 1, type: 'text/plain', root: 'r' },
  state: 'offered',
  path: null,
  directory: null,
  source: null,
  problem: null,
  doneBy: [],
};
const BLOCK = new Uint8Array([7]);

function serving(options: { members?: string[]; blocked?: string[]; limit?: RateLimit } = {}) {
  const done: string[] = [];
  const { members = ['bob'], blocked = [], limit = new RateLimit(null, new ManualClock()) } = options;
  const made = new Serving({
    blobs: { hashes: () => Promise.resolve(BLOCK), block: () => Promise.resolve(BLOCK) },
    members: (conversation) => (conversation === 'here' ? members : []),
    isBlocked: (peerId) => blocked.includes(peerId),
    limit,
    onServed: () => undefined,
    onDone: (_, peerId) => done.push(peerId),
  });
  made.add(record);
  return { made, done };
}

const block = { kind: 'block', conversation: 'here', root: 'r', index: 0 } as const;

describe('blocks', () => {
  it('are for members of a conversation that has the file', async () => {
    const { made, done } = serving();
    expect(made.admits('bob')).toBe(true);
    expect(await made.answer('bob', block)).toBe(BLOCK);
    expect(await made.answer('bob', { ...block, kind: 'hashes' })).toBe(BLOCK);
    expect(made.progress(record)).toBe(1);
    await made.answer('bob', { ...block, kind: 'done' });
    expect(done).toEqual(['bob']);
  });

  it.each<[string, string, Partial<typeof block> & object]>([
    ['a stranger', 'eve', {}],
    ['another conversation', 'bob', { conversation: 'elsewhere' as never }],
    ['a file that the conversation has not', 'bob', { root: 'other' as never }],
  ])('are not for %s', async (_, peerId, change) => {
    const { made } = serving();
    for (const kind of ['block', 'hashes', 'done'] as const)
      expect(await made.answer(peerId, { ...block, ...change, kind })).toBeNull();
  });

  it('are not for who was removed or blocked', async () => {
    const removed = serving({ members: [] }).made;
    expect(removed.admits('bob')).toBe(false);
    expect(await removed.answer('bob', block)).toBeNull();
    const blocked = serving({ blocked: ['bob'] }).made;
    expect(blocked.admits('bob')).toBe(false);
    expect(await blocked.answer('bob', block)).toBeNull();
  });

  it('are not there any more when the file was withdrawn', async () => {
    const { made } = serving();
    made.add({ ...record, state: 'failed', problem: { code: 'file-withdrawn', detail: '' } });
    expect(await made.answer('bob', block)).toBeNull();
  });

  it('leave no faster than the limit allows, to all peers together', async () => {
    const clock = new ManualClock();
    const limit = new RateLimit(BLOCK.length, clock);
    const { made } = serving({ members: ['bob', 'carol'], limit });
    let sent = 0;
    for (let nth = 0; nth < 5; nth += 1)
      for (const peer of ['bob', 'carol']) void made.answer(peer, block).then(() => (sent += 1));
    await clock.advance(0);
    for (let second = 1; second < 10; second += 1) {
      await clock.advance(1_000);
      expect(sent).toBe(second + 1);
    }
  });
});
