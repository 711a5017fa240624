import type { ManualClock } from '@p2p-chat/shared/testing';

const STEP_MS = 100;

/**
 * Makes the `until` of a test: lets things happen until its condition holds.
 * Virtual time passes only when nothing else does.
 * @param clock asked for at each use, as a test makes a new one before it begins
 * @param stepMs how much time passes at once
 */
export function untilOn(
  clock: () => ManualClock,
  stepMs = STEP_MS,
): (what: string, condition: () => unknown) => Promise<void> {
  return async (what, condition) => {
    for (let turn = 0; turn < 2_000; turn += 1) {
      if (await condition()) return;
      if (turn % 20 === 19) await clock().advance(stepMs);
      else await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error(`in vain: ${what}`);
  };
}
