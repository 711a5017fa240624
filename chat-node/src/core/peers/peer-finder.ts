import { isPeerId, SHORT_PEER_ID_LENGTH } from '@p2p-chat/shared';
import type { PeerNames } from './peer-names.js';

/** A name with a short id behind it, as people with ambiguous names are shown. */
const LABEL = /\(([a-z2-7]{8})\)$/;

/**
 * The peers that a person may mean. A whole peer id means its peer. What is the
 * beginning of one peer's id, or a label with it, and the name of another means
 * either: no name wins over an id.
 * @param wanted a peer id, its first characters (8 at least), a label that ends with them, or a name
 * @param ids of everyone who is known
 */
export function findPeers(wanted: string, ids: readonly string[], names: Pick<PeerNames, 'named'>): string[] {
  const lower = wanted.toLowerCase();
  if (isPeerId(lower) && ids.includes(lower)) return [lower];
  const prefix = LABEL.exec(lower)?.[1] ?? lower;
  const byId = prefix.length >= SHORT_PEER_ID_LENGTH ? ids.filter((peerId) => peerId.startsWith(prefix)) : [];
  return [...new Set([...byId, ...names.named(wanted.normalize('NFC'))])];
}
