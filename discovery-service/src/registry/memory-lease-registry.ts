import {
  type Clock,
  CLOCK_TOLERANCE_MS,
  MAX_DISCOVERY_ENTRIES,
  type PeerEntry,
  type SignedEntry,
} from '@p2p-chat/shared';
import { type ChangeKind, ChangeLog, type PeerChange } from './change-log.js';
import { type Lease, LeaseQueue } from './lease-queue.js';
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

/** The registry of one service that stands alone; it starts empty and forgets at its end. */
export class MemoryLeaseRegistry extends LeaseRegistry {
  readonly #entries = new Map<string, HeldEntry>();
  readonly #requests = new Map<string, HeldEntry>();
  readonly #gone: SequenceMemory;
  readonly #leases: LeaseQueue<HeldEntry>;
  readonly #capacity: number;
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
    this.#capacity = options.capacity ?? MAX_DISCOVERY_ENTRIES;
    this.#leases = new LeaseQueue(clock, options.leaseMs, (held) => this.#onLeaseEnd(held));
  }

  renew(request: string): boolean {
    const held = this.#requests.get(request);
    if (held === undefined) return false;
    if (held.signed !== null && held.signed.EXPIRES < this.clock.now() - CLOCK_TOLERANCE_MS) return false;
    this.#leases.renew(held);
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
      return 'renewed';
    }
    const next: HeldEntry = { key, hostPort, json, signed, request: null, endsAt: 0 };
    if (held !== undefined) this.#drop(held);
    this.#add(next);
    this.#recognise(next, request);
    this.#leases.renew(next);
    this.#relist(held, next);
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
    this.#drop(held);
    this.#gone.remember(peerId, { seq, announcement: null });
    this.#relist(held);
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

  close(): void {
    this.#leases.close();
  }

  #onLeaseEnd(held: HeldEntry): void {
    this.#drop(held);
    if (held.signed !== null) this.#gone.remember(held.key, lastOf(held.signed));
    this.#relist(held);
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
function lastOf({ SEQ, SIGNATURE, HOST }: SignedEntry): LastSequence {
  return { seq: SEQ, announcement: `${SIGNATURE} ${HOST}` };
}

function checkSequence(entry: SignedEntry, last: LastSequence | undefined): void {
  if (last === undefined || entry.SEQ > last.seq) return;
  if (entry.SEQ < last.seq || lastOf(entry).announcement !== last.announcement) throw stale(last.seq);
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
