import { ManualClock } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryStore } from '../../storage/memory/memory-store.js';
import { TestKeys } from '../../testing/test-keys.js';
import { ChatEvents } from '../events.js';
import type { PeerAddress } from '../peers/peer.js';
import { Peers } from '../peers/peers.js';
import { type LinkPeer, PeerTransport } from '../ports/peer-link.js';
import {
  Connector,
  DIAL_BACKOFF,
  DIAL_COURTESY_MS,
  MAX_DIAL_GAP_MS,
  MIN_DIAL_GAP_MS,
  USEFUL_LINK_MS,
} from './connector.js';

const MINUTE_MS = 60_000;
const [LOWER, HIGHER] = [new TestKeys('anna').peerId, new TestKeys('ben').peerId].sort() as [string, string];
const HOST = '192.0.2.2';

/** How a link of the far end goes. */
interface Life {
  lastsMs: number;
  isUseful: boolean;
  /** Of its bye; null where it just closes. */
  reason: string | null;
}

/** One far end that takes every dial, or none, and ends every link in the same way. */
class OnePeer extends PeerTransport {
  /** When it was dialled. */
  readonly dialledAt: number[] = [];
  readonly addresses: PeerAddress[][] = [];
  answers = true;
  life: Life = { lastsMs: Number.POSITIVE_INFINITY, isUseful: true, reason: null };
  connector: Connector | null = null;
  peers: Peers | null = null;
  readonly #link: LinkPeer;
  #close: (reason: string | null) => void = () => undefined;

  constructor(
    peerId: string,
    private readonly clock: ManualClock,
  ) {
    super();
    const address = { host: HOST, port: 7780 };
    this.#link = { peerId, user: 'Ben', instance: 'first', agent: 'test/1', address };
  }

  async dial(_peerId: string | null, addresses: readonly PeerAddress[]): Promise<LinkPeer> {
    this.dialledAt.push(this.clock.monotonic());
    this.addresses.push([...addresses]);
    if (!this.answers) throw new Error('Nobody is there.');
    this.open();
    return this.#link;
  }

  /** A link of that life begins, whoever has dialled. */
  open(): void {
    const { lastsMs, isUseful, reason } = this.life;
    const peer = { ...this.#link };
    this.peers?.linkOpened(peer);
    this.connector?.linkOpened(peer);
    if (isUseful) this.connector?.linkUseful(peer);
    this.#close = (why) => {
      this.#close = () => undefined;
      this.peers?.linkClosed(peer);
      this.connector?.linkClosed(peer, why);
    };
    if (Number.isFinite(lastsMs)) this.clock.setTimeout(() => this.#close(reason), lastsMs);
  }

  close(reason: string | null): void {
    this.#close(reason);
  }

  listen(): Promise<number> {
    return Promise.resolve(0);
  }

  async stop(): Promise<void> {
    // Nothing listens.
  }
}

describe.each([
  ['lower', LOWER, HIGHER],
  ['higher', HIGHER, LOWER],
])('a connector whose own id is the %s one', (_, self, peerId) => {
  let clock: ManualClock;
  let far: OnePeer;
  let peers: Peers;
  let connector: Connector;
  let seq: number;

  const announce = (): void =>
    peers.replace('mdns', [
      {
        source: 'mdns',
        peerId,
        user: 'Ben',
        instance: 'first',
        seq: (seq += 1),
        addresses: [{ host: HOST, port: 7780 }],
      },
    ]);
  const make = (staticAddresses: PeerAddress[] = []): void => {
    peers = new Peers({
      self,
      ownName: () => 'Anna',
      store: new MemoryStore(),
      events: new ChatEvents((error) => {
        throw error;
      }),
      clock,
      onNews: (news) => connector.heard(news),
    });
    connector = new Connector({
      isWanted: () => false,
      self,
      transport: far,
      peers,
      clock,
      random: () => 0,
      log: { debug: () => undefined, warn: () => undefined },
      staticAddresses,
    });
    far.peers = peers;
    far.connector = connector;
  };
  beforeEach(async () => {
    seq = 0;
    clock = new ManualClock();
    far = new OnePeer(peerId, clock);
    make();
    await peers.accept(peerId);
    connector.start();
  });
  /** Dials within a minute from now on. */
  const dialsOfAMinute = async (): Promise<number> => {
    const before = far.dialledAt.length;
    await clock.advance(MINUTE_MS);
    return far.dialledAt.length - before;
  };

  describe.each(['busy', 'error', 'logout', 'duplicate', null])('to a peer that ends with %s', (reason) => {
    it.each([
      ['right after the hello', { lastsMs: 0, isUseful: false }],
      ['after its digests', { lastsMs: 10, isUseful: true }],
      ['after seconds without a word', { lastsMs: USEFUL_LINK_MS, isUseful: false }],
    ])('every link %s, dials less and less', async (_when, life) => {
      far.life = { ...life, reason };
      announce();
      expect(await dialsOfAMinute()).toBeLessThanOrEqual(8);
      expect(await dialsOfAMinute()).toBeLessThanOrEqual(2);
      expect(await dialsOfAMinute()).toBeLessThanOrEqual(1);
    });

    it('dials no more where it is announced anew all the time', async () => {
      far.life = { lastsMs: 0, isUseful: false, reason };
      for (let ms = 0; ms < MINUTE_MS; ms += 100) {
        announce();
        await clock.advance(100);
      }
      expect(far.dialledAt.length).toBeLessThanOrEqual(12);
      const gaps = far.dialledAt.slice(1).map((at, nth) => at - far.dialledAt[nth]!);
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(MIN_DIAL_GAP_MS);
      expect(Math.max(...gaps)).toBeLessThanOrEqual(MAX_DIAL_GAP_MS + 2 * DIAL_COURTESY_MS);
    });

    it('dials no more where it dials too, and ends that', async () => {
      far.life = { lastsMs: 0, isUseful: false, reason };
      announce();
      for (let ms = 0; ms < MINUTE_MS; ms += 300) {
        far.open();
        await clock.advance(300);
      }
      expect(far.dialledAt.length).toBeLessThanOrEqual(8);
    });

    it('dials a static address less and less', async () => {
      far = new OnePeer(peerId, clock);
      make([{ host: HOST, port: 7780 }]);
      far.life = { lastsMs: 0, isUseful: false, reason };
      connector.start();
      expect(await dialsOfAMinute()).toBeLessThanOrEqual(8);
      expect(await dialsOfAMinute()).toBeLessThanOrEqual(2);
    });
  });

  it('dials soon after the end of a link that was of use', async () => {
    far.life = { lastsMs: USEFUL_LINK_MS, isUseful: true, reason: null };
    announce();
    expect(await dialsOfAMinute()).toBeGreaterThanOrEqual(
      Math.floor(MINUTE_MS / (USEFUL_LINK_MS + DIAL_BACKOFF.initialMs)) - 1,
    );
  });

  it('does not dial at once a peer that has said bye, until there is news of it', async () => {
    far.life = { lastsMs: Number.POSITIVE_INFINITY, isUseful: true, reason: null };
    announce();
    await clock.advance(USEFUL_LINK_MS * 2);
    expect(far.dialledAt).toHaveLength(1);
    far.close('logout');
    await clock.advance(DIAL_BACKOFF.maxMs / 2);
    expect(far.dialledAt).toHaveLength(1);
    announce();
    await clock.advance(2 * DIAL_COURTESY_MS);
    expect(far.dialledAt).toHaveLength(2);
  });

  it('dials a static address soon after a bye, since nobody announces that it is back', async () => {
    far = new OnePeer(peerId, clock);
    make([{ host: HOST, port: 7780 }]);
    connector.start();
    await clock.advance(USEFUL_LINK_MS);
    expect(far.dialledAt).toHaveLength(1);
    far.close('logout');
    await clock.advance(DIAL_BACKOFF.initialMs);
    expect(far.dialledAt).toHaveLength(2);
  });

  it.each(['logout', 'busy', null])('dials soon a peer that starts anew right after %s', async (reason) => {
    far.life = { lastsMs: 0, isUseful: false, reason };
    announce();
    await clock.advance(DIAL_COURTESY_MS);
    expect(far.dialledAt).toHaveLength(1);
    far.life = { lastsMs: Number.POSITIVE_INFINITY, isUseful: true, reason: null };
    announce();
    await clock.advance(MIN_DIAL_GAP_MS + DIAL_COURTESY_MS);
    expect(far.dialledAt).toHaveLength(2);
  });

  it('leaves a far end that does not answer longer and longer alone', async () => {
    far.answers = false;
    announce();
    expect(await dialsOfAMinute()).toBeLessThanOrEqual(8);
    expect(await dialsOfAMinute()).toBeLessThanOrEqual(2);
  });

  it('tries what was announced after the link broke, too, although the peer had dialled from elsewhere', async () => {
    const [announced, source] = [
      { host: '198.51.100.7', port: 7780 },
      { host: HOST, port: 7780 },
    ];
    peers.replace('mdns', [
      { source: 'mdns', peerId, user: 'Ben', instance: 'first', seq: 1, addresses: [announced] },
    ]);
    far.open();
    await peers.rememberAddress({ peerId, user: 'Ben', instance: 'first', agent: '', address: source });
    far.close(null);
    far.answers = false;
    await clock.advance(MIN_DIAL_GAP_MS);
    expect(far.addresses.at(-1)).toEqual([announced, source]);
  });

  it('dials nobody once it is stopped', async () => {
    far.answers = false;
    announce();
    await clock.advance(2 * DIAL_COURTESY_MS);
    const before = far.dialledAt.length;
    expect(before).toBeGreaterThan(0);
    connector.stop();
    announce();
    expect(await dialsOfAMinute()).toBe(0);
    expect(clock.timers).toBe(0);
  });
});
