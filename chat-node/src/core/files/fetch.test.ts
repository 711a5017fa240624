import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { BLOCK_BYTES, type BlockRequest, fileRoot } from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import { describe, expect, it } from 'vitest';
import type { Part } from '../ports/blob.store.js';
import { Fetch } from './fetch.js';
import type { FileRecord } from './file-record.js';
import { RateLimit } from './rate-limit.js';

const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();
const BLOCKS = Array.from({ length: 20 }, (_, at) => new Uint8Array(BLOCK_BYTES).fill(at));
const HASHES = new Uint8Array(Buffer.concat(BLOCKS.map(sha256)));
const HERE = { host: 'here', port: 1 };
const SIZE = BLOCKS.length * BLOCK_BYTES;
const record = {
  conversation: 'here',
  author: 'author',
  file: { name: 'a', size: SIZE, type: 'a/b', root: fileRoot(SIZE, HASHES, sha256) },
} as FileRecord;

/** What a member answers; it may break the connection by throwing. */
type Member = (request: BlockRequest) => Uint8Array | 'silence' | null;

const honest: Member = ({ kind, index }) => (kind === 'hashes' ? HASHES : (BLOCKS[index] ?? null));

function fetchFrom(members: Record<string, Member>) {
  const asked: Record<string, number> = {};
  const there = new Set<number>();
  const part: Part = {
    has: (index) => there.has(index),
    get count() {
      return there.size;
    },
    write: (index, bytes) => {
      const isRight = sha256(bytes).every((byte, at) => byte === HASHES[index * 32 + at]);
      if (isRight) there.add(index);
      return Promise.resolve({ isRight, buffer: bytes.buffer });
    },
    finish: () => Promise.reject(new Error('not here')),
    close: () => Promise.resolve(),
  };
  const fetch = new Fetch(record, {
    blobs: {
      hashes: () => Promise.resolve(null),
      part: () => Promise.resolve(part),
      discard: () => Promise.resolve(),
    },
    blocks: {
      open: (peerId) => {
        const member = members[peerId];
        if (member === undefined) return Promise.reject(new Error('nobody answers'));
        const closed = Promise.withResolvers<never>();
        closed.promise.catch(() => undefined);
        return Promise.resolve({
          request: async (request) => {
            asked[peerId] = (asked[peerId] ?? 0) + 1;
            const answer = member(request);
            if (answer === 'silence') return closed.promise;
            return answer === null ? null : new Uint8Array(answer);
          },
          close: () => closed.reject(new Error('closed')),
        });
      },
    },
    sha256,
    random: Math.random,
    limit: new RateLimit(null, new ManualClock()),
    onProgress: () => undefined,
  });
  const sources = ['author', 'bob', 'carol'].map((peerId) => ({ peerId, addresses: [HERE] }));
  const attempt = () => fetch.attempt(sources, () => undefined, new AbortController().signal);
  return { fetch, attempt, asked, there };
}

describe('a file', () => {
  it('comes from who has it, each block once', async () => {
    const { attempt, asked } = fetchFrom({ author: honest, bob: honest });
    expect(await attempt()).toBe('whole');
    const requests = Object.values(asked).reduce((sum, one) => sum + one, 0);
    expect(requests).toBe(BLOCKS.length + 1);
  });

  it('comes from another member where one gives a wrong block, who is not asked again', async () => {
    const liar: Member = (request) => (request.index === 5 ? new Uint8Array(BLOCK_BYTES) : honest(request));
    const { attempt, fetch, asked } = fetchFrom({ author: honest, bob: liar });
    expect(await attempt()).toBe('whole');
    expect([...fetch.liars]).toEqual(['bob']);
    const before = asked['bob'];
    await attempt();
    expect(asked['bob']).toBe(before);
  });

  it('comes from another member where one has hashes of something else', async () => {
    const liar: Member = ({ kind }) => (kind === 'hashes' ? new Uint8Array(HASHES.length) : null);
    const { attempt, fetch } = fetchFrom({ author: honest, carol: liar });
    expect(await attempt()).toBe('whole');
    expect([...fetch.liars]).toEqual(['carol']);
  });

  it('goes on from where a connection broke', async () => {
    let left = 10;
    const cut: Member = (request) => {
      if ((left -= 1) < 0) throw new Error('cut');
      return honest(request);
    };
    const { attempt, there, asked } = fetchFrom({ author: cut });
    expect(await attempt()).toBe('absent');
    expect(there.size).toBe(9);
    left = 100;
    expect(await attempt()).toBe('whole');
    // The hashes, the one block that was asked for when it broke, and one more try.
    expect(asked['author']).toBe(BLOCKS.length + 3);
  });

  it.each([
    ['who went away', []],
    ['who moved', [{ peerId: 'author', addresses: [{ host: 'there', port: 1 }, HERE] }]],
  ])('does not wait for a member %s', async (_, sources) => {
    const asked = Promise.withResolvers<void>();
    const { attempt, fetch } = fetchFrom({
      author: (request) => {
        if (request.kind === 'hashes') return HASHES;
        asked.resolve();
        return 'silence';
      },
    });
    const over = attempt();
    await asked.promise;
    fetch.look([{ peerId: 'author', addresses: [HERE] }]);
    expect(await Promise.race([over, setImmediate('waits')])).toBe('waits');
    fetch.look(sources);
    expect(await over).toBe('absent');
  });

  it('is put together from members who have parts of it', async () => {
    const half =
      (rest: number): Member =>
      (request) =>
        request.kind === 'block' && request.index % 2 === rest ? null : honest(request);
    const { attempt } = fetchFrom({ bob: half(0), carol: half(1) });
    expect(await attempt()).toBe('whole');
  });

  it('for eight members who fetch it at the same time is sent by its author less than three times', async () => {
    const names = Array.from({ length: 8 }, (_, nth) => `member ${nth}`);
    const members: Record<string, Member> = {};
    let fromAuthor = 0;
    members['author'] = (request) => {
      if (request.kind === 'block') fromAuthor += 1;
      return honest(request);
    };
    const fetches = names.map((name) => {
      const made = fetchFrom(members);
      members[name] = (request) => {
        if (request.kind === 'hashes') return null;
        return made.there.has(request.index) ? honest(request) : null;
      };
      const sources = ['author', ...names.filter((one) => one !== name)];
      return made.fetch.attempt(
        sources.map((peerId) => ({ peerId, addresses: [] })),
        () => undefined,
        new AbortController().signal,
      );
    });
    expect(await Promise.all(fetches)).toEqual(names.map(() => 'whole'));
    expect(fromAuthor).toBeLessThan(3 * BLOCKS.length);
  });

  it('waits while nobody is there', async () => {
    expect(await fetchFrom({}).attempt()).toBe('unreached');
  });
});
