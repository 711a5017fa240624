import { errorMessage, safeLine, shortPeerId } from '@p2p-chat/shared';
import { header } from '../header.js';
import { keyAlarm, peerLabel } from '../labels.js';
import { theme } from '../theme.js';
import { keyAlarms, withPeer, type ViewState } from '@p2p-chat/shared/client';
import { flash, takeFlash, type ScreenContext } from './context.js';
import { choosePerson } from './people-list.js';
import { showSafetyNumber } from './safety-number.js';

type Choice = 'seen' | 'compare' | 'block' | 'back';

/** Key Alarms: other keys under the names of people who are known, until all were seen. */
export async function seeKeyAlarms(context: ScreenContext): Promise<void> {
  const { store } = context.view;
  for (;;) {
    const alarms = keyAlarms(store.get());
    const [only] = alarms;
    if (only === undefined) return;
    const peerId =
      alarms.length === 1
        ? only.peerId
        : await choosePerson(context, {
            message: 'Key Alarms: which one?',
            people: keyAlarms,
            remark: (peer) => shortPeerId(peer.peerId),
            empty: () => ['All of them were seen.'],
          });
    if (peerId === null) return;
    const choice = await ask(context, peerId);
    if (choice === 'back' && alarms.length === 1) return;
  }
}

async function ask(context: ScreenContext, peerId: string): Promise<Choice> {
  const { client, signal, store } = context.view;
  const peer = store.get().peers.get(peerId);
  if (peer === undefined) return 'back';
  const choice = await context.ask.list<ViewState, Choice>({
    message: `Another key shows the name of ${safeLine(peer.keyAlarm?.user ?? peer.user)}`,
    store,
    header,
    intro: (state) => [
      ...(state.flash === null ? [] : [theme.good(state.flash), '']),
      keyAlarm(peer),
      'Either there are two people of that name, or somebody has a new machine or profile, or somebody pretends.',
      'Nothing of the old conversation is shared with the new key. Ask the person you know, by another way.',
      '',
    ],
    rows: () => [
      { key: 'seen', value: 'seen', label: 'I have seen it', remark: 'they stay two people' },
      { key: 'compare', value: 'compare', label: 'Compare the safety number of the new key' },
      { key: 'block', value: 'block', label: 'Block the new key', remark: 'they cannot tell' },
      { key: 'back', value: 'back', label: 'Back', isWayOut: true },
    ],
    back: 'back',
  });
  takeFlash(context);
  try {
    if (choice === 'compare') await showSafetyNumber(context, peerId);
    if (choice !== 'seen' && choice !== 'block') return choice;
    const changed = await (choice === 'seen'
      ? client.sawAlarm(peerId, signal)
      : client.block(peerId, signal));
    store.update((state) => withPeer(state, changed));
    if (choice === 'block') flash(context, `${peerLabel(changed)} is now blocked, and cannot tell.`);
    return choice;
  } catch (error) {
    flash(context, safeLine(`Nothing was changed. ${errorMessage(error)}`));
    await context.view.reload();
    return 'back';
  }
}
