import { isPeerId, SHORT_PEER_ID_LENGTH } from '@p2p-chat/shared';
import type { PeerNames } from './peer-names.js';

/**
 * The peers that a person may mean. A whole peer id means its peer. What is the
 * beginning of one peer's id and the name of another means either: no name
 * wins over an id.
 * @param wanted a peer id, its first characters (8 at least), or a name
 * @param ids of everyone who is known
 */
export function findPeers(wanted: string, ids: readonly string[], names: PeerNames): string[] {
  const prefix = wanted.toLowerCase();
  if (isPeerId(prefix) && ids.includes(prefix)) return [prefix];
  const byId = prefix.length >= SHORT_PEER_ID_LENGTH ? ids.filter((peerId) => peerId.startsWith(prefix)) : [];
  return [...new Set([...byId, ...names.named(wanted.normalize('NFC'))])];
}
