/*
 * The HTTP contract of the discovery service.
 *
 *   PUT /               register or renew; answers the list (or 204, with `Prefer: return=minimal`)
 *   GET /               the list, without registering
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
 *   429 too-many-requests, 503 registry-full   come back after `Retry-After`
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

/** Answer of `GET /health`. */
export interface DiscoveryHealth {
  status: 'ok';
  /** Entries with a running lease. */
  peers: number;
  /** The service's clock, milliseconds since 1970. */
  now: number;
  version: string;
}

/** Response header: seconds until the service would like the next renewal, with decimals where it is not whole. */
export const RENEW_AFTER_HEADER = 'x-renew-after';

/** Whether a HOST asks the service to use the address of the request. */
export function isUnspecifiedHost(host: string | undefined | null): boolean {
  return host === undefined || host === null || host === '' || host === '0.0.0.0' || host === '::';
}
