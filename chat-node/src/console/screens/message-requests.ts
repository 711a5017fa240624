import {
  errorMessage,
  MAX_REQUEST_MESSAGES,
  safeLine,
  type MessageView,
  shortPeerId,
} from '@p2p-chat/shared';
import { groupLabel } from '../group-labels.js';
import { header } from '../header.js';
import { count, peerLabel } from '../labels.js';
import { truncate } from '../layout.js';
import { theme } from '../theme.js';
import { invitations, requests, withoutNotices, withPeer, type ViewState } from '@p2p-chat/shared/client';
import { flash, takeFlash, type ScreenContext } from './context.js';
import { messageText } from '../message-text.js';
import type { ListRow } from '../prompts/live-list.js';
import { openConversationWith } from './conversation.js';
import { answerInvitation } from './groups.js';

/** Characters of a message that the question shows; the conversation has all of it. */
const PREVIEW_WIDTH = 200;

type Decision = 'accept' | 'read' | 'block' | 'later';

/** Message Requests: people who wrote for the first time, and groups to which somebody asks one to come. */
export async function messageRequests(context: ScreenContext): Promise<void> {
  const { store } = context.view;
  for (let waiting = rows(store.get()); waiting.length > 0; waiting = rows(store.get())) {
    const [only] = waiting;
    const chosen =
      waiting.length === 1 && only !== undefined
        ? only.value
        : await context.ask.list<ViewState, string>({
            message: 'Message Requests: who waits for you?',
            store,
            header,
            intro: (state) => (rows(state).length === 0 ? ['Nobody waits any more.', ''] : []),
            rows: (state) => [...rows(state), { key: 'cancel', value: '', label: 'Cancel', isWayOut: true }],
            back: '',
          });
    if (chosen === '') return;
    const isDecided = store.get().peers.has(chosen)
      ? (await decideRequest(context, chosen)) !== 'later'
      : await answerInvitation(context, chosen);
    if (!isDecided && waiting.length === 1) return;
  }
}

function rows(state: ViewState): ListRow<string>[] {
  return [
    ...requests(state).map((peer) => ({
      key: peer.peerId,
      value: peer.peerId,
      label: peerLabel(peer),
      remark: count(peer.request?.messages ?? 0, 'message'),
    })),
    ...invitations(state).map(({ id, name, group }) => ({
      key: id,
      value: id,
      label: groupLabel({ id, name, ambiguous: group?.ambiguous === true }),
      remark: `${safeLine(group?.invitedBy?.user ?? '')} asks you to come`,
    })),
  ];
}

/** Asks what to do with the request of one person, and does it. */
export async function decideRequest(context: ScreenContext, peerId: string): Promise<Decision> {
  const { client, signal, store } = context.view;
  const conversation = store.get().peers.get(peerId)?.conversation ?? peerId;
  const written = await client.history(peerId, { limit: MAX_REQUEST_MESSAGES }, signal);
  const decision = await context.ask.list<ViewState, Decision>({
    message: `${labelOf(store.get(), peerId)} (${shortPeerId(peerId)}) wants to write to you`,
    store,
    header: (state, width) => header(withoutNotices(state, conversation), width),
    intro: (state) => [
      ...(state.flash === null ? [] : [theme.good(state.flash), '']),
      ...intro(written, state, peerId),
    ],
    rows: () => [
      { key: 'accept', value: 'accept', label: 'Accept', remark: 'and open the conversation' },
      { key: 'read', value: 'read', label: 'Read', remark: 'all of it; they do not notice' },
      { key: 'block', value: 'block', label: 'Block', remark: 'nothing of theirs arrives; they cannot tell' },
      { key: 'later', value: 'later', label: 'Decide later', isWayOut: true },
    ],
    back: 'later',
  });
  store.update((state) => withoutNotices(state, conversation));
  takeFlash(context);
  try {
    if (decision === 'accept') {
      const peer = await client.accept(peerId, signal);
      store.update((state) => withPeer(state, peer));
    } else if (decision === 'block') {
      const peer = await client.block(peerId, signal);
      store.update((state) => withPeer(state, peer));
      flash(
        context,
        `${peerLabel(peer)} is now blocked: their messages do not arrive, and they cannot tell.`,
      );
    }
  } catch (error) {
    flash(context, safeLine(`Nothing was changed. ${errorMessage(error)}`));
    await context.view.reload();
    return 'later';
  }
  if (decision === 'accept' || decision === 'read') await openConversationWith(context, peerId);
  return decision;
}

function intro(written: readonly MessageView[], state: ViewState, peerId: string): string[] {
  const waiting = state.peers.get(peerId)?.request?.messages ?? written.length;
  const lines = written.map((one) => `  ${truncate(safeLine(messageText(one)), PREVIEW_WIDTH)}`);
  const more = waiting - written.length;
  return [
    ...(written.length === 0
      ? [theme.faint('  Their first message is long, and waits with them until you accept.')]
      : lines),
    ...(more > 0 ? [theme.faint(`  and ${count(more, 'more message')}`)] : []),
    '',
    theme.faint('You have not written to each other yet. A name can be copied: accept whom you expect.'),
  ];
}

function labelOf(state: ViewState, peerId: string): string {
  const peer = state.peers.get(peerId);
  return peer === undefined ? shortPeerId(peerId) : safeLine(peer.user);
}
