import { createHash } from 'node:crypto';
import { parsePeerId } from './peer-id.js';

const GROUPS = 12;
const DIGITS = 5;
/** Bytes of the hash for one group: 40 bits leave no digit more likely than another (1 in 10 million). */
const BYTES = 5;
// Keeps this hash apart from any other one over peer ids, and names its version.
const CONTEXT = 'p2p-chat safety number 1';

/**
 * What two people compare to know that nobody is in between: 12 groups of 5
 * digits, the same on both sides. See docs/protocol.md, section 1.
 *
 * @param one a peer id
 * @param other the other peer's; the order does not matter
 * @throws {P2pChatError} `invalid-peer-id`
 */
export function safetyNumber(one: string, other: string): string {
  const [lower, higher] = [parsePeerId(one), parsePeerId(other)].sort();
  const hash = createHash('sha512').update(`${CONTEXT}\0${lower}\0${higher}`).digest();
  return Array.from({ length: GROUPS }, (_, group) =>
    String(hash.readUIntBE(group * BYTES, BYTES) % 10 ** DIGITS).padStart(DIGITS, '0'),
  ).join(' ');
}
