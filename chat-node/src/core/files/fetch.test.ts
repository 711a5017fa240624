import { createHash } from 'node:crypto';
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
const SIZE = BLOCKS.length * BLOCK_BYTES;
const record = {
  conversation: 'here',
  file: { name: 'a', size: SIZE, type: 'a/b', root: fileRoot(SIZE, HASHES, sha256) },
} as FileRecord;

/** What a member answers; it may break the connection by throwing. */
type Member = (request: BlockRequest) => Uint8Array | null;

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
        return Promise.resolve({
          request: async (request) => {
            asked[peerId] = (asked[peerId] ?? 0) + 1;
            const answer = member(request);
            return answer === null ? null : new Uint8Array(answer);
          },
          close: () => undefined,
        });
      },
    },
    sha256,
    limit: new RateLimit(null, new ManualClock()),
    onProgress: () => undefined,
  });
  const sources = ['author', 'bob', 'carol'].map((peerId) => ({ peerId, addresses: [] }));
  const attempt = () => fetch.attempt(sources, () => undefined, new AbortController().signal);
  return { fetch, attempt, asked, there };
}

describe('a file', () => {
  it('comes from who has it, each block once', async () => {
    const { attempt, asked } = fetchFrom({ author: honest, bob: honest });
    expect(await attempt()).toBe('whole');
    expect(asked).toEqual({ author: BLOCKS.length + 1 });
  });

  it('comes from another member where one gives a wrong block, who is not asked again', async () => {
    const liar: Member = (request) => (request.index === 5 ? new Uint8Array(BLOCK_BYTES) : honest(request));
    const { attempt, fetch, asked } = fetchFrom({ author: liar, bob: honest });
    expect(await attempt()).toBe('whole');
    expect([...fetch.liars]).toEqual(['author']);
    const before = asked['author'];
    await attempt();
    expect(asked['author']).toBe(before);
  });

  it('comes from another member where one has hashes of something else', async () => {
    const liar: Member = ({ kind }) => (kind === 'hashes' ? new Uint8Array(HASHES.length) : null);
    const { attempt, fetch } = fetchFrom({ author: liar, carol: honest });
    expect(await attempt()).toBe('whole');
    expect([...fetch.liars]).toEqual(['author']);
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
    // The hashes, and the one block that was asked for when it broke.
    expect(asked['author']).toBe(BLOCKS.length + 2);
  });

  it('is put together from members who have parts of it', async () => {
    const half =
      (rest: number): Member =>
      (request) =>
        request.kind === 'block' && request.index % 2 === rest ? null : honest(request);
    const { attempt } = fetchFrom({ bob: half(0), carol: half(1) });
    expect(await attempt()).toBe('whole');
  });

  it('waits while nobody is there', async () => {
    expect(await fetchFrom({}).attempt()).toBe('unreached');
  });
});
