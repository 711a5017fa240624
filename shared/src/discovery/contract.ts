/*
 * The HTTP contract of the discovery service.
 *
 *   PUT /               register or renew; answers the list (or 204, with `Prefer: return=minimal`)
 *   GET /               the list, without registering
 *   …/?since=<cursor>   on either: PeerChanges in place of the list
 *   GET /events         changes as Server-Sent Events, see PeerEventType; `Last-Event-ID` resumes
 *   DELETE /peers/{id}  withdraw a signed entry, with a Withdrawal as body
 *   GET /health         HealthView
 *   GET /metrics        Prometheus text
 *   GET /docs           OpenAPI
 *
 * Errors are ProblemDetails. Those that a client acts on:
 *
 *   400 request-invalid, body-malformed   the fields at fault are in `errors`
 *   400 announcement-expired, announcement-too-far-ahead   `now` is the service's clock
 *   403 announcement-key-mismatch, announcement-signature-wrong, signature-required
 *   404 peer-unknown                      there is nothing to withdraw
 *   409 announcement-stale                sign a new announcement above `seq`
 *   413 body-too-large, 415 content-type-unsupported
 *   429 too-many-requests, 503 registry-full, streams-full   come back after `Retry-After`
 */

/** One entry of the list, as it is sent and as it is answered. */
export interface PeerEntry {
  HOST: string;
  PORT: number;
  USER: string;
  /** The fields from here on are there where a chat node announced itself; see announcement.ts. */
  PEER_ID?: string;
  /** Ed25519 SubjectPublicKeyInfo, DER, base64. */
  KEY?: string;
  INSTANCE?: string;
  SEQ?: number;
  /** Milliseconds since 1970. */
  EXPIRES?: number;
  /** Ed25519 over the canonical bytes, base64. */
  SIGNATURE?: string;
  /** Further addresses of the same gateway, best first. */
  ADDRESSES?: string[];
  /** HOST as it was signed, where the service put the caller's address in its place. */
  SIGNED_HOST?: string;
}

/** Body of `DELETE /peers/{peerId}`. */
export interface Withdrawal {
  KEY: string;
  INSTANCE: string;
  SEQ: number;
  SIGNATURE: string;
}

/** Names an entry that left the list: a signed one by PEER_ID, a plain one by HOST and PORT. */
export type DepartedEntry = Pick<PeerEntry, 'HOST' | 'PORT' | 'USER' | 'PEER_ID'>;

/** What became of the list since a cursor; each entry is in one of the three at most. */
export interface PeerChanges {
  /** For the next question. */
  cursor: string;
  /** The cursor is not known any more: `joined` is the whole list, and who is not in it is gone. */
  reset: boolean;
  joined: PeerEntry[];
  changed: PeerEntry[];
  left: DepartedEntry[];
}

/**
 * Events of `GET /events`. Their id is a cursor.
 *
 * - `list`: PeerEntry[], everyone. First, where the client did not resume, and
 *   whenever it missed more than the service remembers.
 * - `join`, `change`: a PeerEntry. An announcement that is only signed anew,
 *   otherwise the same, is no event: the lease says that the peer is there.
 * - `leave`: a DepartedEntry.
 */
export type PeerEventType = 'list' | 'join' | 'change' | 'leave';

/** The place where the service keeps its entries. */
export interface DiscoveryStoreHealth {
  /** `shared`: with other replicas. */
  kind: 'memory' | 'shared';
  /** `away`: it does not answer, and the service goes on with what it knows. */
  state: 'ok' | 'away';
  /** Leases and withdrawals that it does not have yet. */
  unsaved: number;
}

/** Answer of `GET /health`. */
export interface DiscoveryHealth {
  status: 'ok';
  /** Entries with a running lease. */
  peers: number;
  /** The service's clock, milliseconds since 1970. */
  now: number;
  version: string;
  store?: DiscoveryStoreHealth;
}

/** Response header: seconds until the service would like the next renewal, with decimals where it is not whole. */
export const RENEW_AFTER_HEADER = 'x-renew-after';

/** Response header: where the list stands; for `?since=` and `Last-Event-ID`. */
export const CURSOR_HEADER = 'x-list-cursor';

/** Response header: which list it is, so that a service is known again at another address. */
export const REGISTRY_ID_HEADER = 'x-registry-id';
/** Type by which a discovery service is found on the network (RFC 6763); `id` in its TXT record is {@link REGISTRY_ID_HEADER}. */
export const REGISTRY_SERVICE_TYPE = '_p2p-chat-discovery._tcp';
/** Type by which nodes find each other. */
export const NODE_SERVICE_TYPE = '_p2p-chat._tcp';

/** Whether a HOST asks the service to use the address of the request. */
export function isUnspecifiedHost(host: string | undefined | null): boolean {
  return host === undefined || host === null || host === '' || host === '0.0.0.0' || host === '::';
}
