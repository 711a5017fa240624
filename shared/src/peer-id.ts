import { P2pChatError } from './errors.js';

/** How many characters of a peer id people are shown. */
export const SHORT_PEER_ID_LENGTH = 8;

/** 32 bytes in base32 without padding. */
const PEER_ID = /^[a-z2-7]{52}$/;

/** Whether the text is a whole, well-formed peer id. */
export function isPeerId(text: unknown): text is string {
  return typeof text === 'string' && PEER_ID.test(text) && isCanonical(text);
}

// 52 characters hold 260 bits: the last four must be zero, or two texts would
// name one peer.
function isCanonical(text: string): boolean {
  return text.endsWith('a') || text.endsWith('q');
}

/**
 * Reads a peer id.
 * @throws {P2pChatError} `invalid-peer-id`
 */
export function parsePeerId(text: string): string {
  const lower = text.trim().toLowerCase();
  if (isPeerId(lower)) return lower;
  throw new P2pChatError('invalid-peer-id', 'A peer id has 52 characters of a-z and 2-7.');
}

/** The first characters of a peer id, as people see it. */
export function shortPeerId(peerId: string): string {
  return peerId.slice(0, SHORT_PEER_ID_LENGTH);
}
