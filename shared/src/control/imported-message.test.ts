import { expect, it } from 'vitest';
import { newMessageId } from '../message-id.js';
import { peerIdOfKey } from '../peer-id.js';
import { testKeys } from '../testing/fixtures.js';
import { MAX_BODY_BYTES } from '../protocol/limits.js';
import { parseImportedMessage, type ImportedMessage } from './imported-message.js';

const message: ImportedMessage = {
  id: newMessageId(0),
  direction: 'in',
  peerId: peerIdOfKey(testKeys('bob').publicKey),
  user: 'Bob',
  body: 'hello\n\u001b[31m',
  sentAt: '2026-11-22T12:00:00.000Z',
  receivedAt: '2026-11-22T12:00:00.001Z',
  state: 'read',
  clock: '0123456789abcdef',
};

it('takes a message as it is, and leaves out what it does not know', () => {
  expect(parseImportedMessage({ ...message, previous: null, request: true })).toEqual(message);
  const mine = { ...message, direction: 'out', receivedAt: null, state: 'failed', reason: 'no' };
  expect(parseImportedMessage(mine)).toEqual(mine);
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
  [{ ...message, user: 'a\u202eb' }, 'user'],
  [{ ...message, body: '' }, 'body'],
  [{ ...message, body: '\ud800' }, 'body'],
  [{ ...message, body: 'x'.repeat(MAX_BODY_BYTES + 1) }, 'body'],
  [{ ...message, sentAt: 'yesterday' }, 'sentAt'],
  [{ ...message, sentAt: '2026-13-22T12:00:00.000Z' }, 'sentAt'],
  [{ ...message, receivedAt: null }, 'receivedAt'],
  [{ ...message, direction: 'out' }, 'receivedAt'],
  [{ ...message, state: 'queued' }, 'state'],
  [{ ...message, reason: 'x'.repeat(257) }, 'reason'],
  [{ ...message, clock: undefined }, 'clock'],
  [{ ...message, clock: '8'.repeat(16) }, 'clock'],
])('refuses %j: %s', (value, what) => {
  expect(() => parseImportedMessage(value)).toThrow(what);
});
