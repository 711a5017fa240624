import { describe, expect, it } from 'vitest';
import type { ReceiptTime } from '../ports/conversation.store.js';
import { MAX_RECEIPT_TIMES, receiptTime, withReceipts } from './receipt-times.js';

const MINUTE = 60_000;

/** Receipts one after the other, each up to an entry of one segment. */
function received(...all: [seq: number, at: number][]): ReceiptTime[] {
  let times: ReceiptTime[] = [];
  let before = 0;
  for (const [seq, at] of all) {
    times = withReceipts(times, new Map([['a', before]]), new Map([['a', seq]]), at);
    before = seq;
  }
  return times;
}

describe('the times of receipts', () => {
  it('say of each entry the minute in which it was covered first', () => {
    const times = received([1, 5 * MINUTE], [3, 7 * MINUTE + 1_000], [4, 7 * MINUTE + 59_000]);
    const at = [1, 2, 3, 4, 5].map((seq) => receiptTime(times, 'a', seq));
    expect(at).toEqual([5 * MINUTE, 7 * MINUTE, 7 * MINUTE, 7 * MINUTE, null]);
    expect(times).toHaveLength(2);
    expect(receiptTime(times, 'b', 1)).toBeNull();
  });

  it('do not change with what covers nothing more', () => {
    const times = received([3, MINUTE]);
    const covered = new Map([['a', 3]]);
    expect(withReceipts(times, covered, covered, 9 * MINUTE)).toEqual(times);
  });

  it('are so many and no more: of what is older there is none, rather than a wrong one', () => {
    const all = Array.from({ length: MAX_RECEIPT_TIMES + 2 }, (_, nth): [number, number] => [
      nth + 1,
      nth * MINUTE,
    ]);
    const times = received(...all);
    expect(times).toHaveLength(MAX_RECEIPT_TIMES);
    expect([1, 2, 3, 4].map((seq) => receiptTime(times, 'a', seq))).toEqual([null, null, null, 3 * MINUTE]);
  });
});
