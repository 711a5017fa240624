import { describe, expect, it } from 'vitest';
import { vectorAlice, vectorBob } from '../testing/vectors.js';
import { hex } from './batch.js';
import {
  conversationDigest,
  directConversation,
  isMessageId,
  messageId,
  parseMessageId,
  segmentTag,
} from './conversation.js';
import { MAX_SEQ } from './limits.js';

const [alice, bob] = [vectorAlice(), vectorBob()];
const { sha256 } = alice;
const SEGMENT = '000102030405060708090a0b0c0d0e0f';
const CONVERSATION = '3dwcn34ega2kqrqmy3gvejioaa6ce72al4efndywwbwaqk7rqpva';
const TIP = {
  segment: SEGMENT,
  seq: 3,
  clock: '019ad73584000002',
  hash: '68bd53317081b952f2b37802d4b0818c4dc9a7be569c4eeba55072b5cf0b4402',
};
const READ = { member: bob.peerId, author: alice.peerId, read: [{ segment: SEGMENT, seq: 1 }] };

describe('the examples in docs/protocol.md', () => {
  it('hold for the id of a direct conversation, whoever asks', () => {
    expect(directConversation(alice.peerId, bob.peerId, sha256)).toBe(CONVERSATION);
    expect(directConversation(bob.peerId, alice.peerId, sha256)).toBe(CONVERSATION);
  });

  it('hold for the id of a message', () => {
    const tag = segmentTag(CONVERSATION, alice.peerId, SEGMENT, sha256);
    expect(messageId(tag, 1)).toBe('iqyrgurrzy7gr5gr3jrprlcdk4-1');
  });

  it('hold for digests', () => {
    const state = { feeds: [{ author: alice.peerId, tips: [TIP] }], reads: [READ] };
    expect(hex(conversationDigest(CONVERSATION, state, sha256))).toBe('43c66bdff3a4c4306c2b3f0ecdf7a5dc');
    expect(hex(conversationDigest(CONVERSATION, { feeds: [], reads: [] }, sha256))).toBe(
      'f6da031f27e7fb045e40077b5720264c',
    );
  });
});

describe('a digest', () => {
  const other = { ...TIP, segment: 'f'.repeat(32) };
  const digest = (
    feeds: Parameters<typeof conversationDigest>[1]['feeds'],
    reads: Parameters<typeof conversationDigest>[1]['reads'] = [],
  ): string => hex(conversationDigest(CONVERSATION, { feeds, reads }, sha256));

  it('is the same in any order, and where nothing is said of somebody', () => {
    const ours = { author: alice.peerId, tips: [TIP, other] };
    const theirs = { author: bob.peerId, tips: [TIP] };
    expect(digest([theirs, { ...ours, tips: [other, TIP] }])).toBe(digest([ours, theirs]));
    expect(digest([ours, { author: bob.peerId, tips: [] }])).toBe(digest([ours]));
    expect(digest([ours], [{ ...READ, read: [] }])).toBe(digest([ours]));
  });

  it('is another one for each thing that differs', () => {
    const ours = { author: alice.peerId, tips: [TIP] };
    const all = [
      digest([]),
      digest([ours]),
      digest([{ ...ours, author: bob.peerId }]),
      digest([{ ...ours, tips: [other] }]),
      digest([{ ...ours, tips: [{ ...TIP, seq: 4 }] }]),
      digest([{ ...ours, tips: [{ ...TIP, hash: '0'.repeat(64) }] }]),
      digest([ours], [READ]),
      digest([ours], [{ ...READ, member: alice.peerId }]),
      digest([ours], [{ ...READ, read: [{ segment: SEGMENT, seq: 2 }] }]),
    ];
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('the id of a message', () => {
  const tag = 'a'.repeat(26);

  it('is read as it was made', () => {
    expect(parseMessageId(messageId(tag, MAX_SEQ))).toEqual({ tag, seq: MAX_SEQ });
  });

  it.each([
    '',
    tag,
    `${tag}-`,
    `${tag}-0`,
    `${tag}-01`,
    `${tag}-x`,
    `A${tag.slice(1)}-1`,
    `${tag}a-1`,
    null,
    7,
  ])('is none of these: %s', (id) => {
    expect(parseMessageId(id)).toBeNull();
    expect(isMessageId(id)).toBe(false);
  });
});
