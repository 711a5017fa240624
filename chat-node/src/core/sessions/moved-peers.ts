import type { Peers } from '../peers/peers.js';
import type { DiscoverySink, Sighting } from '../ports/peer-discovery.js';
import type { PeerLink } from '../ports/peer-link.js';

/**
 * Notices that a linked peer announces itself from elsewhere than its link
 * leads to. It may have lost its address without a word, so the link is asked
 * for a sign of life; where none comes, the peer counts as there, at its new
 * addresses, and does not have to be waited for until the link is dead.
 */
export class MovedPeers implements DiscoverySink {
  /** The open links, each with the number of the last announcement that was looked at. */
  readonly #links = new Map<string, { link: PeerLink; seq: number }>();

  constructor(private readonly peers: Pick<Peers, 'replace' | 'isElsewhere'>) {}

  opened(link: PeerLink): void {
    this.#links.set(link.peer.peerId, { link, seq: -1 });
  }

  closed(link: PeerLink): void {
    const { peerId } = link.peer;
    if (this.#links.get(peerId)?.link === link) this.#links.delete(peerId);
  }

  replace(source: string, sightings: readonly Sighting[]): void {
    this.peers.replace(source, sightings);
    for (const sighting of sightings) void this.#look(sighting);
  }

  // Each announcement once: it is told again and again.
  async #look(sighting: Sighting): Promise<void> {
    const { peerId, instance, seq, addresses } = sighting;
    const open = this.#links.get(peerId);
    if (open === undefined || seq <= open.seq) return;
    open.seq = seq;
    const { address, instance: linked } = open.link.peer;
    if (address === null || instance !== linked) return;
    if (addresses.some(({ host }) => host === address.host)) return;
    if (!(await open.link.isAlive())) this.peers.isElsewhere(peerId, instance);
  }
}
