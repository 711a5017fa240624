import { safeLine, shortPeerId, type FoundMessageView, type MessageView } from '@p2p-chat/shared';
import { excerpt } from './excerpt.js';
import { localDay, peerLabel, timeOfDay } from './labels.js';
import { truncate } from './layout.js';
import { inPersonsColour, theme } from './theme.js';
import type { ViewState } from './view-state.js';

const INDENT = '    ';

/** A message that was found: whose it is and when, and a line of it between what was said before and after. */
export function foundLines(
  found: FoundMessageView,
  query: string,
  state: ViewState,
  width: number,
): string[] {
  const peer = state.peers.get(found.peerId);
  const name = peer === undefined ? shortPeerId(found.peerId) : peerLabel(peer);
  const when = `${localDay(found.sentAt)} ${timeOfDay(found.sentAt)}`;
  const who = truncate(found.direction === 'out' ? `You to ${name}` : name, width - when.length - 4);
  const room = width - INDENT.length;
  return [
    `${inPersonsColour(found.peerId, who)}  ${theme.faint(when)}`,
    ...neighbour(found.previous, room),
    INDENT + excerpt(found.body, query, room, theme.match),
    ...neighbour(found.next, room),
  ];
}

function neighbour(message: MessageView | null, room: number): string[] {
  if (message === null) return [];
  const who = message.direction === 'out' ? 'You' : safeLine(message.user);
  return [INDENT + theme.faint(truncate(`${who}: ${safeLine(message.body)}`, room))];
}
