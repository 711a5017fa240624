import { expect, it } from 'vitest';
import { peerIdOfKey } from '../node/peer-key.js';
import { messageId } from '../protocol/conversation.js';
import { testKeys } from '../testing/fixtures.js';
import { MAX_BODY_BYTES } from '../protocol/limits.js';
import { parseImportedMessage, type ImportedMessage } from './imported-message.js';

const alice = peerIdOfKey(testKeys('alice').publicKey);
const bob = peerIdOfKey(testKeys('bob').publicKey);

const message: ImportedMessage = {
  id: messageId('a'.repeat(26), 7),
  conversation: 'a'.repeat(52),
  peerId: bob,
  author: bob,
  user: 'Bob',
  direction: 'in',
  kind: 'text',
  body: 'hello\n\u001b[31m',
  sentAt: '2026-11-22T12:00:00.000Z',
  receivedAt: '2026-11-22T12:00:00.001Z',
  state: 'read',
  clock: '0123456789abcdef',
};

it('takes a message as it is, and leaves out what it does not know', () => {
  expect(parseImportedMessage({ ...message, previous: null, request: true })).toEqual(message);
  const mine = { ...message, author: alice, direction: 'out', receivedAt: null, state: 'queued' };
  expect(parseImportedMessage(mine)).toEqual(mine);
  const more = {
    ...message,
    edited: true,
    replyTo: messageId('b'.repeat(26), 1),
    mentions: [alice],
    confirm: true,
    reactions: [{ emoji: '👍', by: [alice, bob] }],
    confirmed: [{ peerId: alice, user: 'Alice', at: message.sentAt }],
  };
  expect(parseImportedMessage(more)).toEqual(more);
  const nothing = { edited: false, replyTo: null, mentions: [], confirm: false, reactions: [] };
  expect(parseImportedMessage({ ...message, ...nothing, deletion: null })).toEqual(message);
  const later = { ...message, kind: 'poll', body: '' };
  expect(parseImportedMessage(later)).toEqual(later);
  expect(parseImportedMessage({ ...message, body: 'x'.repeat(MAX_BODY_BYTES) }).body).toHaveLength(
    MAX_BODY_BYTES,
  );
});

it.each([
  ['text', 'it is no object'],
  [null, 'it is no object'],
  [[message], 'it is no object'],
  [{ ...message, id: 'x' }, 'id'],
  [{ ...message, direction: 'up' }, 'direction'],
  [{ ...message, peerId: 'bob' }, 'peerId'],
  [{ ...message, author: 'bob' }, 'author'],
  [{ ...message, author: alice }, 'author'],
  [{ ...message, conversation: bob.slice(1) }, 'conversation'],
  [{ ...message, kind: '' }, 'kind'],
  [{ ...message, kind: 'poll' }, 'body'],
  [{ ...message, user: 'a\u202eb' }, 'user'],
  [{ ...message, body: '' }, 'body'],
  [{ ...message, body: '\ud800' }, 'body'],
  [{ ...message, body: 'x'.repeat(MAX_BODY_BYTES + 1) }, 'body'],
  [{ ...message, sentAt: 'yesterday' }, 'sentAt'],
  [{ ...message, sentAt: '2026-13-22T12:00:00.000Z' }, 'sentAt'],
  [{ ...message, receivedAt: null }, 'receivedAt'],
  [{ ...message, direction: 'out' }, 'author'],
  [{ ...message, direction: 'out', author: alice }, 'receivedAt'],
  [{ ...message, state: 'queued' }, 'state'],
  [{ ...message, edited: 'yes' }, 'edited'],
  [{ ...message, confirm: 1 }, 'confirm'],
  [{ ...message, replyTo: 'x' }, 'replyTo'],
  [{ ...message, mentions: ['bob'] }, 'mentions'],
  [{ ...message, mentions: Array.from({ length: 257 }, () => bob) }, 'mentions'],
  [{ ...message, reactions: [{ emoji: 'a\u001bb', by: [bob] }] }, 'reactions'],
  [{ ...message, reactions: [{ emoji: '👍', by: [bob, bob, bob] }] }, 'reactions'],
  [{ ...message, reactions: Array.from({ length: 65 }, () => ({ emoji: '👍', by: [bob] })) }, 'reactions'],
  [{ ...message, confirmed: [{ peerId: bob, user: 'Bob', at: 'now' }] }, 'confirmed'],
  [{ ...message, clock: undefined }, 'clock'],
  [{ ...message, clock: '8'.repeat(16) }, 'clock'],
])('refuses %j: %s', (value, what) => {
  expect(() => parseImportedMessage(value)).toThrow(what);
});
