import {
  Backoff,
  type BackoffPolicy,
  type Clock,
  type DiscoverySourceView,
  errorCode,
  errorMessage,
  shortPeerId,
  type Timer,
} from '@p2p-chat/shared';
import type { PeerAddress } from '../peers/peer.js';
import type { KnownPeer, Peers } from '../peers/peers.js';
import type { ChatLog } from '../ports/log.js';
import type { LinkPeer, PeerTransport } from '../ports/peer-link.js';

/** Patience with a peer that does not answer, or ends every link: a restart is noticed soon, an absence costs little. */
export const DIAL_BACKOFF: BackoffPolicy = { initialMs: 500, maxMs: 60_000, factor: 2, jitter: 0.5 };
/** Dials at the same time: a node that comes up among hundreds does not storm them. */
export const MAX_CONCURRENT_DIALS = 16;
/** From the end of a dial or link to the next dial of the same peer, whatever is told of it: nobody is made to storm an address. */
export const MIN_DIAL_GAP_MS = 500;
/** How much longer that may become for a peer that ends every link, however often it is announced anew. */
export const MAX_DIAL_GAP_MS = 10_000;
/** How long the higher of two peer ids leaves the first dial to the lower one. */
export const DIAL_COURTESY_MS = 400;
/** How long a link must have lasted, and have been of use, for the patience with its peer to begin anew. */
export const USEFUL_LINK_MS = 5_000;

export interface ConnectorParts {
  /** Own peer id. */
  self: string;
  transport: PeerTransport;
  peers: Pick<Peers, 'get' | 'list' | 'news'>;
  clock: Clock;
  /** 0 to 1, as Math.random. */
  random: () => number;
  log: ChatLog;
  staticAddresses: readonly PeerAddress[];
  /** Whether there is to be a link to somebody who is no contact. */
  isWanted: (peerId: string) => boolean;
}

interface Target {
  /** null: anybody who answers at a static address. */
  peerId: string | null;
  staticAddress: PeerAddress | null;
  backoff: Backoff;
  timer: Timer | null;
  /** Monotonic time at which the timer is due. */
  dueAt: number;
  /** Monotonic time before which it is not dialled. */
  notBefore: number;
  dialling: boolean;
  /** What discovery said of the peer when it was last dialled for that. */
  news: string;
  /** Outcome of the last dial of a static address. */
  found: string | null;
  problem: string | null;
}

interface OpenLink {
  openedAt: number;
  isUseful: boolean;
}

/**
 * Keeps links open to those who matter: contacts that are online or were once
 * reached, and static addresses. Contacts of whom only an old address is known
 * are tried at that, so people who have met find each other without any server.
 */
export class Connector {
  readonly #targets = new Map<string, Target>();
  readonly #links = new Map<string, OpenLink>();
  readonly #stop = new AbortController();
  #dialling = 0;
  readonly #waiting: Target[] = [];

  constructor(private readonly parts: ConnectorParts) {
    for (const address of parts.staticAddresses) {
      this.#targets.set(`static ${address.host} ${address.port}`, this.#target(null, address));
    }
  }

  /** Starts to dial. */
  start(): void {
    for (const target of this.#targets.values()) this.#soon(target, 0);
    for (const { peerId } of this.parts.peers.list(true)) this.heard(peerId);
  }

  /** Gives up every dial and plans no more. */
  stop(): void {
    this.#stop.abort();
    for (const { timer } of this.#targets.values()) timer?.clear();
  }

  /** Discovery has a newer word of the peer, or it became a contact: it is dialled soon, once for each word. */
  heard(peerId: string): void {
    const { peers, self, random } = this.parts;
    const peer = peers.get(peerId);
    if (this.#stop.signal.aborted || peer === undefined || !this.#wants(peer) || peer.linked) return;
    const news = peers.news(peerId);
    const known = this.#targets.get(peerId);
    if (known?.news === news) return;
    const target = known ?? this.#target(peerId, null);
    this.#targets.set(peerId, target);
    target.news = news;
    this.#soon(target, peerId < self ? DIAL_COURTESY_MS * (1 + random()) : 0);
  }

  /** Somebody wants to reach the peer now. */
  reach(peerId: string): void {
    const peer = this.parts.peers.get(peerId);
    if (peer === undefined || peer.linked || this.#stop.signal.aborted) return;
    let target = this.#targets.get(peerId);
    if (target === undefined) this.#targets.set(peerId, (target = this.#target(peerId, null)));
    if (target.backoff.attempts === 0) this.#soon(target, 0);
  }

  linkOpened(peer: LinkPeer): void {
    this.#links.set(peer.peerId, { openedAt: this.parts.clock.monotonic(), isUseful: false });
    const target = this.#targets.get(peer.peerId);
    target?.timer?.clear();
    if (target !== undefined) target.timer = null;
  }

  /** The peer sent something of substance over its link. */
  linkUseful(peer: LinkPeer): void {
    const link = this.#links.get(peer.peerId);
    if (link !== undefined) link.isUseful = true;
  }

  /** The link is gone: dials again, unless the peer said that it leaves. */
  linkClosed(peer: LinkPeer, reason: string | null): void {
    const link = this.#links.get(peer.peerId);
    this.#links.delete(peer.peerId);
    const now = this.parts.clock.monotonic();
    const wasUseful = link !== undefined && link.isUseful && now - link.openedAt >= USEFUL_LINK_MS;
    if (this.#stop.signal.aborted) return;
    for (const target of this.#targets.values()) {
      if (target.staticAddress !== null && target.found === peer.peerId) {
        this.#again(target, wasUseful, reason);
      }
    }
    const known = this.parts.peers.get(peer.peerId);
    if (known === undefined || !this.#wants(known) || known.linked) return;
    let target = this.#targets.get(peer.peerId);
    if (target === undefined) this.#targets.set(peer.peerId, (target = this.#target(peer.peerId, null)));
    // What discovery has said until now was of the link that has ended.
    target.news = this.parts.peers.news(peer.peerId);
    this.#again(target, wasUseful, reason);
  }

  /** How the static peers and the last known addresses do. */
  health(): DiscoverySourceView[] {
    const views: DiscoverySourceView[] = [];
    const contacts = this.parts.peers
      .list(true)
      .filter(({ contact, addresses }) => contact && addresses.length > 0);
    for (const { staticAddress, found, problem } of this.#targets.values()) {
      if (staticAddress === null) continue;
      const state = found !== null ? 'ok' : problem !== null ? 'failing' : 'starting';
      const detail = found !== null ? `answers as ${shortPeerId(found)}` : (problem ?? 'dialling');
      views.push({ source: `static ${staticAddress.host}:${staticAddress.port}`, state, detail });
    }
    const linked = contacts.filter((contact) => contact.linked).length;
    views.push({
      source: 'last-known',
      state: 'ok',
      detail: `${contacts.length} contacts with a known address, ${linked} of them linked`,
    });
    return views;
  }

  #wants({ contact, blocked, peerId }: KnownPeer): boolean {
    return contact || (!blocked && this.parts.isWanted(peerId));
  }

  #target(peerId: string | null, staticAddress: PeerAddress | null): Target {
    const backoff = new Backoff(DIAL_BACKOFF, this.parts.random);
    return { peerId, staticAddress, backoff, ...IDLE };
  }

  /** Plans the next dial after a link has ended. */
  #again(target: Target, wasUseful: boolean, reason: string | null): void {
    const { backoff } = target;
    if (wasUseful) backoff.reset();
    const wait = backoff.next();
    const gap = wasUseful ? MIN_DIAL_GAP_MS : Math.min(Math.max(wait, MIN_DIAL_GAP_MS), MAX_DIAL_GAP_MS);
    // After a bye only the slow tries of an absence are left; a link that made way for another is no bye.
    // Nobody announces that a static address is back, so that one is dialled as after a break.
    const hasLeft = target.staticAddress === null && reason !== null && reason !== 'duplicate';
    if (hasLeft) while (backoff.attempts < ATTEMPTS_AFTER_BYE) backoff.next();
    target.found = null;
    target.notBefore = this.parts.clock.monotonic() + gap;
    this.#soon(target, hasLeft ? backoff.next() : wait);
  }

  // A plan is brought forward and never put off: a peer that comes and
  // goes all the time does not keep itself from being dialled.
  #soon(target: Target, ms: number): void {
    const { clock } = this.parts;
    const now = clock.monotonic();
    const dueAt = Math.max(now + ms, target.notBefore);
    if (target.timer !== null && target.dueAt <= dueAt) return;
    target.timer?.clear();
    target.dueAt = dueAt;
    target.timer = clock.setTimeout(() => {
      target.timer = null;
      if (clock.monotonic() < target.notBefore) this.#soon(target, 0);
      else this.#enqueue(target);
    }, dueAt - now);
  }

  #enqueue(target: Target): void {
    if (target.dialling || this.#stop.signal.aborted) return;
    target.dialling = true;
    if (this.#dialling >= MAX_CONCURRENT_DIALS) {
      this.#waiting.push(target);
      return;
    }
    this.#dialling += 1;
    void this.#dial(target).finally(() => {
      this.#dialling -= 1;
      const next = this.#waiting.shift();
      if (next === undefined) return;
      next.dialling = false;
      this.#enqueue(next);
    });
  }

  async #dial(target: Target): Promise<void> {
    const { peers, transport, clock, log } = this.parts;
    try {
      const peer = target.peerId === null ? undefined : peers.get(target.peerId);
      if (!this.#isWorthADial(target, peer)) {
        // A static address is looked at again: it may have a new tenant.
        if (target.staticAddress !== null) this.#soon(target, DIAL_BACKOFF.maxMs);
        return;
      }
      const addresses = target.staticAddress === null ? (peer?.addresses ?? []) : [target.staticAddress];
      const link = await transport.dial(target.peerId, addresses, this.#stop.signal);
      target.found = link.peerId;
      target.problem = null;
      if (target.staticAddress !== null) this.#soon(target, DIAL_BACKOFF.maxMs);
    } catch (error) {
      target.found = null;
      target.problem = errorMessage(error);
      target.notBefore = clock.monotonic() + MIN_DIAL_GAP_MS;
      if (this.#stop.signal.aborted) return;
      const peer = target.peerId === null ? null : shortPeerId(target.peerId);
      log.debug({ peer, code: errorCode(error) }, 'dial failed');
      this.#soon(target, target.backoff.next());
    } finally {
      target.dialling = false;
    }
  }

  #isWorthADial(target: Target, peer: KnownPeer | undefined): boolean {
    if (target.staticAddress !== null)
      return target.found === null || !this.parts.peers.get(target.found)?.linked;
    return peer !== undefined && !peer.linked && peer.addresses.length > 0;
  }
}

const IDLE = {
  timer: null,
  dueAt: 0,
  notBefore: 0,
  dialling: false,
  news: '-',
  found: null,
  problem: null,
} as const;

// The back-off has reached its longest wait by then.
const ATTEMPTS_AFTER_BYE = Math.ceil(Math.log2(DIAL_BACKOFF.maxMs / DIAL_BACKOFF.initialMs));
