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
import type { PeerAddress } from './peer.js';
import type { KnownPeer, PeerDirectory } from './peer-directory.js';
import type { ChatLog } from './ports/log.js';
import type { LinkPeer, PeerTransport } from './ports/peer-link.js';

/** Patience with a peer that does not answer: a restart is noticed soon, an absence costs little. */
export const DIAL_BACKOFF: BackoffPolicy = { initialMs: 500, maxMs: 60_000, factor: 2, jitter: 0.5 };
/** Dials at the same time: a node that comes up among hundreds does not storm them. */
export const MAX_CONCURRENT_DIALS = 16;
/** From a dial that failed to the next one of the same peer, whatever is told of it: nobody is made to storm an address. */
export const MIN_DIAL_GAP_MS = 500;
/** How long the higher of two peer ids leaves the first dial to the lower one. */
export const DIAL_COURTESY_MS = 400;

interface Target {
  /** null: whoever answers at a static address. */
  peerId: string | null;
  staticAddress: PeerAddress | null;
  backoff: Backoff;
  timer: Timer | null;
  /** Monotonic time at which the timer is due. */
  dueAt: number;
  /** Monotonic time before which it is not dialled. */
  notBefore: number;
  dialling: boolean;
  /** Outcome of the last dial of a static address. */
  found: string | null;
  problem: string | null;
}

/**
 * Keeps links open to those who matter: contacts that are online or were once
 * reached, and static addresses. Contacts of whom only an old address is known
 * are tried at that, so people who have met find each other without any server.
 */
export class Connector {
  readonly #targets = new Map<string, Target>();
  readonly #stop = new AbortController();
  #dialling = 0;
  readonly #waiting: Target[] = [];

  constructor(
    private readonly self: string,
    private readonly transport: PeerTransport,
    private readonly directory: PeerDirectory,
    private readonly clock: Clock,
    private readonly random: () => number,
    private readonly log: ChatLog,
    staticAddresses: readonly PeerAddress[],
  ) {
    for (const address of staticAddresses) {
      this.#targets.set(`static ${address.host} ${address.port}`, this.#target(null, address));
    }
  }

  /** Starts to dial. */
  start(): void {
    for (const target of this.#targets.values()) this.#soon(target, 0);
    for (const peer of this.directory.all()) this.peerChanged(peer.peerId);
  }

  /** Gives up every dial and plans no more. */
  stop(): void {
    this.#stop.abort();
    for (const { timer } of this.#targets.values()) timer?.clear();
  }

  /** Something about the peer has changed: it may have come online, or become a contact. */
  peerChanged(peerId: string): void {
    const peer = this.directory.get(peerId);
    if (this.#stop.signal.aborted || peer === undefined || !peer.contact || peer.linked) return;
    let target = this.#targets.get(peerId);
    if (target === undefined) this.#targets.set(peerId, (target = this.#target(peerId, null)));
    if (!peer.online && target.backoff.attempts > 0) return;
    target.backoff.reset();
    this.#soon(target, peerId < this.self ? DIAL_COURTESY_MS * (1 + this.random()) : 0);
  }

  /** Somebody wants to reach the peer now. */
  reach(peerId: string): void {
    const peer = this.directory.get(peerId);
    if (peer === undefined || peer.linked || this.#stop.signal.aborted) return;
    let target = this.#targets.get(peerId);
    if (target === undefined) this.#targets.set(peerId, (target = this.#target(peerId, null)));
    if (target.backoff.attempts === 0 || peer.online) this.#soon(target, 0);
  }

  linkOpened(peer: LinkPeer): void {
    const target = this.#targets.get(peer.peerId);
    if (target === undefined) return;
    target.timer?.clear();
    target.timer = null;
    target.backoff.reset();
  }

  /** The link is gone: dials again, unless the peer said that it leaves. */
  linkClosed(peer: LinkPeer, reason: string | null): void {
    for (const target of this.#targets.values()) {
      if (target.found !== peer.peerId || this.#stop.signal.aborted) continue;
      target.found = null;
      this.#soon(target, target.backoff.next());
    }
    const known = this.directory.get(peer.peerId);
    const target = this.#targets.get(peer.peerId);
    if (this.#stop.signal.aborted || known === undefined || !known.contact || known.linked) return;
    if (target === undefined) return this.peerChanged(peer.peerId);
    // After a bye only the slow tries of an absence are left.
    if (reason !== null) while (target.backoff.attempts < ATTEMPTS_AFTER_BYE) target.backoff.next();
    this.#soon(target, target.backoff.next());
  }

  /** How the static peers and the last known addresses do. */
  health(): DiscoverySourceView[] {
    const views: DiscoverySourceView[] = [];
    const contacts = this.directory.all().filter(({ contact, addresses }) => contact && addresses.length > 0);
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

  #target(peerId: string | null, staticAddress: PeerAddress | null): Target {
    const backoff = new Backoff(DIAL_BACKOFF, this.random);
    return { peerId, staticAddress, backoff, ...IDLE };
  }

  // A plan is brought forward and never put off: whoever makes a peer come and
  // go all the time does not keep it from being dialled.
  #soon(target: Target, ms: number): void {
    const now = this.clock.monotonic();
    const dueAt = Math.max(now + ms, target.notBefore);
    if (target.timer !== null && target.dueAt <= dueAt) return;
    target.timer?.clear();
    target.dueAt = dueAt;
    target.timer = this.clock.setTimeout(() => {
      target.timer = null;
      if (this.clock.monotonic() < target.notBefore) this.#soon(target, 0);
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
    try {
      const peer = target.peerId === null ? undefined : this.directory.get(target.peerId);
      if (!this.#isWorthADial(target, peer)) {
        // A static address is looked at again: it may have a new tenant.
        if (target.staticAddress !== null) this.#soon(target, DIAL_BACKOFF.maxMs);
        return;
      }
      const addresses = target.staticAddress === null ? (peer?.addresses ?? []) : [target.staticAddress];
      const link = await this.transport.dial(target.peerId, addresses, this.#stop.signal);
      target.found = link.peerId;
      target.problem = null;
      target.backoff.reset();
      if (target.staticAddress !== null) this.#soon(target, DIAL_BACKOFF.maxMs);
    } catch (error) {
      target.found = null;
      target.problem = errorMessage(error);
      target.notBefore = this.clock.monotonic() + MIN_DIAL_GAP_MS;
      if (this.#stop.signal.aborted) return;
      const wait = target.backoff.next();
      this.log.debug(
        { peer: target.peerId === null ? null : shortPeerId(target.peerId), code: errorCode(error) },
        'dial failed',
      );
      this.#soon(target, wait);
    } finally {
      target.dialling = false;
    }
  }

  #isWorthADial(target: Target, peer: KnownPeer | undefined): boolean {
    if (target.staticAddress !== null)
      return target.found === null || !this.directory.get(target.found)?.linked;
    return peer !== undefined && !peer.linked && peer.addresses.length > 0;
  }
}

const IDLE = {
  timer: null,
  dueAt: 0,
  notBefore: 0,
  dialling: false,
  found: null,
  problem: null,
} as const;

// The back-off has reached its longest wait by then.
const ATTEMPTS_AFTER_BYE = Math.ceil(Math.log2(DIAL_BACKOFF.maxMs / DIAL_BACKOFF.initialMs));
