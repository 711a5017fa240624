import { type DiagnosisLine, type DiagnosisResult, P2pChatError } from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { ChatError } from '../errors.js';
import { AddressProbes, NotTried, type Probe, Probes } from '../ports/probe.js';
import { Diagnosis } from './diagnosis.js';
import type { KnownWay } from './peer-entry.probe.js';

const never = new AbortController().signal;
const works = (): string => 'fine';
const fails = (): never => {
  throw new P2pChatError('broken', 'It is broken.', { hint: 'Mend it.' });
};

/** A probe by hop and subject, `gateway port 1`. */
function probe(name: string, run: Probe['run'] = works, next: readonly Probe[] = []): Probe {
  const [hop = '', subject = ''] = name.split(' ');
  return { hop: hop as Probe['hop'], subject, run, next };
}

class Fixed extends Probes {
  constructor(private readonly probes: readonly Probe[]) {
    super();
  }
  list(): readonly Probe[] {
    return this.probes;
  }
}

const bob: KnownWay = {
  peerId: 'b'.repeat(52),
  user: 'Bob',
  linked: false,
  addresses: [
    { host: '192.0.2.1', port: 1 },
    { host: '192.0.2.2', port: 2 },
  ],
  sightings: [{ source: 'mdns', signedAt: 0 }],
  lastSeenAt: null,
};

describe('Diagnosis', () => {
  let clock: ManualClock;
  let warnings: string[];
  /** Addresses that answer, by host. */
  let answering: string[];
  let known: KnownWay | null;
  beforeEach(() => {
    clock = new ManualClock();
    warnings = [];
    answering = [];
    known = bob;
  });

  class ByHost extends AddressProbes {
    toward(_peerId: string, { host }: { host: string }): Probe {
      const protocol = probe(`peer-protocol ${host}`);
      return probe(`peer-connect ${host}`, answering.includes(host) ? works : fails, [protocol]);
    }
  }

  async function lines(
    own: readonly (readonly Probe[])[],
    peer?: string,
    signal = never,
  ): Promise<DiagnosisLine[]> {
    const diagnosis = new Diagnosis({
      own: own.map((probes) => new Fixed(probes)),
      addresses: new ByHost(),
      wayTo: (reference) => {
        if (known === null) throw new ChatError('peer-unknown', `Nobody is known as ${reference}.`);
        return known;
      },
      clock,
      log: { debug: () => undefined, warn: (_fields, message) => warnings.push(message) },
    });
    const all: DiagnosisLine[] = [];
    for await (const line of diagnosis.run(peer, signal)) all.push(line);
    return all;
  }
  const hopsOf = (all: readonly DiagnosisLine[]): DiagnosisResult[] =>
    all.filter((line) => line.type === 'hop');
  const short = (all: readonly DiagnosisLine[]): string[] =>
    hopsOf(all).map(({ hop, subject, state }) => `${hop} ${subject} ${state}`);
  const verdict = (all: readonly DiagnosisLine[]): DiagnosisLine | undefined => all.at(-1);

  it('looks at group after group, says what it looks at, and that all is well', async () => {
    const all = await lines([[probe('profile a'), probe('storage b')], [], [probe('gateway c')]]);
    expect(all).toEqual([
      {
        type: 'looking',
        at: [
          { hop: 'profile', subject: 'a' },
          { hop: 'storage', subject: 'b' },
        ],
      },
      { type: 'hop', hop: 'profile', subject: 'a', state: 'ok', detail: 'fine', ms: 0 },
      { type: 'hop', hop: 'storage', subject: 'b', state: 'ok', detail: 'fine', ms: 0 },
      { type: 'looking', at: [{ hop: 'gateway', subject: 'c' }] },
      { type: 'hop', hop: 'gateway', subject: 'c', state: 'ok', detail: 'fine', ms: 0 },
      { type: 'verdict', ok: true, sentence: 'All is well on this side.', failed: null },
    ]);
  });

  it('passes over what needs a hop that failed, goes on with the rest, and names the first failure', async () => {
    const all = await lines([
      [
        probe('registry-name x', works, [
          probe('registry-connect x', fails, [probe('registry-http x', works, [probe('registry-clock x')])]),
          probe('registry-announcement x'),
        ]),
        probe('registry-name y'),
      ],
      [probe('interface z', fails)],
    ]);
    expect(short(all)).toEqual([
      'registry-name x ok',
      'registry-connect x failed',
      'registry-http x skipped',
      'registry-clock x skipped',
      'registry-announcement x ok',
      'registry-name y ok',
      'interface z failed',
    ]);
    expect(hopsOf(all)[3]!.detail).toBe('not tried, since registry-connect failed');
    expect(verdict(all)).toEqual({
      type: 'verdict',
      ok: false,
      sentence: 'It is broken.',
      advice: 'Mend it.',
      failed: { hop: 'registry-connect', subject: 'x' },
    });
  });

  it('takes what there is nothing of for no failure', async () => {
    const off = (): never => {
      throw new NotTried('turned off');
    };
    const all = await lines([[probe('interface x', off, [probe('multicast-sent x')])]]);
    expect(hopsOf(all)).toMatchObject([
      { state: 'skipped', detail: 'turned off', ms: 0 },
      { state: 'skipped', detail: 'nothing to try', ms: 0 },
    ]);
    expect(verdict(all)).toMatchObject({ ok: true });
  });

  it('measures each, side by side, and tells the order of the plan', async () => {
    const slow = (ms: number) => (signal: AbortSignal) => clock.sleep(ms, signal).then(() => 'slow');
    const asked = lines([[probe('gateway a', slow(3_000)), probe('gateway b', slow(1_000))]]);
    await clock.advance(0);
    await clock.advance(3_000);
    const hops = hopsOf(await asked);
    expect(hops.map(({ subject, ms }) => `${subject} ${ms}`)).toEqual(['a 3000', 'b 1000']);
  });

  it('makes a finding of an error that nobody foresaw, and logs it', async () => {
    const bug = (): never => {
      throw new TypeError('x is not y');
    };
    const all = await lines([[probe('storage x', bug)]]);
    expect(hopsOf(all)).toMatchObject([{ state: 'failed', detail: 'x is not y' }]);
    expect(warnings).toEqual(['a probe failed']);
  });

  it('stops where nobody listens any more', async () => {
    const gone = new AbortController();
    const leaves = (): string => {
      gone.abort();
      return '';
    };
    const all = await lines([[probe('profile x', leaves)], [probe('gateway x')]], undefined, gone.signal);
    expect(short(all)).toEqual(['profile x ok']);
    expect(all.some(({ type }) => type === 'verdict')).toBe(false);
  });

  describe('with a peer', () => {
    it('is well where one address works, whatever the others do', async () => {
      answering = ['192.0.2.2'];
      const all = await lines([], 'Bob');
      expect(short(all)).toEqual([
        'peer-entry Bob ok',
        'peer-connect 192.0.2.1 skipped',
        'peer-protocol 192.0.2.1 skipped',
        'peer-connect 192.0.2.2 ok',
        'peer-protocol 192.0.2.2 ok',
      ]);
      expect(hopsOf(all)[1]!.detail).toBe('It is broken. Another address works.');
      expect(verdict(all)).toMatchObject({ ok: true, sentence: 'All is well: Bob can be reached.' });
    });

    it('fails at the first address where none works', async () => {
      const all = await lines([], 'Bob');
      expect(verdict(all)).toMatchObject({ failed: { hop: 'peer-connect', subject: '192.0.2.1' } });
    });

    it('names the sources and the age of their word', async () => {
      clock = new ManualClock(3 * 60_000);
      known = {
        ...bob,
        linked: true,
        sightings: [
          { source: 'mdns', signedAt: 175_000 },
          { source: 'http://192.0.2.9:7777', signedAt: 0 },
          { source: 'a clock that is ahead', signedAt: 200_000 },
        ],
      };
      const [entry] = hopsOf(await lines([], 'Bob'));
      expect(entry).toMatchObject({
        state: 'ok',
        detail:
          'linked, mdns (signed 5 s ago), http://192.0.2.9:7777 (signed 3 min ago), a clock that is ahead (signed 0 s ago)',
      });
    });

    it.each([
      [null, 'Nobody lists Bob now.'],
      [1 * 3_600_000, 'Nobody lists Bob now; the last link was 4 days ago.'],
      [90 * 3_600_000, 'Nobody lists Bob now; the last link was 10 h ago.'],
      [99 * 3_600_000, 'Nobody lists Bob now; the last link was 60 min ago.'],
    ])(
      'says that nobody lists who is offline, and tries the last address (%s)',
      async (lastSeenAt, sentence) => {
        clock = new ManualClock(100 * 3_600_000);
        known = { ...bob, sightings: [], lastSeenAt };
        const all = await lines([], 'Bob');
        expect(verdict(all)).toMatchObject({ sentence, failed: { hop: 'peer-entry', subject: 'Bob' } });
        expect(short(all)).toContain('peer-connect 192.0.2.1 failed');
      },
    );

    it('says who nobody knows', async () => {
      known = null;
      const all = await lines([], 'Zoe');
      expect(short(all)).toEqual(['peer-entry Zoe failed']);
      expect(verdict(all)).toMatchObject({
        ok: false,
        sentence: 'Nobody lists "Zoe", and nobody of that name was ever met.',
        failed: { hop: 'peer-entry', subject: 'Zoe' },
      });
    });
  });
});
