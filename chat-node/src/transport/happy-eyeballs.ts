import { type Clock, DIAL_STAGGER_MS, MAX_PARALLEL_DIALS, type Timer } from '@p2p-chat/shared';

export interface RaceOptions<Candidate, Result> {
  clock: Clock;
  signal: AbortSignal;
  /** Rejects soon when its signal aborts. */
  attempt: (candidate: Candidate, signal: AbortSignal) => Promise<Result>;
  /** Gives back what a loser got in the same moment as the winner. */
  discard: (result: Result) => void;
}

/**
 * Tries candidates in order until one succeeds (RFC 8305, section 5): the next
 * starts {@link DIAL_STAGGER_MS} after the one before, or at once when that
 * fails. The first to succeed ends the others.
 * @throws {AggregateError} of all attempts, where every one failed or the signal aborted
 */
export function firstToSucceed<Candidate, Result>(
  candidates: readonly Candidate[],
  { clock, signal, attempt, discard }: RaceOptions<Candidate, Result>,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const over = new AbortController();
    const stop = AbortSignal.any([signal, over.signal]);
    const errors: unknown[] = [];
    let next = 0;
    let running = 0;
    let won = false;
    let timer: Timer | undefined;

    const startNext = (): void => {
      timer?.clear();
      timer = undefined;
      const candidate = candidates[next];
      if (candidate === undefined || won || stop.aborted || running >= MAX_PARALLEL_DIALS) return;
      next += 1;
      running += 1;
      if (next < candidates.length) timer = clock.setTimeout(startNext, DIAL_STAGGER_MS);
      attempt(candidate, stop).then(succeed, fail);
    };
    const succeed = (result: Result): void => {
      if (won) return discard(result);
      won = true;
      timer?.clear();
      over.abort();
      resolve(result);
    };
    const fail = (error: unknown): void => {
      errors.push(error);
      running -= 1;
      startNext();
      if (running > 0 || won) return;
      timer?.clear();
      reject(new AggregateError(errors, 'Every attempt failed.'));
    };
    startNext();
    if (running === 0) reject(new AggregateError(errors, 'There is nothing to try.'));
  });
}
