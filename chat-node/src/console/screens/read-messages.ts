import { type ConversationView, safeLine, type PeerView } from '@p2p-chat/shared';
import { truncate } from '../layout.js';
import { conversationOf, requests, type ViewState } from '@p2p-chat/shared/client';
import type { ScreenContext } from './context.js';
import { messageText } from '../message-text.js';
import { openConversation, openConversationWith } from './conversation.js';
import { decideRequest } from './message-requests.js';
import { choosePerson, startASecondOne } from './people-list.js';

/** Characters of the last message that the list shows. */
const PREVIEW_WIDTH = 40;

/** Read Messages: choose from the people you have exchanged messages with, and read. */
export async function readMessages(context: ScreenContext): Promise<void> {
  const peerId = await choosePerson(context, {
    message: 'Read Messages: whose?',
    people: (state) => [
      ...requests(state),
      ...state.conversations
        .filter((one) => one.last !== null && one.peer?.request === null)
        .flatMap((one) => one.peer ?? []),
    ],
    groups: ({ conversations }) =>
      conversations.filter(({ group }) => group !== undefined && group.state !== 'invited'),
    groupRemark: (group) => saidIn(group).flat().join(' · '),
    remark: preview,
    jumps: true,
    empty: (state) => [
      'No messages yet. Choose Send Messages to write the first one.',
      ...(state.peers.size === 0 ? ['', ...startASecondOne(context, state)] : []),
    ],
  });
  if (peerId === null) return;
  if (conversationOf(context.view.store.get(), peerId)?.kind === 'group')
    return openConversation(context, peerId);
  const request = context.view.store.get().peers.get(peerId)?.request ?? null;
  await (request !== null ? decideRequest(context, peerId) : openConversationWith(context, peerId));
}

function preview(peer: PeerView, state: ViewState): string {
  const [unread, said] = saidIn(conversationOf(state, peer.conversation));
  const wants = peer.request === null ? [] : ['wants to write to you'];
  return [...unread, ...wants, said].join(' · ');
}

/** What is unread in a conversation, and the last thing that was said there. */
function saidIn(conversation: ConversationView | undefined): [unread: string[], said: string] {
  const last = conversation?.last ?? null;
  const unread =
    conversation === undefined || conversation.unread === 0 ? [] : [`${conversation.unread} unread`];
  const who = last?.direction === 'out' ? 'You' : safeLine(last?.user ?? '');
  const isNamed = last?.change === undefined && (last?.direction === 'out' || conversation?.kind === 'group');
  const said = last === null ? '' : `${isNamed ? `${who}: ` : ''}${safeLine(messageText(last))}`;
  return [unread, truncate(said, PREVIEW_WIDTH)];
}
