import { safeLine, shortPeerId, type FoundMessageView, type MessageView } from '@p2p-chat/shared';
import { excerpt } from './excerpt.js';
import { authorLabel, localDay, peerLabel, timeOfDay } from './labels.js';
import { truncate } from './layout.js';
import { inPersonsColour, theme } from './theme.js';
import { peerOf, type ViewState } from '@p2p-chat/shared/client';
import { messageText } from './message-text.js';

const INDENT = '    ';

/** A message that was found: whose it is and when, and a line of it between what was said before and after. */
export function foundLines(
  found: FoundMessageView,
  query: string,
  state: ViewState,
  width: number,
): string[] {
  const peer = peerOf(state, found.conversation);
  const name = peer === undefined ? shortPeerId(found.conversation) : peerLabel(peer);
  const when = `${localDay(found.sentAt)} ${timeOfDay(found.sentAt)}`;
  const who = truncate(found.direction === 'out' ? `You to ${name}` : name, width - when.length - 4);
  const room = width - INDENT.length;
  return [
    `${inPersonsColour(peer?.peerId ?? found.author, who)}  ${theme.faint(when)}`,
    ...neighbour(found.previous, state, room),
    INDENT + excerpt(messageText(found), query, room, theme.match),
    ...neighbour(found.next, state, room),
  ];
}

function neighbour(message: MessageView | null, state: ViewState, room: number): string[] {
  if (message === null) return [];
  const who = message.direction === 'out' ? 'You' : authorLabel(message, state);
  return [INDENT + theme.faint(truncate(`${who}: ${safeLine(messageText(message))}`, room))];
}
