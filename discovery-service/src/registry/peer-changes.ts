import type { DepartedEntry, PeerEntry } from '@p2p-chat/shared';
import type { PeerChange } from './change-log.js';
import type { LeaseRegistry } from './lease-registry.js';

interface Folded {
  wasListed: boolean;
  last: PeerChange;
}

/** The answer to `?since=<cursor>` (PeerChanges) as JSON. */
export function peerChanges(registry: LeaseRegistry, since: string): Buffer {
  const changes = registry.changesSince(since);
  const { cursor } = registry;
  if (changes !== null) return Buffer.from(foldChanges(cursor, changes));
  const head = `{"cursor":${JSON.stringify(cursor)},"reset":true,"changed":[],"left":[],"joined":`;
  return Buffer.concat([Buffer.from(head), registry.list().body, Buffer.from('}')]);
}

/** What names an entry that left. */
export function departed(json: string): DepartedEntry {
  const { HOST, PORT, USER, PEER_ID } = JSON.parse(json) as PeerEntry;
  return { HOST, PORT, USER, ...(PEER_ID === undefined ? {} : { PEER_ID }) };
}

// Of several changes of one entry only what they come to is told.
function foldChanges(cursor: string, changes: readonly PeerChange[]): string {
  const byKey = new Map<string, Folded>();
  for (const change of changes) {
    const known = byKey.get(change.key);
    if (known === undefined) byKey.set(change.key, { wasListed: change.kind !== 'join', last: change });
    else known.last = change;
  }
  const joined: string[] = [];
  const changed: string[] = [];
  const left: string[] = [];
  for (const { wasListed, last } of byKey.values()) {
    if (last.kind !== 'leave') (wasListed ? changed : joined).push(last.json);
    else if (wasListed) left.push(JSON.stringify(departed(last.json)));
  }
  return `{"cursor":${JSON.stringify(cursor)},"reset":false,"joined":[${joined.join(',')}],"changed":[${changed.join(',')}],"left":[${left.join(',')}]}`;
}
