import { type DiscoveryStoreHealth, P2pChatError, type PeerEntry, type SignedEntry } from '@p2p-chat/shared';
import type { PeerChange } from './change-log.js';

/** What a checked request asks to be listed. */
export interface Registration {
  /** As it will be listed. */
  entry: PeerEntry;
  /** The same where the entry is signed and its signature was checked, else null. */
  signed: SignedEntry | null;
  /**
   * The request itself, so that the same one is recognised by
   * {@link LeaseRegistry.renew}: its bytes and who sent it. Null where it is
   * not to be recognised.
   */
  request: string | null;
}

/** `joined`: a new entry. `changed`: another content. `renewed`: the same, for another lease. */
export type RegistrationOutcome = 'joined' | 'changed' | 'renewed';

/** The list as it goes to clients. It is made once per change. */
export interface PeerList {
  /** JSON array. */
  readonly body: Buffer;
  /** Entity tag (RFC 9110), with its quotes; another one for another list. */
  readonly etag: string;
  /** Where the list stands, for {@link LeaseRegistry.changesSince}. */
  readonly cursor: string;
}

/** How many entries hold a lease. */
export interface RegistrySize {
  signed: number;
  plain: number;
}

export type RegistryErrorCode = 'announcement-stale' | 'registry-full' | 'peer-unknown';

/** What the registry refuses; it is as it was before. */
export class RegistryError extends P2pChatError {
  declare readonly code: RegistryErrorCode;
  constructor(code: RegistryErrorCode, message: string, options: { hint?: string; seq?: number } = {}) {
    super(code, message, options);
    this.seq = options.seq;
  }
  /** Of `announcement-stale`: the highest SEQ of the peer. */
  readonly seq: number | undefined;
}

/**
 * Who is online: entries that hold a lease. Every method answers at once from
 * memory; a registry that shares its entries with others does so behind it.
 *
 * A signed entry is keyed by its peer id, a plain one by HOST:PORT. A plain
 * entry is not listed while a signed one has the same HOST:PORT.
 */
export abstract class LeaseRegistry {
  /**
   * Renews the lease of a request that was registered before, without another
   * look at it. This is what nearly every request is.
   * @returns whether it was recognised, and its signature still counts
   */
  abstract renew(request: string): boolean;

  /**
   * Gives or renews a lease.
   * @throws {RegistryError} `announcement-stale` where the peer announced itself with a higher SEQ,
   *   or otherwise under the same one, or withdrew; `registry-full`
   */
  abstract register(registration: Registration): RegistrationOutcome;

  /** Whether exactly this signed entry holds a lease, so that its signature was checked. */
  abstract holds(entry: PeerEntry): boolean;

  /** Whether a signed entry of this peer holds a lease. */
  abstract isListed(peerId: string): boolean;

  /**
   * Ends a peer's lease. What it announced up to this SEQ cannot be registered again.
   * @throws {RegistryError} `peer-unknown`; `announcement-stale` where it was announced with a higher SEQ since
   */
  abstract withdraw(peerId: string, seq: number): void;

  /** Everyone who holds a lease. */
  abstract list(): PeerList;

  abstract size(): RegistrySize;

  /** Tells one list from another, whichever address leads to it. */
  abstract get id(): string;

  /** Where the list stands now. */
  abstract get cursor(): string;

  /**
   * What was listed, changed and unlisted since a cursor, oldest first.
   * @returns null where the cursor is of another run or too old
   */
  abstract changesSince(cursor: string): PeerChange[] | null;

  /** Calls the listener after each change. @returns a function that ends this */
  abstract onChange(listener: () => void): () => void;

  /** How the place is where the entries are kept. */
  abstract storeHealth(): DiscoveryStoreHealth;

  /** Stops the timers at once; resolves when what was not saved is, or cannot be. */
  abstract close(): void | Promise<void>;
}
