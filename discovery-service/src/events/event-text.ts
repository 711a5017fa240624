import type { PeerEventType } from '@p2p-chat/shared';
import type { PeerChange } from '../registry/change-log.js';
import type { PeerList } from '../registry/lease-registry.js';
import { departed } from '../registry/peer-changes.js';

/** The whole list as an event, in parts, so that the list itself is not copied for each client. */
export function listEvent({ body, cursor }: PeerList): Buffer[] {
  return [Buffer.from(`id: ${cursor}\nevent: list\ndata: `), body, Buffer.from('\n\n')];
}

/** Changes as events; empty where none is for clients of streams. */
export function changeEvents(changes: readonly PeerChange[]): Buffer {
  let text = '';
  for (const { kind, json, cursor } of changes) {
    if (kind === 'refresh') continue;
    const type: PeerEventType = kind;
    const data = kind === 'leave' ? JSON.stringify(departed(json)) : json;
    text += `id: ${cursor}\nevent: ${type}\ndata: ${data}\n\n`;
  }
  return Buffer.from(text);
}
