import { createHash, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { peerIdOfKey } from '../node/peer-key.js';
import { testKeys } from '../testing/index.js';
import { ANNOUNCEMENT_VALIDITY_MS, CLOCK_TOLERANCE_MS, MAX_ANNOUNCED_ADDRESSES } from '../protocol/limits.js';
import {
  AnnouncementError,
  announcementBytes,
  claimsSignature,
  signAnnouncement,
  signWithdrawal,
  verifyAnnouncement,
  verifyWithdrawal,
  type AnnouncementFields,
} from './announcement.js';
import type { PeerEntry } from './contract.js';

const NOW = Date.UTC(2026, 0, 1);
const anna = testKeys('anna');
const ben = testKeys('ben');

const fields = (changes: Partial<AnnouncementFields> = {}): AnnouncementFields => ({
  host: '192.0.2.7',
  port: 7780,
  user: 'Anna',
  addresses: ['10.0.0.7'],
  instance: 'instance-1',
  seq: 5,
  expires: NOW + ANNOUNCEMENT_VALIDITY_MS,
  ...changes,
});

function refusal(run: () => unknown): { code: string; field: string } {
  try {
    run();
  } catch (error) {
    if (error instanceof AnnouncementError) return { code: error.code, field: error.field };
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('announcement', () => {
  it('verifies what its key signed', () => {
    const verified = verifyAnnouncement(signAnnouncement(fields(), anna), NOW);
    expect(verified).toEqual({
      ...fields(),
      peerId: peerIdOfKey(anna.publicKey),
      hosts: ['192.0.2.7', '10.0.0.7'],
    });
  });

  it('covers these bytes, so that other programs can sign', () => {
    const bytes = announcementBytes(
      'p',
      fields({ user: 'Ä', host: '', addresses: ['a', 'b'], port: 1, seq: 2, expires: 3, instance: 'i' }),
    );
    expect(bytes.toString('hex')).toBe(
      [
        ['00000017', Buffer.from('p2p-chat/announcement/1').toString('hex')],
        ['00000001', '70'],
        ['00000002', 'c384'],
        ['00000000', ''],
        ['00000001', '31'],
        ['00000003', '612c62'],
        ['00000001', '69'],
        ['00000001', '32'],
        ['00000001', '33'],
      ]
        .flat()
        .join(''),
    );
  });

  it('keeps the bytes of one announcement for good', () => {
    const digest = createHash('sha256')
      .update(JSON.stringify(signAnnouncement(fields(), anna)))
      .digest('hex');
    expect(digest).toMatchInlineSnapshot(
      `"d4f28c4b26662d27ca2d353b21f33df4ebf0f84ae0f325d31eb9733dfb193e77"`,
    );
  });

  it.each<[string, Partial<PeerEntry>]>([
    ['HOST', { HOST: '192.0.2.8' }],
    ['PORT', { PORT: 7781 }],
    ['USER', { USER: 'Anne' }],
    ['ADDRESSES', { ADDRESSES: ['10.0.0.8'] }],
    ['no ADDRESSES', { ADDRESSES: [] }],
    ['INSTANCE', { INSTANCE: 'instance-2' }],
    ['SEQ', { SEQ: 6 }],
    ['EXPIRES', { EXPIRES: NOW + ANNOUNCEMENT_VALIDITY_MS - 1 }],
    ['SIGNED_HOST', { SIGNED_HOST: '' }],
    [
      'the signature of another announcement',
      { SIGNATURE: signAnnouncement(fields({ seq: 6 }), anna).SIGNATURE },
    ],
  ])('refuses another %s under the same signature', (_name, change) => {
    const entry = { ...signAnnouncement(fields(), anna), ...change };
    expect(refusal(() => verifyAnnouncement(entry, NOW))).toEqual({
      code: 'announcement-signature-wrong',
      field: 'SIGNATURE',
    });
  });

  it('does not mix up neighbouring fields', () => {
    const signed = signAnnouncement(fields({ user: 'ab', host: 'c.example' }), anna);
    const moved = { ...signed, USER: 'a', HOST: 'bc.example' };
    expect(refusal(() => verifyAnnouncement(moved, NOW)).code).toBe('announcement-signature-wrong');
  });

  it("refuses a key that is not the peer id's", () => {
    const entry = { ...signAnnouncement(fields(), ben), PEER_ID: peerIdOfKey(anna.publicKey) };
    expect(refusal(() => verifyAnnouncement(entry, NOW))).toEqual({
      code: 'announcement-key-mismatch',
      field: 'PEER_ID',
    });
  });

  it('counts until its end, and as much longer as clocks may differ', () => {
    const entry = signAnnouncement(fields(), anna);
    const end = NOW + ANNOUNCEMENT_VALIDITY_MS;
    expect(verifyAnnouncement(entry, end + CLOCK_TOLERANCE_MS).seq).toBe(5);
    expect(refusal(() => verifyAnnouncement(entry, end + CLOCK_TOLERANCE_MS + 1)).code).toBe(
      'announcement-expired',
    );
    expect(verifyAnnouncement(entry, NOW - CLOCK_TOLERANCE_MS).seq).toBe(5);
    expect(refusal(() => verifyAnnouncement(entry, NOW - CLOCK_TOLERANCE_MS - 1)).code).toBe(
      'announcement-too-far-ahead',
    );
  });

  it.each<[string, keyof PeerEntry, unknown]>([
    ['a peer id that is none', 'PEER_ID', 'anna'],
    ['no key', 'KEY', undefined],
    [
      'a key of another kind',
      'KEY',
      generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    ],
    ['a key with foreign text in it', 'KEY', `${signAnnouncement(fields(), anna).KEY}\u001b[31m`],
    ['no signature', 'SIGNATURE', undefined],
    ['a short signature', 'SIGNATURE', 'AAAA'],
    [
      'a signature in another base64',
      'SIGNATURE',
      signAnnouncement(fields(), anna).SIGNATURE.replace(/=+$/, ''),
    ],
    ['a host that is no text', 'HOST', 5],
    ['a host that is too long', 'HOST', 'a'.repeat(254)],
    ['an empty user', 'USER', ''],
    ['a user with a control character', 'USER', 'An\u0007na'],
    ['a port that is a text', 'PORT', '7780'],
    ['port 0', 'PORT', 0],
    ['port 65536', 'PORT', 65_536],
    ['an empty instance', 'INSTANCE', ''],
    ['a long instance', 'INSTANCE', 'i'.repeat(65)],
    ['a SEQ past what a number holds', 'SEQ', 2 ** 53],
    ['a negative SEQ', 'SEQ', -1],
    ['a broken EXPIRES', 'EXPIRES', 1.5],
    ['addresses that are no list', 'ADDRESSES', '10.0.0.1'],
    ['an address that hides two', 'ADDRESSES', ['10.0.0.1,10.0.0.2']],
    ['an empty address', 'ADDRESSES', ['']],
    [
      'too many addresses',
      'ADDRESSES',
      Array.from({ length: MAX_ANNOUNCED_ADDRESSES + 1 }, (_, i) => `10.0.0.${i}`),
    ],
    ['a specific SIGNED_HOST', 'SIGNED_HOST', '192.0.2.7'],
  ])('refuses %s', (_name, field, value) => {
    const entry = { ...signAnnouncement(fields(), anna), [field]: value } as PeerEntry;
    expect(refusal(() => verifyAnnouncement(entry, NOW))).toEqual({ code: 'announcement-malformed', field });
  });

  it('takes as many addresses as the limit says', () => {
    const addresses = Array.from({ length: MAX_ANNOUNCED_ADDRESSES }, (_, i) => `10.0.0.${i}`);
    expect(verifyAnnouncement(signAnnouncement(fields({ addresses }), anna), NOW).hosts).toHaveLength(9);
  });

  it('keeps the signature where a service put the address in place of an open host', () => {
    const signed = signAnnouncement(fields({ host: '' }), anna);
    const listed = { ...signed, HOST: '192.0.2.99', SIGNED_HOST: '' };
    expect(verifyAnnouncement(listed, NOW).hosts).toEqual(['192.0.2.99', '10.0.0.7']);
  });

  it('refuses what is no host in place of an open one', () => {
    const signed = signAnnouncement(fields({ host: '' }), anna);
    for (const HOST of [5, 'a'.repeat(254), undefined]) {
      const listed = { ...signed, HOST, SIGNED_HOST: '' } as PeerEntry;
      expect(refusal(() => verifyAnnouncement(listed, NOW)).field).toBe('HOST');
    }
  });

  it('does not let a service put a host beside the one that was signed', () => {
    const signed = signAnnouncement(fields(), anna);
    const swapped = { ...signed, HOST: '192.0.2.66', SIGNED_HOST: signed.HOST };
    expect(refusal(() => verifyAnnouncement(swapped, NOW)).field).toBe('SIGNED_HOST');
  });

  it('tells an entry that claims a signature from a plain one', () => {
    const plain = { HOST: '192.0.2.1', PORT: 1, USER: 'Anna' };
    expect(claimsSignature(plain)).toBe(false);
    expect(claimsSignature({ ...plain, INSTANCE: 'x', SEQ: 1 })).toBe(false);
    for (const field of ['PEER_ID', 'KEY', 'SIGNATURE'])
      expect(claimsSignature({ ...plain, [field]: 'x' })).toBe(true);
  });
});

describe('withdrawal', () => {
  const id = peerIdOfKey(anna.publicKey);
  const withdrawal = signWithdrawal({ instance: 'instance-1', seq: 5 }, anna);

  it('verifies what its key signed', () => {
    expect(() => verifyWithdrawal(id, withdrawal)).not.toThrow();
  });

  it('is refused for another peer, by another key, and with another content', () => {
    expect(refusal(() => verifyWithdrawal(peerIdOfKey(ben.publicKey), withdrawal))).toEqual({
      code: 'announcement-key-mismatch',
      field: 'KEY',
    });
    const bens = signWithdrawal({ instance: 'instance-1', seq: 5 }, ben);
    expect(refusal(() => verifyWithdrawal(id, bens)).code).toBe('announcement-key-mismatch');
    const forged = { ...withdrawal, SIGNATURE: bens.SIGNATURE };
    expect(refusal(() => verifyWithdrawal(id, forged)).code).toBe('announcement-signature-wrong');
    expect(refusal(() => verifyWithdrawal(id, { ...withdrawal, SEQ: 6 })).code).toBe(
      'announcement-signature-wrong',
    );
    expect(refusal(() => verifyWithdrawal(id, { ...withdrawal, INSTANCE: 'x' })).code).toBe(
      'announcement-signature-wrong',
    );
    expect(refusal(() => verifyWithdrawal('anna', withdrawal)).field).toBe('PEER_ID');
  });

  it('does not pass an announcement off as a withdrawal', () => {
    const signed = signAnnouncement(fields(), anna);
    expect(refusal(() => verifyWithdrawal(id, { ...withdrawal, SIGNATURE: signed.SIGNATURE })).code).toBe(
      'announcement-signature-wrong',
    );
  });
});
