import { shortPeerId, type MessageView, type PeerView } from '@p2p-chat/shared';
import { ConversationWindow } from '../conversation-window.js';
import { header } from '../header.js';
import { peerLabel, presenceRemark } from '../labels.js';
import { truncate } from '../layout.js';
import stringWidth from 'fast-string-width';
import { theme } from '../theme.js';
import type { Leaving } from '../prompts/conversation-prompt.js';
import { nextUnread, type ViewState } from '../view-state.js';
import type { ScreenContext } from './context.js';
import { showSafetyNumber } from './safety-number.js';

/**
 * The conversation with one person: read above, write below. From there, on to others who wrote.
 * @param at the message to begin at, instead of the end
 */
export async function openConversation(
  context: ScreenContext,
  first: string,
  at?: MessageView,
): Promise<void> {
  let peerId: string | undefined = first;
  while (peerId !== undefined) {
    const leaving: Leaving = await showConversation(context, peerId, peerId === first ? at : undefined);
    if (leaving === 'back') return;
    if (leaving === 'safety-number') {
      await showSafetyNumber(context, peerId);
      continue;
    }
    peerId = nextUnread(context.view.store.get(), peerId) ?? peerId;
  }
}

async function showConversation(
  context: ScreenContext,
  peerId: string,
  at: MessageView | undefined,
): Promise<Leaving> {
  const { view, ask, drafts } = context;
  const window = new ConversationWindow(view, peerId, at);
  try {
    return await ask.conversation({
      view: view.store,
      messages: window.store,
      header: (state, width) => [...header(state, width), '', ...partner(state, peerId, width)],
      empty: 'No messages yet. Write the first one.',
      draft: drafts.get(peerId),
      keep: (draft) => drafts.set(peerId, draft),
      send: (body) => window.send(body),
      writes: () => window.writes(),
      typing: (state) => typing(state, peerId),
      seen: (messageId) => window.seen(messageId),
      older: () => window.older(),
      newer: () => window.newer(),
      toEnd: () => window.toEnd(),
    });
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
  const badge = peer.verified ? '  [verified]' : '';
  const room = width - stringWidth(label) - badge.length - 2;
  const lines = [`${theme.strong(label)}${theme.good(badge)}  ${presence(peer, room)}`];
  if (peer.request !== null)
    lines.push(
      theme.news('Wants to write to you. Nobody is told that you read this; an answer accepts them.'),
    );
  if (peer.blocked) lines.push(theme.problem('[BLOCKED] Unblock under Manage Blocked Users to write again.'));
  else if (!peer.online)
    lines.push(theme.faint('What you write now waits here and is delivered when both of you are online.'));
  return lines;
}

function presence(peer: PeerView, room: number): string {
  if (!peer.online) return theme.faint('○ offline');
  const remark = presenceRemark(peer);
  const state = peer.presence ?? 'online';
  const text = truncate(
    state === 'online' ? `● online${remark === '' ? '' : `: ${remark}`}` : `● ${remark}`,
    room,
  );
  return state === 'online' ? theme.good(text) : theme.warning(text);
}

function typing(state: ViewState, peerId: string): string | null {
  const peer = state.peers.get(peerId);
  return peer !== undefined && state.typing.has(peerId) ? `${peerLabel(peer)} is typing…` : null;
}
