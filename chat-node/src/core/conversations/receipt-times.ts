import type { Covered } from '../feeds/feed-index.js';
import type { ReceiptTime } from '../ports/conversation.store.js';

/** Receipts whose time is kept, of each member and state: those of a day of lively talk. */
export const MAX_RECEIPT_TIMES = 64;

const MINUTE_MS = 60_000;

/**
 * The times with what is covered now and was not before. What comes within one minute is one of them, and
 * the oldest go.
 * @param now in milliseconds since 1970
 */
export function withReceipts(
  times: readonly ReceiptTime[],
  before: Covered,
  after: Covered,
  now: number,
): ReceiptTime[] {
  const all = [...times];
  const at = now - (now % MINUTE_MS);
  for (const [segment, seq] of after) {
    if (seq <= (before.get(segment) ?? 0)) continue;
    const last = all.findLastIndex((one) => one.segment === segment);
    if (all[last]?.at === at) all[last] = { segment, seq, at };
    else all.push({ segment, seq, at });
  }
  while (all.length > MAX_RECEIPT_TIMES) {
    const gone = all.shift();
    // The next one of its segment stands for what it stood for, too: of that the time is not known any more.
    const next = all.findIndex(({ segment }) => segment === gone?.segment);
    const one = all[next];
    if (one !== undefined) all[next] = { ...one, at: null };
  }
  return all;
}

/** When it was learnt here of an entry, to the minute, in milliseconds since 1970; null where that is not kept. */
export function receiptTime(times: readonly ReceiptTime[], segment: string, seq: number): number | null {
  return times.find((one) => one.segment === segment && seq <= one.seq)?.at ?? null;
}
