import type { KeyObject } from 'node:crypto';
import {
  ANNOUNCEMENT_VALIDITY_MS,
  type Clock,
  type SignedEntry,
  signAnnouncement,
  signWithdrawal,
  type Withdrawal,
} from '@p2p-chat/shared';
import type { SelfAnnouncement } from '../core/ports/peer-discovery.js';
import type { AnnouncementSequence } from './announcement-sequence.js';

/** The key pair of the node, Ed25519. */
export interface SigningKeys {
  privateKey: KeyObject;
  publicKey: KeyObject;
}

/** Where the peer gateway can be reached. */
export interface AnnouncedHosts {
  host: string;
  /** Further ones, best first. */
  addresses: string[];
}

/**
 * Signs what the node says of itself. The same announcement is used until
 * something changes or half of its validity is over, so that a renewal is the
 * same bytes and costs nobody a signature.
 */
export class SelfAnnouncer {
  #current: SignedEntry | null = null;
  /** What the current one says; null where another source said it, whatever it is. */
  #content: string | null = '';
  /** Those below are known to be superseded. */
  #least = 0;
  #clockOffsetMs = 0;

  constructor(
    private readonly self: SelfAnnouncement,
    private readonly keys: SigningKeys,
    private readonly clock: Clock,
    private readonly sequence: AnnouncementSequence,
  ) {}

  /** The time that others go by: the wall clock, corrected by {@link correctClock}. */
  now(): number {
    return this.clock.now() + this.#clockOffsetMs;
  }

  /** How far the wall clock is behind others' (negative: ahead). */
  get clockOffsetMs(): number {
    return this.#clockOffsetMs;
  }

  /** The announcement to send now. */
  announce(hosts: AnnouncedHosts): SignedEntry {
    const { user, port, instance } = this.self;
    const content = JSON.stringify([user, port, instance, hosts.host, ...hosts.addresses]);
    this.#content ??= content;
    const current = content === this.#content ? this.#current : null;
    this.#current = [current, this.sequence.latest(content)].find((one) => this.#isUsable(one)) ?? null;
    this.#current ??= this.#sign(hosts, content);
    this.#content = content;
    return this.#current;
  }

  /**
   * Someone knows an announcement of ours with this SEQ: the next one is that,
   * where another source of this node sent it, or else a new one above it.
   */
  supersede(seq: number): void {
    this.sequence.jumpAbove(seq);
    const refused = this.#current;
    const known = this.sequence.find(seq);
    this.#least = refused?.SEQ === seq ? seq + 1 : seq;
    this.#current = known !== refused ? (known ?? null) : null;
    if (this.#current !== null) this.#content = null;
  }

  /** Someone's clock shows this time: the next announcement is a new one that goes by it. */
  correctClock(now: number): void {
    this.#clockOffsetMs = now - this.clock.now();
    this.#current = null;
  }

  /** Takes back everything that was announced so far. */
  withdraw(): Withdrawal {
    this.sequence.forget();
    return signWithdrawal({ instance: this.self.instance, seq: this.sequence.next() }, this.keys);
  }

  #sign(hosts: AnnouncedHosts, content: string): SignedEntry {
    const { user, port, instance } = this.self;
    const expires = this.now() + ANNOUNCEMENT_VALIDITY_MS;
    const seq = this.sequence.next();
    const entry = signAnnouncement({ ...hosts, user, port, instance, seq, expires }, this.keys);
    this.sequence.keep(content, entry);
    return entry;
  }

  #isUsable(entry: SignedEntry | null | undefined): boolean {
    return entry !== null && entry !== undefined && entry.SEQ >= this.#least && this.#isFresh(entry);
  }

  // More than the whole validity is left where the clock went back.
  #isFresh({ EXPIRES }: SignedEntry): boolean {
    const left = EXPIRES - this.now();
    return left > ANNOUNCEMENT_VALIDITY_MS / 2 && left <= ANNOUNCEMENT_VALIDITY_MS;
  }
}
