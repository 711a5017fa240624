import { presenceRemark } from '../labels.js';
import { conversationOf, onlinePeers } from '@p2p-chat/shared/client';
import type { ScreenContext } from './context.js';
import { openConversationWith } from './conversation.js';
import { choosePerson, startASecondOne } from './people-list.js';

/** Send Messages: choose from the people online, and write. */
export async function sendMessages(context: ScreenContext): Promise<void> {
  const peerId = await choosePerson(context, {
    message: 'Send Messages: to whom?',
    people: onlinePeers,
    jumps: true,
    remark: (peer, state) => {
      const unread = conversationOf(state, peer.conversation)?.unread ?? 0;
      return [...(unread > 0 ? [`${unread} unread`] : []), presenceRemark(peer)].filter(Boolean).join(' · ');
    },
    empty: (state) => [
      'Nobody else is here yet.',
      ...startASecondOne(context, state),
      'Whoever comes appears here by itself.',
    ],
  });
  if (peerId !== null) await openConversationWith(context, peerId);
}
