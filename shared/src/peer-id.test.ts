import { describe, expect, it } from 'vitest';
import { peerIdOfKey, peerIdOfSpki } from './node/peer-key.js';
import { isPeerId, parsePeerId, shortPeerId } from './peer-id.js';
import { testKeys } from './testing/index.js';

describe('peer id', () => {
  it('is the lower-case base32 of SHA-256 (of nothing: a known value)', () => {
    expect(peerIdOfSpki(new Uint8Array())).toBe('4oymiquy7qobjgx36tejs35zeqt24qpemsnzgtfeswmrw6csxbkq');
  });

  it('is the same for the same key and differs between keys', () => {
    const id = peerIdOfKey(testKeys('a').publicKey);
    expect(id).toBe(peerIdOfKey(testKeys('a').publicKey));
    expect(id).not.toBe(peerIdOfKey(testKeys('b').publicKey));
    expect(isPeerId(id)).toBe(true);
    expect(shortPeerId(id)).toBe(id.slice(0, 8));
  });

  it('is read in upper case and with spaces around it', () => {
    const id = peerIdOfKey(testKeys('a').publicKey);
    expect(parsePeerId(` ${id.toUpperCase()}\n`)).toBe(id);
  });

  it.each([
    ['a character less', (id: string) => id.slice(1)],
    ['a character more', (id: string) => `${id}a`],
    ['a character of no alphabet', (id: string) => `1${id.slice(1)}`],
    ['bits beyond the hash', (id: string) => `${id.slice(0, -1)}b`],
  ])('refuses %s', (_what, change) => {
    const changed = change(peerIdOfKey(testKeys('a').publicKey));
    expect(isPeerId(changed)).toBe(false);
    expect(() => parsePeerId(changed)).toThrow(expect.objectContaining({ code: 'invalid-peer-id' }));
  });
});
