import { errorMessage, safeLine } from '@p2p-chat/shared';
import { peerLabel } from '../labels.js';
import { withPeer } from '@p2p-chat/shared/client';
import { flash, type ScreenContext } from './context.js';
import { withKnownPeople } from './people-list.js';

/** Manage Blocked Users: everyone known; choosing somebody blocks or unblocks them. */
export function manageBlockedUsers(context: ScreenContext): Promise<void> {
  return withKnownPeople(context, 'Manage Blocked Users: block or unblock whom?', (peerId) =>
    toggle(context, peerId),
  );
}

async function toggle(context: ScreenContext, peerId: string): Promise<void> {
  const { client, signal, store } = context.view;
  const blocked = store.get().peers.get(peerId)?.blocked === true;
  try {
    const peer = await (blocked ? client.unblock(peerId, signal) : client.block(peerId, signal));
    store.update((state) => withPeer(state, peer));
    const now = peer.blocked
      ? 'is now blocked: their messages do not arrive, and they cannot tell.'
      : 'is now unblocked: their messages arrive again.';
    flash(context, `${peerLabel(peer)} ${now}`);
  } catch (error) {
    flash(context, safeLine(`Nothing was changed. ${errorMessage(error)}`));
    await context.view.reload();
  }
}
