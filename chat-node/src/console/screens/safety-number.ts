import { errorMessage, safeLine, shortPeerId, type SafetyNumberView } from '@p2p-chat/shared';
import { header } from '../header.js';
import { peerLabel, safetyNumberLines } from '../labels.js';
import type { ListRow } from '../prompts/live-list.js';
import { theme } from '../theme.js';
import { withPeer, type ViewState } from '@p2p-chat/shared/client';
import { flash, type ScreenContext } from './context.js';

type Choice = 'mark' | 'unmark' | 'back';

/** The safety number of one person: to compare, and to note that it is the same. */
export async function showSafetyNumber(context: ScreenContext, peerId: string): Promise<void> {
  const { client, signal, store } = context.view;
  try {
    const number = await client.safetyNumber(peerId, signal);
    const choice = await context.ask.list<ViewState, Choice>({
      message: `Safety number with ${label(store.get(), peerId)}`,
      store,
      header,
      intro: (state) => intro(state, number),
      rows: (state) => rows(isVerified(state, peerId)),
      back: 'back',
    });
    if (choice === 'back') return;
    const peer = await client.setVerified(peerId, choice === 'mark', signal);
    store.update((state) => withPeer(state, peer));
    flash(context, `${peerLabel(peer)} is ${peer.verified ? 'now verified.' : 'not verified any more.'}`);
  } catch (error) {
    flash(context, safeLine(`Nothing was changed. ${errorMessage(error)}`));
    await context.view.reload();
  }
}

function intro(state: ViewState, { peerId, safetyNumber }: SafetyNumberView): string[] {
  const me = state.me === null ? 'you' : `you (${shortPeerId(state.me.peerId)})`;
  return [
    '',
    ...safetyNumberLines(safetyNumber).map((line) => `    ${theme.strong(line)}`),
    '',
    `It belongs to ${me} and ${label(state, peerId)} (${shortPeerId(peerId)}), and both of you see the same.`,
    'Read it to each other by voice or side by side, not in this chat; if a group differs, somebody is in between.',
    '',
  ];
}

function rows(verified: boolean): ListRow<Choice>[] {
  return [
    verified
      ? { key: 'mark', value: 'unmark', label: 'Take the mark back', remark: 'verified now' }
      : { key: 'mark', value: 'mark', label: 'It is the same: mark as verified' },
    { key: 'back', value: 'back', label: 'Back', isWayOut: true },
  ];
}

function isVerified(state: ViewState, peerId: string): boolean {
  return state.peers.get(peerId)?.verified === true;
}

function label(state: ViewState, peerId: string): string {
  const peer = state.peers.get(peerId);
  return peer === undefined ? shortPeerId(peerId) : safeLine(peer.user);
}
