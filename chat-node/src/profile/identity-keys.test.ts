import { generateKeyPairSync } from 'node:crypto';
import { peerIdOfKey } from '@p2p-chat/shared';
import { describe, expect, it } from 'vitest';
import { NodeIdentityKeys } from './identity-keys.js';

function newKeys(): {
  keys: NodeIdentityKeys;
  publicKey: ReturnType<typeof generateKeyPairSync>['publicKey'];
} {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { keys: new NodeIdentityKeys({ peerId: peerIdOfKey(publicKey), privateKey, publicKey }), publicKey };
}

describe('NodeIdentityKeys', () => {
  it('checks what it signed itself, and what linked peers sign, however many there are', () => {
    const { keys } = newKeys();
    const [bob, ...others] = Array.from({ length: 1_100 }, newKeys);
    const message = Buffer.from('a batch');
    const signature = bob!.keys.sign(message);
    expect(keys.verify(keys.peerId, message, keys.sign(message))).toBe(true);
    expect(keys.verify(bob!.keys.peerId, message, signature)).toBe(false);
    for (const { publicKey } of [bob!, ...others]) keys.learn(publicKey);
    expect(keys.verify(bob!.keys.peerId, message, signature)).toBe(true);
    expect(keys.verify(others[0]!.keys.peerId, message, signature)).toBe(false);
    keys.forget(bob!.keys.peerId);
    expect(keys.verify(bob!.keys.peerId, message, signature)).toBe(false);
  });
});
