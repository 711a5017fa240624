import { shortPeerId, type MessageView, type PeerView } from '@p2p-chat/shared';
import { Timeline } from '@p2p-chat/shared/client';
import { isFileCommand, runFileCommand, showFiles } from '../file-commands.js';
import { header } from '../header.js';
import { peerLabel, presenceRemark } from '../labels.js';
import { truncate } from '../layout.js';
import stringWidth from 'fast-string-width';
import { theme } from '../theme.js';
import type { Leaving } from '../prompts/conversation-prompt.js';
import { nextUnread, peerOf, typingIn, type ViewState } from '@p2p-chat/shared/client';
import type { ScreenContext } from './context.js';
import { showSafetyNumber } from './safety-number.js';

/**
 * A conversation: read above, write below. From there, on to others with unread messages.
 * @param first its id
 * @param at the message to begin at, instead of the end
 */
export async function openConversation(
  context: ScreenContext,
  first: string,
  at?: MessageView,
): Promise<void> {
  let conversation: string | undefined = first;
  while (conversation !== undefined) {
    const leaving: Leaving = await showConversation(
      context,
      conversation,
      conversation === first ? at : undefined,
    );
    if (leaving === 'back') return;
    if (leaving === 'safety-number') {
      const peer = peerOf(context.view.store.get(), conversation);
      if (peer !== undefined) await showSafetyNumber(context, peer.peerId);
      continue;
    }
    conversation = nextUnread(context.view.store.get(), conversation) ?? conversation;
  }
}

/** {@link openConversation} with one person. */
export async function openConversationWith(context: ScreenContext, peerId: string): Promise<void> {
  const peer = context.view.store.get().peers.get(peerId);
  if (peer !== undefined) await openConversation(context, peer.conversation);
}

async function showConversation(
  context: ScreenContext,
  conversation: string,
  at: MessageView | undefined,
): Promise<Leaving> {
  const { view, ask, drafts } = context;
  const window = new Timeline(view, conversation, at);
  void showFiles(view, conversation);
  try {
    return await ask.conversation({
      view: view.store,
      messages: window.store,
      header: (state, width) => [...header(state, width), '', ...partner(state, conversation, width)],
      empty: 'No messages yet. Write the first one.',
      draft: drafts.get(conversation),
      keep: (draft) => drafts.set(conversation, draft),
      send: async (body) => {
        if (isFileCommand(body)) await runFileCommand(view, conversation, body);
        else await window.send(body);
      },
      writes: () => window.writes(),
      typing: (state) => typing(state, conversation),
      seen: (messageId) => window.seen(messageId),
      older: () => window.older(),
      newer: () => window.newer(),
      toEnd: () => window.toEnd(),
    });
  } finally {
    window.close();
  }
}

function partner(state: ViewState, conversation: string, width: number): string[] {
  const peer = peerOf(state, conversation);
  if (peer === undefined) return [theme.strong(shortPeerId(conversation))];
  const label = truncate(
    peer.ambiguous ? peerLabel(peer) : `${peerLabel(peer)} (${shortPeerId(peer.peerId)})`,
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

function typing(state: ViewState, conversation: string): string | null {
  const [peerId] = typingIn(state, conversation);
  const peer = peerId === undefined ? undefined : state.peers.get(peerId);
  return peer === undefined ? null : `${peerLabel(peer)} is typing…`;
}
