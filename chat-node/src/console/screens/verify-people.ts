import { knownPeers } from '../view-state.js';
import type { ScreenContext } from './context.js';
import { choosePerson, startASecondOne } from './people-list.js';
import { showSafetyNumber } from './safety-number.js';

/** Safety Numbers: choose somebody, compare, and note that it is the same. */
export async function verifyPeople(context: ScreenContext): Promise<void> {
  let initial: string | undefined;
  for (;;) {
    const peerId = await choosePerson(context, {
      message: 'Safety Numbers: with whom?',
      people: knownPeers,
      remark: (peer) => (peer.online ? 'online' : undefined),
      empty: (state) => ['Nobody is known yet.', ...startASecondOne(context, state)],
      ...(initial === undefined ? {} : { initial }),
    });
    if (peerId === null) return;
    initial = peerId;
    await showSafetyNumber(context, peerId);
  }
}
