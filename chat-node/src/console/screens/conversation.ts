import {
  type ConfirmationsView,
  errorMessage,
  type MemberView,
  type MessageView,
  type PeerView,
  type PersonView,
  safeLine,
  safeText,
  shortPeerId,
} from '@p2p-chat/shared';
import { Timeline } from '@p2p-chat/shared/client';
import { isFileCommand, runFileCommand, showFiles } from '../file-commands.js';
import { header } from '../header.js';
import {
  conversationLabel,
  count,
  FORKED,
  peerLabel,
  localDay,
  presenceRemark,
  timeOfDay,
} from '../labels.js';
import { truncate } from '../layout.js';
import stringWidth from 'fast-string-width';
import { theme } from '../theme.js';
import type { Leaving } from '../prompts/conversation-prompt.js';
import {
  conversationOf,
  forward,
  knownPeers,
  nextUnread,
  peerOf,
  typingIn,
  type ViewState,
} from '@p2p-chat/shared/client';
import { COPIED } from '../clipboard.js';
import { messageText } from '../message-text.js';
import { announced, CONFIRM_KEY } from '../prompts/message-mode.js';
import { flash, type ScreenContext } from './context.js';
import { choosePerson } from './people-list.js';
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
    if (typeof leaving === 'object') {
      await forwardTo(context, leaving.forward);
      continue;
    }
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
  let members: readonly MemberView[] = [];
  view.client.members(conversation).then(
    (all) => (members = all),
    // Without them nothing is completed.
    () => undefined,
  );
  try {
    return await ask.conversation({
      view: view.store,
      messages: window.store,
      header: (state, width) => [
        ...header(state, width),
        '',
        ...partner(state, conversation, width),
        ...toConfirmLines(state, conversation, width),
      ],
      empty: 'No messages yet. Write the first one.',
      draft: drafts.get(conversation),
      keep: (draft) => drafts.set(conversation, draft),
      writing: {
        last: () => context.writing.get(conversation),
        hold: (writing) => void context.writing.set(conversation, writing),
      },
      send: async (body, replyTo) => {
        const announcement = announced(body);
        if (isFileCommand(body)) await runFileCommand(view, conversation, body);
        else if (announcement !== null) await window.send(announcement, { confirm: true });
        else await window.send(body, replyTo === undefined ? {} : { replyTo });
      },
      commands: {
        edit: (id, body) => window.edit(id, body),
        delete: (id, forMe) => window.delete(id, forMe),
        react: (message, emoji) => window.react(message, emoji),
        confirm: (id) => window.confirm(id),
        jumpTo: (id) => window.jumpTo(id),
        who: async (message) => {
          const all = await view.client.members(conversation, view.signal);
          const reactions = whoReacts(message, all);
          if (message.direction === 'in') return reactions;
          // The times are those of now: what came in since it was shown has none there.
          const now = await view.client.message(message.id, view.signal);
          if (message.confirm !== true) return [whoRead(now, all), ...reactions];
          return [whoConfirmed(await window.confirmations(message.id, false)), ...reactions];
        },
        versions: async ({ id }) =>
          (await window.versions(id)).map(({ body, at }) => `${timeOfDay(at)} ${body}`),
        remind: async ({ id }) => {
          const { read, delivered, missing } = await window.confirmations(id, true);
          const all = [...read, ...delivered, ...missing];
          return [all.length === 0 ? 'All have confirmed it.' : `Reminded: ${namesOf(all)}.`];
        },
        copy: async (message) => {
          context.copy(safeText(messageText(message)));
          return [COPIED];
        },
      },
      members: () => members,
      toConfirm: (state) => conversationOf(state, conversation)?.toConfirm ?? [],
      formats: context.formats,
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

/** What waits to be confirmed stands above the conversation until that is done. */
function toConfirmLines(state: ViewState, conversation: string, width: number): string[] {
  const all = conversationOf(state, conversation)?.toConfirm ?? [];
  return all.map((message, nth) => {
    const what = `! ${message.user} asks you to confirm: ${messageText(message)}`;
    const key = nth === 0 ? `  ${CONFIRM_KEY}` : '';
    return theme.news(truncate(safeLine(what), width - key.length) + key);
  });
}

/** Of a message in a group with the names of who has read it, who has it, since when, and who does not. */
function whoRead(message: MessageView, members: readonly MemberView[]): string {
  const { state } = message;
  if (message.recipients !== undefined) return whoHas(message, members);
  const what = {
    queued: 'It has not reached them yet.',
    delivered: 'It is there, and not read yet.',
    read: 'It was read.',
  };
  return what[state];
}

/** The time of a receipt, after what it is of; nothing where it is not known. */
function since(at: string | undefined): string {
  if (at === undefined) return '';
  const day = localDay(at);
  return day === localDay(new Date().toISOString()) ? ` ${timeOfDay(at)}` : ` ${day} ${timeOfDay(at)}`;
}

function whoHas(
  { recipients = [], delivered = [], read = [], receiptTimes = [] }: MessageView,
  members: readonly MemberView[],
): string {
  const named = (id: string, isRead: boolean): string => {
    const times = receiptTimes.find(({ peerId }) => peerId === id);
    return nameOf(id, members) + since(isRead ? times?.read : times?.delivered);
  };
  const there = delivered.filter((id) => !read.includes(id));
  const isSilent = (id: string): boolean => members.find(({ peerId }) => peerId === id)?.receipts === false;
  const parts = [
    ['read', read],
    ['there, and not read as far as they say', there.filter((id) => !isSilent(id))],
    ['there; does not say what is read', there.filter(isSilent)],
    ['not there yet', recipients.filter((id) => !delivered.includes(id))],
  ] as const;
  return parts
    .flatMap(([what, ids]) =>
      ids.length === 0 ? [] : [`${what}: ${ids.map((id) => named(id, ids === read)).join(', ')}`],
    )
    .join(' · ');
}

/** Who says what, a line for each emoji. */
function whoReacts({ reactions = [] }: MessageView, members: readonly MemberView[]): string[] {
  return reactions.map(({ emoji, by }) => `${emoji} ${by.map((id) => nameOf(id, members)).join(', ')}`);
}

function nameOf(id: string, members: readonly MemberView[]): string {
  const member = members.find(({ peerId }) => peerId === id);
  return member === undefined ? shortPeerId(id) : member.self ? 'you' : member.user;
}

function namesOf(people: readonly PersonView[]): string {
  return people.map(({ user }) => user).join(', ');
}

function whoConfirmed({ confirmed, read, delivered, missing }: ConfirmationsView): string {
  const parts = [
    ['confirmed', confirmed.map((one) => ({ ...one, user: one.user + since(one.at) }))],
    ['only read', read],
    ['not read', delivered],
    ['not there yet', missing],
  ] as const;
  return parts
    .flatMap(([what, people]) => (people.length === 0 ? [] : [`${what}: ${namesOf(people)}`]))
    .join(' · ');
}

/** Sends what a message says, or the files that it offers, to others, as one's own. */
async function forwardTo(context: ScreenContext, message: MessageView): Promise<void> {
  const chosen = await choosePerson(context, {
    message: 'Forward to whom?',
    people: knownPeers,
    groups: ({ conversations }) => conversations.filter(({ group }) => group?.state === 'member'),
    remark: (peer) => (peer.online ? 'online' : undefined),
    empty: () => ['Nobody is known yet.'],
  });
  if (chosen === null) return;
  const { view } = context;
  const state = view.store.get();
  const peer = state.peers.get(chosen);
  const to = peer?.conversation ?? chosen;
  try {
    await forward(view.client, message, state.files, to, view.signal);
    const group = conversationOf(state, chosen);
    const name = peer !== undefined ? peerLabel(peer) : group === undefined ? '' : conversationLabel(group);
    flash(context, `Forwarded to ${name}.`);
  } catch (error) {
    flash(context, safeLine(`Not forwarded: ${errorMessage(error)}`));
  }
}

function partner(state: ViewState, conversation: string, width: number): string[] {
  const peer = peerOf(state, conversation);
  if (peer === undefined) return [groupTitle(state, conversation, width)];
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
  if (peer.forked === true)
    lines.push(theme.problem(`${FORKED}: the first one is shown, and no more of what followed the other.`));
  if (peer.blocked) lines.push(theme.problem('[BLOCKED] Unblock under Manage Blocked Users to write again.'));
  else if (!peer.online)
    lines.push(theme.faint('What you write now waits here and is delivered when both of you are online.'));
  return lines;
}

/** The name of a group, and how many are in. */
function groupTitle(state: ViewState, id: string, width: number): string {
  const known = conversationOf(state, id);
  if (known?.group === undefined) return theme.strong(shortPeerId(id));
  const isIn = count(known.group.members, 'member');
  const label = truncate(`${conversationLabel(known)} (${shortPeerId(id)})`, width - isIn.length - 2);
  return `${theme.strong(label)}  ${theme.faint(isIn)}`;
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
