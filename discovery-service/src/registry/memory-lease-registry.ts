import {
  type Clock,
  CLOCK_TOLERANCE_MS,
  type DiscoveryStoreHealth,
  MAX_DISCOVERY_ENTRIES,
  type PeerEntry,
  type SignedEntry,
} from '@p2p-chat/shared';
import { type ChangeKind, ChangeLog, type PeerChange } from './change-log.js';
import { type Lease, LeaseQueue } from './lease-queue.js';
import type { LeaseRecord } from './lease-record.js';
import {
  LeaseRegistry,
  type PeerList,
  type Registration,
  type RegistrationOutcome,
  RegistryError,
  type RegistrySize,
} from './lease-registry.js';
import { type LastSequence, SequenceMemory } from './sequence-memory.js';

interface HeldEntry extends Lease {
  /** The peer id of a signed entry, else HOST and PORT; neither can be the other. */
  key: string;
  hostPort: string;
  /** The entry as JSON, so that a change of one does not serialize all. */
  json: string;
  signed: SignedEntry | null;
  request: string | null;
}

export interface MemoryLeaseRegistryOptions {
  leaseMs: number;
  /** Most entries, signed and plain. */
  capacity?: number;
}

/**
 * The registry of one service that stands alone; it starts empty and forgets
 * at its end. The protected methods are for one that shares its entries.
 */
export class MemoryLeaseRegistry extends LeaseRegistry {
  readonly #entries = new Map<string, HeldEntry>();
  readonly #requests = new Map<string, HeldEntry>();
  readonly #gone: SequenceMemory;
  readonly #leases: LeaseQueue<HeldEntry>;
  readonly #capacity: number;
  readonly #leaseMs: number;
  /** Signed entries by HOST:PORT, where plain ones stand aside. */
  readonly #signedAt = new Map<string, number>();
  /** What is listed, by key. */
  readonly #listed = new Map<string, HeldEntry>();
  readonly #changes = new ChangeLog();
  #signed = 0;
  #list: PeerList | undefined;

  constructor(
    private readonly clock: Clock,
    options: MemoryLeaseRegistryOptions,
  ) {
    super();
    this.#gone = new SequenceMemory(clock);
    this.#leaseMs = options.leaseMs;
    this.#capacity = options.capacity ?? MAX_DISCOVERY_ENTRIES;
    this.#leases = new LeaseQueue(
      clock,
      options.leaseMs,
      (held) => this.#onLeaseEnd(held),
      () => this.mayEnd(),
    );
  }

  renew(request: string): boolean {
    const held = this.#requests.get(request);
    if (held === undefined) return false;
    if (held.signed !== null && held.signed.EXPIRES < this.clock.now() - CLOCK_TOLERANCE_MS) return false;
    this.#leases.renew(held);
    this.leased(held.key, false);
    return true;
  }

  register(registration: Registration): RegistrationOutcome {
    const { entry, signed, request } = registration;
    const hostPort = hostPortOf(entry);
    const key = signed?.PEER_ID ?? hostPort;
    const held = this.#entries.get(key);
    if (signed !== null) checkSequence(signed, held?.signed ? lastOf(held.signed) : this.#gone.recall(key));
    if (held === undefined && this.#entries.size >= this.#capacity) {
      throw new RegistryError('registry-full', 'No more entries fit in the list.', {
        hint: 'Come back when the leases of others have run out.',
      });
    }
    const json = JSON.stringify(entry);
    if (held?.json === json) {
      this.#recognise(held, request);
      this.#leases.renew(held);
      this.leased(key, false);
      return 'renewed';
    }
    const next: HeldEntry = { key, hostPort, json, signed, request: null, endsAt: 0 };
    this.#replace(held, next);
    this.#recognise(next, request);
    this.leased(key, true);
    return held === undefined ? 'joined' : 'changed';
  }

  holds(entry: PeerEntry): boolean {
    return this.#entries.get(entry.PEER_ID ?? '')?.json === JSON.stringify(entry);
  }

  isListed(peerId: string): boolean {
    // The key of a plain entry is no peer id, so what is found is signed.
    return this.#entries.has(peerId);
  }

  withdraw(peerId: string, seq: number): void {
    const held = this.#entries.get(peerId);
    if (held === undefined || held.signed === null) {
      throw new RegistryError('peer-unknown', 'No peer with this id is registered.');
    }
    if (held.signed.SEQ > seq) throw stale(held.signed.SEQ);
    this.#end(held, { seq, announcement: null });
    this.leased(peerId, true);
  }

  list(): PeerList {
    this.#list ??= this.#serialize();
    return this.#list;
  }

  size(): RegistrySize {
    return { signed: this.#signed, plain: this.#entries.size - this.#signed };
  }

  get id(): string {
    return this.#changes.run;
  }

  get cursor(): string {
    return this.#changes.cursor;
  }

  changesSince(cursor: string): PeerChange[] | null {
    return this.#changes.since(cursor);
  }

  onChange(listener: () => void): () => void {
    return this.#changes.subscribe(listener);
  }

  storeHealth(): DiscoveryStoreHealth {
    return { kind: 'memory', state: 'ok', unsaved: 0 };
  }

  close(): void | Promise<void> {
    this.#leases.close();
  }

  /** Called after each lease and withdrawal; `changed` where it is more than another lease of the same entry. */
  protected leased(_key: string, _changed: boolean): void {
    // Who stands alone tells nobody.
  }

  /** Whether leases that are over may end now. */
  protected mayEnd(): boolean {
    return true;
  }

  /** What is known of a key; undefined where nothing is that others should know. */
  protected recordOf(key: string): LeaseRecord | undefined {
    const held = this.#entries.get(key);
    if (held !== undefined) {
      const { json, signed } = held;
      if (signed === null) return { kind: 'plain', key, json };
      return { kind: 'signed', key, seq: signed.SEQ, announcement: announcementOf(signed), json };
    }
    const last = this.#gone.recall(key);
    return last?.announcement === null ? { kind: 'withdrawn', key, seq: last.seq } : undefined;
  }

  /**
   * Takes over what another registry has of a key, as newer than what is known
   * under the same SEQ, unless that was withdrawn.
   * @param ageMs how much of its lease is over
   * @returns whether it was taken; if not, what is known here is newer
   */
  protected adopt(record: LeaseRecord, ageMs: number): boolean {
    const { key } = record;
    const held = this.#entries.get(key);
    if (record.kind !== 'plain') {
      const last = held?.signed ? lastOf(held.signed) : this.#gone.recall(key);
      if (last !== undefined && last.seq > record.seq) return false;
      const withdrawn = last !== undefined && last.announcement === null && last.seq === record.seq;
      if (withdrawn) return record.kind === 'withdrawn';
    }
    if (record.kind === 'withdrawn') this.#end(held ?? key, { seq: record.seq, announcement: null });
    else if (ageMs < this.#leaseMs) this.#adoptLease(record, held, ageMs);
    else if (held?.json === record.json) return false;
    else if (record.kind === 'signed') this.#end(held ?? key, lastOf(JSON.parse(record.json) as SignedEntry));
    return true;
  }

  /** Starts every lease anew. */
  protected renewAll(): void {
    this.#leases.renewAll();
  }

  #adoptLease(
    { kind, key, json }: Exclude<LeaseRecord, { kind: 'withdrawn' }>,
    held: HeldEntry | undefined,
    ageMs: number,
  ): void {
    if (held?.json === json) return this.#leases.renew(held, ageMs);
    // Others have their own bound; past ours the entry is left to them.
    if (held === undefined && this.#entries.size >= this.#capacity) return;
    const entry = JSON.parse(json) as PeerEntry;
    const signed = kind === 'signed' ? (entry as SignedEntry) : null;
    this.#replace(held, { key, hostPort: hostPortOf(entry), json, signed, request: null, endsAt: 0 }, ageMs);
  }

  #onLeaseEnd(held: HeldEntry): void {
    this.#end(held, held.signed === null ? null : lastOf(held.signed));
  }

  // An entry, or what is known of a peer without one, leaves nothing but its last SEQ.
  #end(held: HeldEntry | string, last: LastSequence | null): void {
    const key = typeof held === 'string' ? held : held.key;
    if (typeof held !== 'string') this.#drop(held);
    if (last !== null) this.#gone.remember(key, last);
    if (typeof held !== 'string') this.#relist(held);
  }

  #replace(held: HeldEntry | undefined, next: HeldEntry, ageMs = 0): void {
    if (held !== undefined) this.#drop(held);
    this.#add(next);
    this.#leases.renew(next, ageMs);
    this.#relist(held, next);
  }

  #add(held: HeldEntry): void {
    this.#entries.set(held.key, held);
    if (held.signed !== null) {
      this.#signed += 1;
      this.#signedAt.set(held.hostPort, (this.#signedAt.get(held.hostPort) ?? 0) + 1);
      this.#gone.forget(held.key);
    }
  }

  #drop(held: HeldEntry): void {
    this.#leases.cancel(held);
    this.#recognise(held, null);
    this.#entries.delete(held.key);
    if (held.signed === null) return;
    this.#signed -= 1;
    const others = (this.#signedAt.get(held.hostPort) ?? 1) - 1;
    if (others > 0) this.#signedAt.set(held.hostPort, others);
    else this.#signedAt.delete(held.hostPort);
  }

  // The key of a plain entry is its HOST:PORT, so these are all the entries
  // that the change of one can list, change or unlist.
  #relist(...touched: (HeldEntry | undefined)[]): void {
    const keys = new Set(touched.flatMap((held) => (held === undefined ? [] : [held.key, held.hostPort])));
    for (const key of keys) {
      const before = this.#listed.get(key);
      const held = this.#entries.get(key);
      const after = held !== undefined && this.#isListed(held) ? held : undefined;
      if (before === after) continue;
      this.#list = undefined;
      if (after === undefined) this.#listed.delete(key);
      else this.#listed.set(key, after);
      this.#changes.add(changeOf(before, after), key, (after ?? before)!.json);
    }
  }

  #isListed({ signed, hostPort }: HeldEntry): boolean {
    return signed !== null || !this.#signedAt.has(hostPort);
  }

  #recognise(held: HeldEntry, request: string | null): void {
    if (held.request === request) return;
    if (held.request !== null) this.#requests.delete(held.request);
    held.request = request;
    if (request !== null) this.#requests.set(request, held);
  }

  #serialize(): PeerList {
    const listed = [...this.#listed.values()].map(({ json }) => json);
    const { cursor } = this;
    return { body: Buffer.from(`[${listed.join(',')}]`), etag: `"${cursor}"`, cursor };
  }
}

function changeOf(before: HeldEntry | undefined, after: HeldEntry | undefined): ChangeKind {
  if (before === undefined) return 'join';
  if (after === undefined) return 'leave';
  return contentOf(before) === contentOf(after) ? 'refresh' : 'change';
}

// The entry without what signing it anew changes.
function contentOf({ json }: HeldEntry): string {
  return JSON.stringify({ ...(JSON.parse(json) as PeerEntry), SEQ: 0, EXPIRES: 0, SIGNATURE: '' });
}

function hostPortOf({ HOST, PORT }: PeerEntry): string {
  return `${HOST.toLowerCase()} ${PORT}`;
}

// The host belongs to it: where it was left open, the address of a later sender
// must not take the place of the first one under the same signature.
function announcementOf({ SIGNATURE, HOST }: SignedEntry): string {
  return `${SIGNATURE} ${HOST}`;
}

function lastOf(entry: SignedEntry): LastSequence {
  return { seq: entry.SEQ, announcement: announcementOf(entry) };
}

function checkSequence(entry: SignedEntry, last: LastSequence | undefined): void {
  if (last === undefined || entry.SEQ > last.seq) return;
  if (entry.SEQ < last.seq || announcementOf(entry) !== last.announcement) throw stale(last.seq);
}

function stale(seq: number): RegistryError {
  return new RegistryError(
    'announcement-stale',
    `The peer announced itself with SEQ ${seq} or withdrew it.`,
    {
      hint: 'Sign a new announcement with a higher SEQ.',
      seq,
    },
  );
}
