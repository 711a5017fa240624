import {
  ANNOUNCEMENT_VALIDITY_MS,
  peerIdOfKey,
  verifyAnnouncement,
  verifyWithdrawal,
} from '@p2p-chat/shared';
import { ManualClock, testKeys } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { AnnouncementSequence } from './announcement-sequence.js';
import { SelfAnnouncer } from './self-announcer.js';

const keys = testKeys('anna');
const self = { user: 'Anna', port: 7780, host: '', instance: 'i' };
const hosts = { host: '192.0.2.5', addresses: ['198.51.100.5'] };

describe('SelfAnnouncer', () => {
  let clock: ManualClock;
  let announcer: SelfAnnouncer;
  beforeEach(() => {
    clock = new ManualClock();
    announcer = new SelfAnnouncer(self, keys, clock, new AnnouncementSequence(clock));
  });

  it('signs what others can verify', () => {
    const entry = announcer.announce(hosts);
    expect(verifyAnnouncement(entry, clock.now())).toMatchObject({
      user: 'Anna',
      port: 7780,
      instance: 'i',
      hosts: ['192.0.2.5', '198.51.100.5'],
      expires: clock.now() + ANNOUNCEMENT_VALIDITY_MS,
    });
  });

  it('stays the same until half of its validity is over', () => {
    const first = announcer.announce(hosts);
    clock.jump(ANNOUNCEMENT_VALIDITY_MS / 2 - 1);
    expect(announcer.announce({ ...hosts })).toBe(first);
    clock.jump(1);
    const second = announcer.announce(hosts);
    expect(second.SEQ).toBeGreaterThan(first.SEQ);
    expect(second.EXPIRES).toBe(clock.now() + ANNOUNCEMENT_VALIDITY_MS);
  });

  it('is a new one where the addresses change or the clock went back', () => {
    const first = announcer.announce(hosts);
    const moved = announcer.announce({ host: '198.51.100.5', addresses: [] });
    expect(moved.SEQ).toBeGreaterThan(first.SEQ);
    clock.jump(-3_600_000);
    const back = announcer.announce({ host: '198.51.100.5', addresses: [] });
    expect(back.SEQ).toBeGreaterThan(moved.SEQ);
    expect(back.EXPIRES).toBeLessThan(moved.EXPIRES);
  });

  it('goes above a SEQ that others have seen', () => {
    const first = announcer.announce(hosts);
    announcer.supersede(first.SEQ + 1_000_000);
    expect(announcer.announce(hosts).SEQ).toBe(first.SEQ + 1_000_001);
  });

  it('is the one that another source of the node has sent with the same content', () => {
    const sequence = new AnnouncementSequence(clock);
    const one = new SelfAnnouncer(self, keys, clock, sequence);
    const other = new SelfAnnouncer(self, keys, clock, sequence);
    const entry = one.announce(hosts);
    expect(other.announce({ ...hosts })).toBe(entry);
    clock.jump(ANNOUNCEMENT_VALIDITY_MS / 2);
    const next = one.announce(hosts);
    expect(next).not.toBe(entry);
    expect(other.announce(hosts)).toBe(next);
  });

  it('becomes the one of another source where services share a list, and is changed no more for it', () => {
    const sequence = new AnnouncementSequence(clock);
    const one = new SelfAnnouncer(self, keys, clock, sequence);
    const other = new SelfAnnouncer(self, keys, clock, sequence);
    const toward = { host: '198.51.100.5', addresses: ['192.0.2.5'] };
    one.announce(hosts);
    const newer = other.announce(toward);
    one.supersede(newer.SEQ);
    expect(one.announce(hosts)).toBe(newer);
    expect([one.announce(hosts), other.announce(toward)]).toEqual([newer, newer]);
    const moved = one.announce({ host: '203.0.113.5', addresses: [] });
    expect(moved.SEQ).toBeGreaterThan(newer.SEQ);
  });

  it('is a new one where the very same was refused', () => {
    const refused = announcer.announce(hosts);
    announcer.supersede(refused.SEQ);
    expect(announcer.announce(hosts).SEQ).toBeGreaterThan(refused.SEQ);
  });

  it("goes by others' clock where it is told", () => {
    const theirs = clock.now() + 86_400_000;
    announcer.announce(hosts);
    announcer.correctClock(theirs);
    expect([announcer.now(), announcer.clockOffsetMs]).toEqual([theirs, 86_400_000]);
    expect(() => verifyAnnouncement(announcer.announce(hosts), theirs)).not.toThrow();
  });

  it('takes back all that it announced', () => {
    const { SEQ } = announcer.announce(hosts);
    const withdrawal = announcer.withdraw();
    expect(withdrawal.SEQ).toBeGreaterThanOrEqual(SEQ);
    expect(() => verifyWithdrawal(peerIdOfKey(keys.publicKey), withdrawal)).not.toThrow();
  });
});
