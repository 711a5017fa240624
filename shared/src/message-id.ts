import { randomBytes } from 'node:crypto';

/** Characters of a message id: a UUID (RFC 9562, 4). */
export const MESSAGE_ID_LENGTH = 36;
/** Characters of a hybrid logical clock. */
export const MESSAGE_CLOCK_LENGTH = 16;

const ID_BYTES = 16;
/** Random bytes that are fetched at once: asking the system for each id takes longer than the rest of it. */
const POOL_BYTES = 512 * ID_BYTES;
const TIME_DIGITS = 12;
/** ASCII of the hexadecimal digits. */
const DIGITS = Buffer.from('0123456789abcdef');
/** ASCII of an id that is all zeros: the hyphens stay where they are. */
const ZERO_ID = Buffer.from('00000000-0000-7000-8000-000000000000');
/** Where its random digits stand, one for each half of a random byte; at 19 two bits are the variant. */
const RANDOM_PLACES = [15, 16, 17, 19, 20, 21, 22, ...Array.from({ length: 12 }, (_, nth) => 24 + nth)];
const VARIANT_PLACE = 19;

let pool = Buffer.alloc(0);
let used = 0;

/**
 * A new message id: UUIDv7 (RFC 9562, 5.7).
 * @param now wall clock in milliseconds since 1970
 */
export function newMessageId(now: number): string {
  return newMessageIds(now, 1);
}

/**
 * New message ids, one after the other in one text. By hand and digit by
 * digit: a burst makes 100,000 in a second, and should leave nothing behind
 * that has to be collected.
 * @param now wall clock in milliseconds since 1970
 */
export function newMessageIds(now: number, count: number): string {
  const time = Math.max(0, Math.floor(now)).toString(16).padStart(TIME_DIGITS, '0').slice(-TIME_DIGITS);
  const start = Buffer.from(ZERO_ID);
  start.write(`${time.slice(0, 8)}-${time.slice(8)}`, 'latin1');
  const ids = Buffer.allocUnsafe(count * MESSAGE_ID_LENGTH);
  for (let made = 0; made < count; made += 1) {
    const at = made * MESSAGE_ID_LENGTH;
    ids.set(start, at);
    const random = takeRandom();
    for (let nth = 0; nth < RANDOM_PLACES.length; nth += 1) {
      const place = RANDOM_PLACES[nth] as number;
      const half = ((pool[random + (nth >> 1)] as number) >> ((nth & 1) * 4)) & 0xf;
      ids[at + place] = DIGITS[place === VARIANT_PLACE ? 8 | (half & 3) : half] as number;
    }
  }
  return ids.toString('latin1');
}

/** @returns the place of random bytes in the pool that nobody has used */
function takeRandom(): number {
  if (used === pool.length) {
    pool = randomBytes(POOL_BYTES);
    used = 0;
  }
  used += ID_BYTES;
  return used - ID_BYTES;
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
