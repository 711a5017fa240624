import { MAX_LINKS } from '@p2p-chat/shared';
import type { PeerAddress } from '../core/peers/peer.js';

/** Where peers were reached last in this run; of more than fit the oldest goes. */
export class LastGoodAddresses {
  readonly #byPeer = new Map<string, PeerAddress>();

  get(peerId: string): PeerAddress | undefined {
    return this.#byPeer.get(peerId);
  }

  set(peerId: string, address: PeerAddress): void {
    this.#byPeer.delete(peerId);
    const [oldest] = this.#byPeer.keys();
    if (oldest !== undefined && this.#byPeer.size >= MAX_LINKS) this.#byPeer.delete(oldest);
    this.#byPeer.set(peerId, address);
  }
}
