import type { ConversationView, PeerView } from '@p2p-chat/shared';
import { header } from '../header.js';
import { badges, conversationLabel, peerLabel } from '../labels.js';
import type { ListRow } from '../prompts/live-list.js';
import { knownPeers, nextUnread, peerOf, type ViewState } from '@p2p-chat/shared/client';
import { theme } from '../theme.js';
import { takeFlash, type ScreenContext } from './context.js';

/** The value of the row that goes back. */
export const CANCEL = null;

export interface PeopleListOptions {
  message: string;
  /** Who can be chosen. */
  people: (state: ViewState) => PeerView[];
  /** Beside the name, faint. */
  remark: (peer: PeerView, state: ViewState) => string | undefined;
  /** Groups that can be chosen beside them, by their id. */
  groups?: (state: ViewState) => ConversationView[];
  /** Beside the name of a group, faint. */
  groupRemark?: (group: ConversationView) => string;
  /** Instead of the list, where it is empty. */
  empty: (state: ViewState) => string[];
  /** Peer id to begin at. */
  initial?: string;
  /** Whether Ctrl-N chooses the next person with unread messages. */
  jumps?: boolean;
}

/** Lets the person choose somebody. @returns the peer id, the id of a group, or {@link CANCEL} */
export async function choosePerson(
  context: ScreenContext,
  options: PeopleListOptions,
): Promise<string | null> {
  const answer = await context.ask.list<ViewState, string>({
    message: options.message,
    store: context.view.store,
    header,
    intro: (state) => [
      ...(state.flash === null ? [] : [theme.good(state.flash)]),
      ...(options.people(state).length + groupsOf(options, state).length === 0
        ? [...options.empty(state), '']
        : []),
    ],
    rows: (state) => [
      ...options.people(state).map((peer) => personRow(peer, options.remark(peer, state))),
      ...groupsOf(options, state).map((group) => ({
        key: group.id,
        value: group.id,
        label: conversationLabel(group),
        remark: options.groupRemark?.(group) ?? '',
      })),
      CANCEL_ROW,
    ],
    back: CANCEL_ROW.value,
    ...(options.jumps === true ? { jump: (state) => nextPeer(state) } : {}),
    ...(options.initial === undefined ? {} : { initial: options.initial }),
  });
  takeFlash(context);
  return answer === CANCEL_ROW.value ? CANCEL : answer;
}

function groupsOf({ groups }: PeopleListOptions, state: ViewState): ConversationView[] {
  return groups?.(state) ?? [];
}

/** Lets the person choose among everyone known, and act on each, until they go back. */
export async function withKnownPeople(
  context: ScreenContext,
  message: string,
  act: (peerId: string) => Promise<void>,
): Promise<void> {
  let initial: string | undefined;
  for (;;) {
    const peerId = await choosePerson(context, {
      message,
      people: knownPeers,
      remark: (peer) => (peer.online ? 'online' : undefined),
      empty: (state) => ['Nobody is known yet.', ...startASecondOne(context, state)],
      ...(initial === undefined ? {} : { initial }),
    });
    if (peerId === CANCEL) return;
    initial = peerId;
    await act(peerId);
  }
}

/** The person whose unread messages wait longest. */
function nextPeer(state: ViewState): string | undefined {
  const next = nextUnread(state);
  return next === undefined ? undefined : peerOf(state, next)?.peerId;
}

const CANCEL_ROW: ListRow<string> = { key: 'cancel', value: '', label: 'Cancel', isWayOut: true };

function personRow(peer: PeerView, remark: string | undefined): ListRow<string> {
  return {
    key: peer.peerId,
    value: peer.peerId,
    label: `${peerLabel(peer)}${badges(peer)}`,
    ...(remark === undefined || remark === '' ? {} : { remark }),
  };
}

/** How a second person gets here. */
export function startASecondOne(context: ScreenContext, state: ViewState): string[] {
  const registry = state.me?.discovery.find((source) => source.source.startsWith('http'))?.source;
  return [
    'Start a second one, in another terminal:',
    theme.strong(`  ${context.secondConsole}`),
    registry === undefined
      ? 'or on another machine of this network.'
      : 'or on another machine that reaches the same discovery service.',
  ];
}
