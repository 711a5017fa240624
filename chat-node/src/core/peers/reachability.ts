import type { PresenceState } from '@p2p-chat/shared';
import type { Sighting } from '../ports/peer-discovery.js';
import type { LinkPeer } from '../ports/peer-link.js';
import { MAX_DIALLED_ADDRESSES, type PeerAddress } from './peer.js';

/** How a peer's person is, as it says. */
export interface PeerPresence {
  state: PresenceState;
  status: string;
  /** Only where they let nobody know what they read. */
  receipts?: false;
}

interface Reach {
  sightings: Map<string, Sighting>;
  link: LinkPeer | null;
  /** What it said over its link. */
  presence: PeerPresence | null;
  /** The start of the peer that last proved itself by a link, in this run. */
  instance: string | null;
  /** The start of the peer that said bye or broke off: its sightings count again when they are newer. */
  gone: { instance: string; seq: number } | null;
}

/** How peers can be reached now: by their links, and by what the sources of discovery say. Nothing of it is stored. */
export class Reachability {
  readonly #peers = new Map<string, Reach>();

  /** Everyone who is seen or linked, or was in this run. */
  known(): string[] {
    return [...this.#peers.keys()];
  }

  /** Open links. */
  get links(): number {
    let count = 0;
    for (const { link } of this.#peers.values()) if (link !== null) count += 1;
    return count;
  }

  isOnline(peerId: string): boolean {
    return this.isLinked(peerId) || this.sightings(peerId).length > 0;
  }

  isLinked(peerId: string): boolean {
    return this.link(peerId) !== null;
  }

  link(peerId: string): LinkPeer | null {
    return this.#peers.get(peerId)?.link ?? null;
  }

  presence(peerId: string): PeerPresence | null {
    return this.#peers.get(peerId)?.presence ?? null;
  }

  /** Who says now that the peer is there. */
  sightings(peerId: string): Sighting[] {
    const reach = this.#peers.get(peerId);
    if (reach === undefined) return [];
    const { gone } = reach;
    const all = [...reach.sightings.values()];
    return gone === null ? all : all.filter((one) => one.instance !== gone.instance || one.seq > gone.seq);
  }

  /** Who says that it is online. */
  sources(peerId: string): string[] {
    const linked = this.isLinked(peerId) ? ['link'] : [];
    return [...linked, ...this.sightings(peerId).map(({ source }) => source)];
  }

  /** What changes with each new word of discovery about the peer; '' while there is none. */
  news(peerId: string): string {
    const all = this.sightings(peerId).map(
      ({ instance, seq }) => `${String(seq).padStart(16, '0')} ${instance}`,
    );
    return all.sort().at(-1) ?? '';
  }

  /**
   * Where to dial, best first. What was announced stays good after a link has
   * ended, until something else is announced.
   * @param remembered what is stored of it
   */
  addresses(peerId: string, remembered: readonly PeerAddress[]): PeerAddress[] {
    const link = this.link(peerId)?.address ?? null;
    const announced = [...(this.#peers.get(peerId)?.sightings.values() ?? [])];
    const all = [
      ...(link === null ? [] : [link]),
      ...announced.flatMap(({ addresses }) => addresses),
      ...remembered,
    ];
    return uniqueAddresses(all).slice(0, MAX_DIALLED_ADDRESSES);
  }

  /** Takes what a source sees now. @returns who has left it */
  replace(source: string, seen: readonly Sighting[]): string[] {
    const present = new Set(seen.map(({ peerId }) => peerId));
    for (const sighting of seen) {
      const reach = this.#reach(sighting.peerId);
      reach.sightings.set(source, sighting);
      const { gone } = reach;
      if (gone !== null && (sighting.instance !== gone.instance || sighting.seq > gone.seq)) {
        isBack(reach, sighting.instance);
      }
    }
    const left: string[] = [];
    for (const [peerId, reach] of this.#peers) {
      if (!present.has(peerId) && reach.sightings.delete(source)) left.push(peerId);
    }
    return left;
  }

  /** The instance that last proved itself by a link, in this run. */
  provedInstance(peerId: string): string | null {
    return this.#peers.get(peerId)?.instance ?? null;
  }

  linkOpened(peer: LinkPeer): void {
    const reach = this.#reach(peer.peerId);
    reach.link = peer;
    reach.presence = null;
    reach.instance = peer.instance;
    isBack(reach, peer.instance);
  }

  /** The link is gone; until it is seen anew, the peer counts as offline. @returns whether it was the link that counts */
  linkClosed(peer: LinkPeer): boolean {
    const reach = this.#reach(peer.peerId);
    if (reach.link !== peer) return false;
    reach.link = null;
    reach.presence = null;
    const seqs = [...reach.sightings.values()]
      .filter((one) => one.instance === peer.instance)
      .map(({ seq }) => seq);
    reach.gone = { instance: peer.instance, seq: Math.max(-1, ...seqs) };
    return true;
  }

  /** The link led nowhere any more, and this start of the peer announces itself from elsewhere: it is there. */
  isElsewhere(peerId: string, instance: string): void {
    const reach = this.#peers.get(peerId);
    if (reach !== undefined && reach.link === null && reach.gone?.instance === instance) reach.gone = null;
  }

  /** The peer says over its link how its person is. @returns whether the link counts */
  showed(peer: LinkPeer, presence: PeerPresence): boolean {
    const reach = this.#reach(peer.peerId);
    if (reach.link !== peer) return false;
    reach.presence = presence;
    return true;
  }

  /** Forgets a peer of whom nothing is left. @returns whether that is so */
  forgetIfGone(peerId: string): boolean {
    const reach = this.#peers.get(peerId);
    if (reach === undefined) return true;
    if (reach.link !== null || reach.sightings.size > 0) return false;
    this.#peers.delete(peerId);
    return true;
  }

  #reach(peerId: string): Reach {
    let reach = this.#peers.get(peerId);
    if (reach === undefined) {
      reach = { sightings: new Map(), link: null, presence: null, instance: null, gone: null };
      this.#peers.set(peerId, reach);
    }
    return reach;
  }
}

/** The peer is there again; what is left of a start that has ended counts no more. */
function isBack(reach: Reach, instance: string): void {
  const { gone, sightings } = reach;
  reach.gone = null;
  if (gone === null || gone.instance === instance) return;
  for (const [source, sighting] of sightings)
    if (sighting.instance === gone.instance) sightings.delete(source);
}

/** The addresses, each once. */
export function uniqueAddresses(addresses: readonly PeerAddress[]): PeerAddress[] {
  return addresses.filter(
    (one, index) => addresses.findIndex((other) => isSameAddress(one, other)) === index,
  );
}

export function isSameAddress(a: PeerAddress, b: PeerAddress | undefined): boolean {
  return a.host === b?.host && a.port === b.port;
}
