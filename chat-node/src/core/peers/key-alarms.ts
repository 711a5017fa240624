import { looksAlike, MAX_KEY_ALARMS } from '@p2p-chat/shared';
import { NameIndex } from './name-index.js';

/** A peer as the alarms look at it. */
export interface NamedPeer {
  peerId: string;
  /** The name that it shows. */
  user: string;
  /** Whether it is somebody whom the person here knows: accepted, verified or blocked. */
  isKnown: boolean;
  /** The name under which the person here took note of this key; null where they did not. */
  knownAs: string | null;
}

/**
 * Keys that show the name of somebody else whom the person here knows, or one
 * that looks like it. An alarm stands until the person has seen it; it belongs
 * to the new key, the known one keeps all that it has.
 */
export class KeyAlarms {
  readonly #known = new NameIndex();
  /** Whose name each of these keys shows. */
  readonly #raised = new Map<string, string>();

  /** @param raised is told of every new alarm, by the peer id of the key */
  constructor(private readonly raised: (peerId: string) => void) {}

  /**
   * Looks at a peer whose name, or what is known of it, may have changed.
   * @returns whether it is known under another name than before: then those
   *   who look like it are to be looked at too
   */
  look({ peerId, user, isKnown, knownAs }: NamedPeer): boolean {
    const isNew = isKnown && this.#known.set(peerId, user);
    if (!isKnown) this.#known.delete(peerId);
    if (knownAs !== null && looksAlike(knownAs, user)) this.#raised.delete(peerId);
    else this.#raise(peerId, user);
    return isNew;
  }

  /** Peer id of whose name this key shows, while that is an alarm. */
  of(peerId: string): string | null {
    return this.#raised.get(peerId) ?? null;
  }

  /** How many stand. */
  get count(): number {
    return this.#raised.size;
  }

  #raise(peerId: string, user: string): void {
    // Who makes keys without end fills the list once, not the node or the screen.
    if (this.#raised.has(peerId) || this.#raised.size >= MAX_KEY_ALARMS) return;
    const [known] = this.#known.alike(user, peerId);
    if (known === undefined) return;
    this.#raised.set(peerId, known);
    this.raised(peerId);
  }
}
