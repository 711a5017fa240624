import { type Clock, P2pChatError } from '@p2p-chat/shared';
import { ChatError } from '../errors.js';
import type { PeerAddress } from '../peers/peer.js';
import type { Probe } from '../ports/probe.js';

/** What is known of the way to a peer. Times in milliseconds since 1970. */
export interface KnownWay {
  peerId: string;
  user: string;
  linked: boolean;
  /** Where to dial, best first. */
  addresses: PeerAddress[];
  /** Who says now that it is there, and when it signed what they show. */
  sightings: { source: string; signedAt: number }[];
  /** When it was linked last; null where it never was. */
  lastSeenAt: number | null;
}

/** Whether anybody says where a peer is, who, and how old their word is. */
export class PeerEntryProbe implements Probe {
  readonly hop = 'peer-entry';
  /** What is known; null before run() and where nobody is known by that name. */
  way: KnownWay | null = null;

  constructor(
    readonly subject: string,
    private readonly wayTo: (reference: string) => KnownWay,
    private readonly clock: Clock,
  ) {}

  run(): string {
    this.way = this.#known();
    return this.#described(this.way);
  }

  #known(): KnownWay {
    try {
      return this.wayTo(this.subject);
    } catch (error) {
      if (!(error instanceof ChatError) || error.code !== 'peer-unknown') throw error;
      throw new ChatError(
        'peer-unknown',
        `Nobody lists "${this.subject}", and nobody of that name was ever met.`,
        {
          hint: `Ask them to start p2p-chat, and to run "p2p-chat doctor" there; both need one network or one discovery service. Who is known: p2p-chat peers --all`,
          cause: error,
        },
      );
    }
  }

  #described({ user, linked, sightings, lastSeenAt }: KnownWay): string {
    const sources = sightings.map(({ source, signedAt }) => `${source} (signed ${this.#ago(signedAt)})`);
    if (linked) return ['linked', ...sources].join(', ');
    if (sources.length > 0) return sources.join(', ');
    const last = lastSeenAt === null ? '' : `; the last link was ${this.#ago(lastSeenAt)}`;
    throw new P2pChatError('peer-offline', `Nobody lists ${user} now${last}.`, {
      hint: `Ask ${user} to start p2p-chat, and to run "p2p-chat doctor" there; both need one network or one discovery service.`,
    });
  }

  #ago(at: number): string {
    const seconds = Math.max(0, Math.round((this.clock.now() - at) / 1_000));
    if (seconds < 120) return `${seconds} s ago`;
    const minutes = Math.round(seconds / 60);
    if (minutes < 120) return `${minutes} min ago`;
    const hours = Math.round(minutes / 60);
    return hours < 48 ? `${hours} h ago` : `${Math.round(hours / 24)} days ago`;
  }
}
