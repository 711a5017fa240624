import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

const ID_BYTES = 16;
/** Random bytes that are fetched at once: asking the system for each id takes longer than the rest of it. */
const POOL_BYTES = 256 * ID_BYTES;

const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;

/**
 * A new message id: UUIDv7 (RFC 9562).
 * @param now wall clock in milliseconds since 1970
 */
export function newMessageId(now: number): string {
  return v7({ msecs: Math.max(0, Math.floor(now)), random: randomBytes() });
}

function randomBytes(): Uint8Array {
  if (used === POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  used += ID_BYTES;
  return pool.subarray(used - ID_BYTES, used);
}
