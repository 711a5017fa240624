import { randomBytes } from 'node:crypto';

/** Characters of a message id: a UUID (RFC 9562, 4). */
export const MESSAGE_ID_LENGTH = 36;
/** Characters of a hybrid logical clock. */
export const MESSAGE_CLOCK_LENGTH = 16;

/** Random bytes of an id; RFC 9562 asks for 74 bits. */
const RANDOM_BYTES = 10;
const RANDOM_DIGITS = 2 * RANDOM_BYTES;
const TIME_DIGITS = 12;
/** Random bytes that are fetched at once: asking the system for each id takes longer than the rest of it. */
const POOL_BYTES = 1_024 * RANDOM_BYTES;

let pool = '';
let used = 0;

/**
 * A new message id: UUIDv7 (RFC 9562, 5.7).
 * @param now wall clock in milliseconds since 1970
 */
export function newMessageId(now: number): string {
  return newMessageIds(now, 1);
}

/**
 * New message ids, one after the other in one text. By hand: making them one
 * by one takes three times as long, and a burst makes 100,000 in a second.
 * @param now wall clock in milliseconds since 1970
 */
export function newMessageIds(now: number, count: number): string {
  const time = Math.max(0, Math.floor(now)).toString(16).padStart(TIME_DIGITS, '0').slice(-TIME_DIGITS);
  const start = `${time.slice(0, 8)}-${time.slice(8)}-7`;
  let ids = '';
  for (let made = 0; made < count; made += 1) {
    if (used === pool.length) {
      pool = randomBytes(POOL_BYTES).toString('hex');
      used = 0;
    }
    const at = used;
    used += RANDOM_DIGITS;
    // The two high bits of the variant's digit are 10, the others random.
    const variant = (8 + (Number.parseInt(pool.charAt(at), 16) & 3)).toString(16);
    ids += `${start}${pool.slice(at + 1, at + 4)}-${variant}${pool.slice(at + 4, at + 7)}-${pool.slice(at + 7, at + 19)}`;
  }
  return ids;
}

/*
 * Many ids as one text, one after the other: a thousand of them are one
 * string that is compared, sent and stored as such, and not a thousand.
 */

const UUIDS = /^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})+$/;

/** Whether the text is one or more message ids, one after the other. */
export function areMessageIds(value: unknown): value is string {
  return typeof value === 'string' && UUIDS.test(value);
}

/** How many ids there are. */
export function countIds(ids: string): number {
  return ids.length / MESSAGE_ID_LENGTH;
}

/** The id at a place. */
export function idAt(ids: string, at: number): string {
  return ids.slice(at * MESSAGE_ID_LENGTH, (at + 1) * MESSAGE_ID_LENGTH);
}

/** The ids as a list. */
export function splitIds(ids: string): string[] {
  return Array.from({ length: countIds(ids) }, (_, at) => idAt(ids, at));
}
