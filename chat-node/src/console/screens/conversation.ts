import { shortPeerId } from '@p2p-chat/shared';
import { ConversationWindow } from '../conversation-window.js';
import { header } from '../header.js';
import { peerLabel } from '../labels.js';
import { truncate } from '../layout.js';
import { theme } from '../theme.js';
import type { ViewState } from '../view-state.js';
import type { ScreenContext } from './context.js';

/** The conversation with one person: read above, write below. */
export async function openConversation(context: ScreenContext, peerId: string): Promise<void> {
  const { view, ask, drafts } = context;
  const window = new ConversationWindow(view, peerId);
  try {
    const draft = await ask.conversation({
      view: view.store,
      messages: window.store,
      header: (state, width) => [...header(state, width), '', ...partner(state, peerId, width)],
      empty: 'No messages yet. Write the first one.',
      draft: drafts.get(peerId) ?? '',
      send: (body) => window.send(body),
      older: () => window.older(),
      newer: () => window.newer(),
      toEnd: () => window.toEnd(),
    });
    if (draft === '') drafts.delete(peerId);
    else drafts.set(peerId, draft);
  } finally {
    window.close();
  }
}

function partner(state: ViewState, peerId: string, width: number): string[] {
  const peer = state.peers.get(peerId);
  if (peer === undefined) return [theme.strong(shortPeerId(peerId))];
  const label = truncate(
    peer.ambiguous ? peerLabel(peer) : `${peerLabel(peer)} (${shortPeerId(peerId)})`,
    width,
  );
  const presence = peer.online ? theme.good('● online') : theme.faint('○ offline');
  const lines = [`${theme.strong(label)}  ${presence}`];
  if (peer.blocked) lines.push(theme.problem('[BLOCKED] Unblock under Manage Blocked Users to write again.'));
  else if (!peer.online)
    lines.push(theme.faint('What you write now waits here and is delivered when both of you are online.'));
  return lines;
}
