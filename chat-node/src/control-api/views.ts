import { type MessageView, type PeerView } from '@p2p-chat/shared';
import type { Message } from '../chat/message.js';
import type { PeerWithUnread } from '../chat/chat.js';

/** A peer as the control contract shows it. */
export function peerView(peer: PeerWithUnread): PeerView {
  const [address] = peer.addresses;
  return {
    peerId: peer.peerId,
    user: peer.user,
    host: address?.host ?? null,
    port: address?.port ?? null,
    online: peer.online,
    blocked: peer.blocked,
    verified: peer.verified,
    trust: peer.contact ? 'contact' : 'stranger',
    request: peer.request,
    unread: peer.unread,
    sources: peer.sources,
    ambiguous: peer.ambiguous,
    keyAlarm: peer.keyAlarm,
    ...(peer.online ? { presence: peer.presence?.state ?? 'online' } : {}),
    ...(peer.online && peer.presence?.status ? { status: peer.presence.status } : {}),
  };
}

/**
 * A message as the control contract shows it.
 * @param names the name of its author, by peer id
 */
export function messageView(message: Message, names: (peerId: string) => string): MessageView {
  return {
    id: message.id,
    direction: message.direction,
    peerId: message.conversationId,
    user: names(message.author),
    body: message.body,
    sentAt: isoTime(message.sentAt),
    receivedAt: message.receivedAt === null ? null : isoTime(message.receivedAt),
    state: message.state,
    ...(message.reason === undefined ? {} : { reason: message.reason }),
    clock: message.clock,
  };
}

// The latest time that Date can hold: a peer may send any number.
const MAX_TIME_MS = 8_640_000_000_000_000;

function isoTime(ms: number): string {
  return new Date(Math.min(ms, MAX_TIME_MS)).toISOString();
}
