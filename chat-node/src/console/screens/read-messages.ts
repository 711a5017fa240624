import { safeLine, type PeerView } from '@p2p-chat/shared';
import { truncate } from '../layout.js';
import type { ViewState } from '../view-state.js';
import type { ScreenContext } from './context.js';
import { openConversation } from './conversation.js';
import { choosePerson, startASecondOne } from './people-list.js';

/** Characters of the last message that the list shows. */
const PREVIEW_WIDTH = 40;

/** Read Messages: choose from the people you have exchanged messages with, and read. */
export async function readMessages(context: ScreenContext): Promise<void> {
  const peerId = await choosePerson(context, {
    message: 'Read Messages: whose?',
    people: (state) => state.conversations.filter((one) => one.last !== null).map((one) => one.peer),
    remark: preview,
    jumps: true,
    empty: (state) => [
      'No messages yet. Choose Send Messages to write the first one.',
      '',
      ...startASecondOne(context, state),
    ],
  });
  if (peerId !== null) await openConversation(context, peerId);
}

function preview(peer: PeerView, state: ViewState): string {
  const conversation = state.conversations.find((one) => one.peer.peerId === peer.peerId);
  const last = conversation?.last ?? null;
  const unread =
    conversation === undefined || conversation.unread === 0 ? [] : [`${conversation.unread} unread`];
  const said = last === null ? '' : `${last.direction === 'out' ? 'You: ' : ''}${safeLine(last.body)}`;
  return [...unread, truncate(said, PREVIEW_WIDTH)].join(' · ');
}
