import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  AnnouncementError,
  claimsSignature,
  CLOCK_TOLERANCE_MS,
  hostKind,
  isLinkLocal,
  MAX_DISCOVERY_ENTRIES,
  type PeerEntry,
  type VerifiedAnnouncement,
  verifyAnnouncement,
} from '@p2p-chat/shared';
import type { Sighting } from '../core/ports/peer-discovery.js';

/** Signatures checked in one go: some milliseconds, so that a long list holds up nothing else. */
const CHECKS_PER_TURN = 64;

/** Faults of an announcement that another time of this machine mends. */
const OF_TIME: ReadonlySet<string> = new Set(['announcement-expired', 'announcement-too-far-ahead']);

/** What is known of the source and of this machine while a list is read. */
export interface ReadContext {
  /** The time that signatures are checked against. */
  now: number;
  /** Whether the source was reached over loopback, so that loopback addresses in it are of this machine. */
  overLoopback: boolean;
  /** This machine's own addresses. */
  localAddresses: readonly string[];
}

/** An announcement and the entry that it was read from, so that the same entry is not checked again. */
interface Checked {
  entry: PeerEntry;
  text: string;
  announcement: VerifiedAnnouncement;
}

/**
 * Reads the list of one source, trusting nothing in it: every signature is
 * checked here again, once for each announcement.
 */
export class SightingReader {
  #verified = new Map<string, Checked>();
  /** Entries whose signature is wrong, whenever they are looked at. */
  readonly #forged = new WeakSet<PeerEntry>();
  readonly #highestSeq = new Map<string, number>();

  constructor(
    private readonly source: string,
    /** The own peer id, which is never a sighting. */
    private readonly self: string,
    /** Told of entries that claim to be the own one. */
    private readonly onOwn: (entry: PeerEntry) => void = () => undefined,
  ) {}

  /** The peers of a list that may be dialled, each once. */
  async read(entries: readonly unknown[], context: ReadContext): Promise<Sighting[]> {
    const announcements = await this.#announcements(entries.slice(0, MAX_DISCOVERY_ENTRIES), context.now);
    const sightings: Sighting[] = [];
    for (const announcement of announcements.values()) {
      const { peerId, user, instance, seq, port } = announcement;
      const hosts = dialable(announcement.hosts, context);
      if (hosts.length === 0) continue;
      const addresses = hosts.map((host) => ({ host, port }));
      sightings.push({ source: this.source, peerId, user, instance, seq, addresses });
    }
    return sightings;
  }

  async #announcements(entries: readonly unknown[], now: number): Promise<Map<string, VerifiedAnnouncement>> {
    const latest = new Map<string, VerifiedAnnouncement>();
    const verified = new Map<string, Checked>();
    let checks = 0;
    for (const entry of entries) {
      if (!isSignedEntry(entry) || this.#forged.has(entry)) continue;
      if (entry.PEER_ID === this.self) {
        this.onOwn(entry);
        continue;
      }
      let known = this.#verified.get(entry.PEER_ID);
      // An entry that was not told anew stands for as long as the service keeps it.
      if (known?.entry !== entry) {
        const text = JSON.stringify(entry);
        if (known?.text !== text || isExpired(known.announcement, now)) {
          if (checks++ % CHECKS_PER_TURN === CHECKS_PER_TURN - 1) await nextTurn();
          const announcement = this.#check(entry, now);
          if (announcement === null) continue;
          known = { entry, text, announcement };
        }
        known.entry = entry;
      }
      const { announcement } = known;
      if (!this.#isNewest(announcement)) continue;
      verified.set(announcement.peerId, known);
      latest.set(announcement.peerId, announcement);
    }
    this.#verified = verified;
    return latest;
  }

  #check(entry: PeerEntry, now: number): VerifiedAnnouncement | null {
    try {
      return verifyAnnouncement(entry, now);
    } catch (error) {
      if (!(error instanceof AnnouncementError)) throw error;
      // Only the time of an entry can become right.
      if (!OF_TIME.has(error.code)) this.#forged.add(entry);
      return null;
    }
  }

  // A lower SEQ than one seen before is a replay. The same one is the same announcement.
  #isNewest({ peerId, seq }: VerifiedAnnouncement): boolean {
    const highest = this.#highestSeq.get(peerId);
    if (highest !== undefined && seq < highest) return false;
    if (seq === highest) return true;
    this.#highestSeq.delete(peerId);
    this.#highestSeq.set(peerId, seq);
    if (this.#highestSeq.size > MAX_DISCOVERY_ENTRIES) {
      const [oldest] = this.#highestSeq.keys();
      if (oldest !== undefined) this.#highestSeq.delete(oldest);
    }
    return true;
  }
}

function isSignedEntry(entry: unknown): entry is PeerEntry & { PEER_ID: string } {
  if (typeof entry !== 'object' || entry === null) return false;
  return claimsSignature(entry as PeerEntry) && typeof (entry as PeerEntry).PEER_ID === 'string';
}

function isExpired({ expires }: VerifiedAnnouncement, now: number): boolean {
  return expires < now - CLOCK_TOLERANCE_MS;
}

// A stranger's word must not make this node dial its own machine, nor what is
// on its cable and not on its network.
function dialable(hosts: readonly string[], { overLoopback, localAddresses }: ReadContext): string[] {
  const networkIsLinkLocal = localAddresses.some(isLinkLocal);
  return hosts.filter((host) => {
    if (isLinkLocal(host)) return hostKind(host) === 'usable' && networkIsLinkLocal;
    const kind = hostKind(host);
    return kind === 'loopback' ? overLoopback : kind !== 'unusable';
  });
}
