import { ANNOUNCEMENT_VALIDITY_MS, type SignedEntry, signAnnouncement } from '@p2p-chat/shared';
import { ManualClock, testKeys } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Walked, walkProbe } from '../testing/walk-probes.js';
import { KeyProbes } from './key.probes.js';
import { KeyWatch } from './key-watch.js';

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

describe('KeyWatch', () => {
  let clock: ManualClock;
  let watch: KeyWatch;
  beforeEach(() => {
    clock = new ManualClock();
    watch = new KeyWatch(clock, silent);
    watch.start({ user: 'Anna', port: 7780, host: '', instance: 'own' });
  });
  const entry = (instance: string, seqAfterStart: number, host = '192.0.2.7'): SignedEntry => {
    const fields = { host, port: 7780, user: 'Anna', addresses: [], instance };
    const times = { seq: clock.now() + seqAfterStart, expires: clock.now() + ANNOUNCEMENT_VALIDITY_MS };
    return signAnnouncement({ ...fields, ...times }, testKeys('Anna'));
  };
  const heard = (one: SignedEntry): boolean => watch.heard(one, clock.now());
  const shown = (): string[] =>
    watch.health().map(({ source, state, detail }) => `${source} ${state}: ${detail}`);

  it('names who else uses the key, with what to do, until he is silent', async () => {
    expect(heard(entry('other', 5))).toBe(true);
    expect(heard(entry('other', 5))).toBe(false);
    expect(shown()).toEqual([
      'conflict failing: this profile is also used at 192.0.2.7: it was copied, and messages reach only one of ' +
        'the two; stop one of them, and start it with an empty P2P_CHAT_HOME',
    ]);
    await clock.advance(40_000);
    heard(entry('other', 5));
    await clock.advance(40_000);
    expect(shown()).toHaveLength(1);
    await clock.advance(5_000);
    expect(shown()).toEqual([]);
  });

  it('is a finding of a diagnosis', async () => {
    const diagnosed = async (): Promise<Walked[]> => walkProbe(new KeyProbes(() => watch.others).list()[0]!);
    expect(await diagnosed()).toMatchObject([{ hop: 'key', state: 'ok' }]);
    heard(entry('other', 5));
    expect(await diagnosed()).toMatchObject([
      {
        hop: 'key',
        state: 'failed',
        detail: 'This profile is also used at 192.0.2.7: messages reach only one of the two.',
        advice: expect.stringContaining('stop one of the nodes') as string,
      },
    ]);
  });

  it('is silent about itself, its earlier starts, and what the key did not sign', () => {
    expect(heard(entry('own', 5))).toBe(false);
    expect(heard(entry('before', -5))).toBe(false);
    expect(heard({ ...entry('other', 5), HOST: '192.0.2.66' })).toBe(false);
    expect(shown()).toEqual([]);
    heard(entry('other', 5));
    expect(heard({ ...entry('other', 6), USER: 'Anne' })).toBe(false);
    expect(shown()).toHaveLength(1);
  });

  it('keeps a bounded number of them', () => {
    for (let n = 0; n < 100; n += 1) heard(entry(`other ${n}`, 5, `192.0.2.${n}`));
    expect(shown()[0]!.match(/192\.0\.2/g)).toHaveLength(8);
  });
});
