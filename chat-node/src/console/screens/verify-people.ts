import type { ScreenContext } from './context.js';
import { withKnownPeople } from './people-list.js';
import { showSafetyNumber } from './safety-number.js';

/** Safety Numbers: choose somebody, compare, and note that it is the same. */
export function verifyPeople(context: ScreenContext): Promise<void> {
  return withKnownPeople(context, 'Safety Numbers: with whom?', (peerId) =>
    showSafetyNumber(context, peerId),
  );
}
