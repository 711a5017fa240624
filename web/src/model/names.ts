import type { ConversationView, MessageView, PeerView } from '@p2p-chat/shared/control';
import { shortPeerId } from '@p2p-chat/shared/peer-id';
import { safeLine } from '@p2p-chat/shared/text';

/** How a person is called: the name, with the short id where another one shows the same name. */
export function personLabel(peer: Pick<PeerView, 'user' | 'peerId' | 'ambiguous'>): string {
  const name = safeLine(peer.user);
  return peer.ambiguous ? `${name} (${shortPeerId(peer.peerId)})` : name;
}

/** How the author of a message is called, marked as on every other screen; the name alone where nobody of that key is known. */
export function authorLabel(
  { author, user }: Pick<MessageView, 'author' | 'user'>,
  peers: ReadonlyMap<string, Pick<PeerView, 'ambiguous'>>,
): string {
  return personLabel({ user, peerId: author, ambiguous: peers.get(author)?.ambiguous === true });
}

/** How a conversation is called: after its person, or as a group is called. */
export function conversationLabel({ id, name, peer, group }: ConversationView): string {
  if (peer !== undefined) return personLabel(peer);
  return personLabel({ user: name, peerId: id, ambiguous: group?.ambiguous === true });
}
