import {
  AnnouncementError,
  type Clock,
  type DiscoverySourceView,
  type PeerEntry,
  safeLine,
  verifyAnnouncement,
} from '@p2p-chat/shared';
import { PeerDiscovery, type SelfAnnouncement } from '../core/ports/peer-discovery.js';
import type { Logger } from '../runtime/logger.js';

/** How long another use of the key is shown after it was heard of last: a lease and a half. */
const CONFLICT_MS = 45_000;
/** Other uses that are kept. */
const MAX_CONFLICTS = 8;

interface OtherUse {
  host: string;
  signature: string;
  endsAt: number;
}

/**
 * Notices where somebody else announces himself with this node's own key: a
 * profile that was copied. It is no source of peers; its health says what is
 * wrong.
 */
export class KeyWatch extends PeerDiscovery {
  readonly #others = new Map<string, OtherUse>();
  // Announcements of earlier starts of this node have lower numbers.
  readonly #since: number;
  #instance = '';

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    super();
    this.#since = Math.floor(clock.now());
  }

  start({ instance }: SelfAnnouncement): void {
    this.#instance = instance;
  }

  stop(): Promise<void> {
    this.#others.clear();
    return Promise.resolve();
  }

  refresh(): void {
    // There is nobody to ask.
  }

  /** Hosts at which others use the key. */
  get others(): string[] {
    const now = this.clock.monotonic();
    return [...this.#others.values()].filter(({ endsAt }) => endsAt > now).map(({ host }) => host);
  }

  health(): DiscoverySourceView[] {
    const hosts = this.others;
    if (hosts.length === 0) return [];
    const detail =
      `this profile is also used at ${hosts.join(', ')}: it was copied, and messages reach only one of the two; ` +
      'stop one of them, and start it with an empty P2P_CHAT_HOME';
    return [{ source: 'conflict', state: 'failing', detail }];
  }

  /**
   * An announcement with the own peer id was heard.
   * @param now the time that signatures are checked against
   * @returns whether it is new that somebody else uses the key, so that he should hear of this node as well
   */
  heard(entry: PeerEntry, now: number): boolean {
    const { INSTANCE: instance = '', SEQ: seq = 0, SIGNATURE: signature = '' } = entry;
    if (instance === this.#instance) return false;
    // One that started before is a conflict only once it announces itself after this start.
    if (seq < this.#since) return false;
    const known = this.#others.get(instance);
    if (known?.signature !== signature && !isGenuine(entry, now)) return false;
    const endsAt = this.clock.monotonic() + CONFLICT_MS;
    if (known !== undefined) {
      Object.assign(known, { signature, endsAt });
      return false;
    }
    for (const [oldest] of this.#others) {
      if (this.#others.size < MAX_CONFLICTS) break;
      this.#others.delete(oldest);
    }
    const host = safeLine(entry.HOST);
    this.#others.set(instance, { host, signature, endsAt });
    this.logger.warn({ host }, 'another node uses the key of this profile');
    return true;
  }
}

function isGenuine(entry: PeerEntry, now: number): boolean {
  try {
    verifyAnnouncement(entry, now);
    return true;
  } catch (error) {
    if (error instanceof AnnouncementError) return false;
    throw error;
  }
}
