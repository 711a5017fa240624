import { randomBytes } from 'node:crypto';
import {
  type Clock,
  CLOCK_TOLERANCE_MS,
  MAX_DISCOVERY_ENTRIES,
  type PeerEntry,
  type SignedEntry,
} from '@p2p-chat/shared';
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
  #signed = 0;
  // Tags of one run never equal those of another.
  readonly #run = randomBytes(6).toString('base64url');
  #revision = 0;
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
    this.#leases.cancel(held);
    this.#drop(held);
    this.#gone.remember(peerId, { seq, announcement: null });
  }

  list(): PeerList {
    this.#list ??= this.#serialize();
    return this.#list;
  }

  size(): RegistrySize {
    return { signed: this.#signed, plain: this.#entries.size - this.#signed };
  }

  close(): void {
    this.#leases.close();
  }

  #onLeaseEnd(held: HeldEntry): void {
    this.#drop(held);
    if (held.signed !== null) this.#gone.remember(held.key, lastOf(held.signed));
  }

  #add(held: HeldEntry): void {
    this.#entries.set(held.key, held);
    if (held.signed !== null) {
      this.#signed += 1;
      this.#gone.forget(held.key);
    }
    this.#list = undefined;
  }

  #drop(held: HeldEntry): void {
    this.#leases.cancel(held);
    this.#recognise(held, null);
    this.#entries.delete(held.key);
    if (held.signed !== null) this.#signed -= 1;
    this.#list = undefined;
  }

  #recognise(held: HeldEntry, request: string | null): void {
    if (held.request === request) return;
    if (held.request !== null) this.#requests.delete(held.request);
    held.request = request;
    if (request !== null) this.#requests.set(request, held);
  }

  #serialize(): PeerList {
    const listed: string[] = [];
    const signedAt = new Set<string>();
    for (const { signed, hostPort, json } of this.#entries.values()) {
      if (signed === null) continue;
      signedAt.add(hostPort);
      listed.push(json);
    }
    for (const { signed, hostPort, json } of this.#entries.values()) {
      if (signed === null && !signedAt.has(hostPort)) listed.push(json);
    }
    this.#revision += 1;
    return { body: Buffer.from(`[${listed.join(',')}]`), etag: `"${this.#run}-${this.#revision}"` };
  }
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
