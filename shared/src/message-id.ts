import { v7 } from 'uuid';

/**
 * A new message id: UUIDv7 (RFC 9562).
 * @param now wall clock in milliseconds since 1970
 */
export function newMessageId(now: number): string {
  return v7({ msecs: Math.max(0, Math.floor(now)) });
}
