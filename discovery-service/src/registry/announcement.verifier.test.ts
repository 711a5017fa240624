import {
  ANNOUNCEMENT_VALIDITY_MS,
  type AnnouncementFields,
  CLOCK_TOLERANCE_MS,
  type PeerEntry,
  signAnnouncement,
  verifyAnnouncement,
} from '@p2p-chat/shared';
import { ManualClock, testKeys } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../config.js';
import { AnnouncementVerifier } from './announcement.verifier.js';
import { type LeaseRegistry } from './lease-registry.js';
import { MemoryLeaseRegistry } from './memory-lease-registry.js';
import { readRegistration } from './request-body.js';

const anna = testKeys('anna');

describe('AnnouncementVerifier', () => {
  let clock: ManualClock;
  let registry: LeaseRegistry;
  let verifier: AnnouncementVerifier;

  beforeEach(() => {
    clock = new ManualClock();
    registry = new MemoryLeaseRegistry(clock, { leaseMs: 30_000 });
    verifier = new AnnouncementVerifier(readConfig({}), clock, registry);
  });

  const verify = (entry: object, caller = '192.0.2.5'): ReturnType<AnnouncementVerifier['verify']> =>
    verifier.verify(readRegistration(Buffer.from(JSON.stringify(entry))), caller);
  const sign = (changes: Partial<AnnouncementFields> = {}): PeerEntry =>
    signAnnouncement(
      {
        host: '192.0.2.5',
        port: 7780,
        user: 'Anna',
        addresses: [],
        instance: 'i',
        seq: 1,
        expires: clock.now() + ANNOUNCEMENT_VALIDITY_MS,
        ...changes,
      },
      anna,
    );

  it('lists a plain entry with its three fields, the name in one form', () => {
    const plain = verify({ HOST: 'Box', PORT: '7000', USER: ' Ame\u0301lie ', INSTANCE: 'x', SEQ: 4 });
    expect(plain).toEqual({ entry: { HOST: 'box', PORT: 7000, USER: 'Am\u00e9lie' }, signed: null });
  });

  it('lists a signed entry so that others can verify it', () => {
    const entry = sign({ addresses: ['10.0.0.5'] });
    const { entry: listed, signed } = verify({ ...entry, X: 1, SIGNED_HOST: '' });
    expect(listed).toEqual(entry);
    expect(signed).toEqual(entry);
  });

  it.each(['', '0.0.0.0', '::'])(
    'puts the address of the request in place of %j, so that others can verify it',
    (host) => {
      const { entry } = verify(sign({ host }), '192.0.2.99');
      expect(entry).toMatchObject({ HOST: '192.0.2.99', SIGNED_HOST: host });
      expect(verifyAnnouncement(entry, clock.now()).hosts).toEqual(['192.0.2.99']);
    },
  );

  it('does the same where HOST is not there', () => {
    const entry = { ...sign({ host: '' }), HOST: undefined };
    expect(verify(entry).entry).toMatchObject({ HOST: '192.0.2.5', SIGNED_HOST: '' });
  });

  it('checks the addresses like the host', () => {
    expect(() => verify(sign({ addresses: ['127.0.0.1'] }))).toThrow(/ADDRESSES must not be a loopback/);
    expect(() => verify(sign({ addresses: ['169.254.169.254'] }))).toThrow(/ADDRESSES must be/);
    expect(verify(sign({ host: '127.0.0.1', addresses: ['::1'] }), '127.0.0.1').entry.HOST).toBe('127.0.0.1');
    expect(() => verify(sign({ host: '127.0.0.1' }))).toThrow(/HOST must not be a loopback/);
  });

  it('refuses half of a signed entry', () => {
    const entry = { ...sign(), SIGNATURE: undefined };
    expect(() => verify(entry)).toThrow(/SIGNATURE is not/);
    expect(() => verify({ HOST: '', PORT: 1, USER: 'A', SIGNATURE: 'x' })).toThrow(/PEER_ID is not/);
  });

  it('refuses a signature that does not fit, and one that has expired', () => {
    expect(() => verify({ ...sign(), USER: 'Ben' })).toThrow(/SIGNATURE does not fit/);
    const entry = sign();
    clock.jump(ANNOUNCEMENT_VALIDITY_MS + CLOCK_TOLERANCE_MS + 1);
    expect(() => verify(entry)).toThrow(/expired/);
  });

  it('checks the signature of a listed announcement only once, but always its time and its other fields', () => {
    const entry = sign();
    const first = verify(entry);
    registry.register({ ...first, request: null });
    // The signature is part of what is compared, so another one is noticed.
    expect(() => verify({ ...entry, SIGNATURE: sign({ seq: 2 }).SIGNATURE })).toThrow(
      /SIGNATURE does not fit/,
    );
    expect(() => verify({ ...entry, USER: 'Ben' })).toThrow(/SIGNATURE does not fit/);
    expect(verify(entry)).toEqual(first);
    clock.jump(ANNOUNCEMENT_VALIDITY_MS + CLOCK_TOLERANCE_MS + 1);
    expect(() => verify(entry)).toThrow(/expired/);
  });

  it('refuses plain entries where only signed ones are taken', () => {
    verifier = new AnnouncementVerifier(readConfig({ DISCOVERY_REQUIRE_SIGNED: 'on' }), clock, registry);
    expect(() => verify({ HOST: '', PORT: 1, USER: 'A' })).toThrow(/signed announcements only/);
    expect(verify(sign()).signed).not.toBeNull();
  });
});
