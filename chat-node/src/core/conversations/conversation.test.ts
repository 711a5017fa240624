import { CLOCK_MERGE_LIMIT } from '@p2p-chat/shared';
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../storage/memory/memory-store.js';
import { Conversation } from './conversation.js';

const YEAR_2026 = Date.UTC(2026, 0, 1);
const YEAR_2150 = Date.UTC(2150, 0, 1);
const EARLIER = (BigInt(`0x${CLOCK_MERGE_LIMIT}`) - 1n).toString(16).padStart(16, '0');

const empty = (): Conversation =>
  new Conversation(
    'me',
    {
      record: { id: 'c', kind: 'direct', peerId: 'them', seen: [] },
      feeds: [],
      watermarks: [],
      lastClock: '',
    },
    new MemoryStore(),
    true,
  );

describe('the clock of a conversation', () => {
  it('goes on from what others wrote, but for what is years ahead', () => {
    const conversation = empty();
    conversation.observe('them', EARLIER);
    expect(conversation.nextClock(YEAR_2026) > EARLIER).toBe(true);
    const other = empty();
    other.observe('them', CLOCK_MERGE_LIMIT);
    expect(other.nextClock(YEAR_2026) < CLOCK_MERGE_LIMIT).toBe(true);
  });

  it('goes on from what was written here, whatever it is', () => {
    const conversation = empty();
    conversation.observe('me', CLOCK_MERGE_LIMIT);
    expect(conversation.nextClock(YEAR_2026) > CLOCK_MERGE_LIMIT).toBe(true);
  });

  it('stays within what others take where the wall clock is years ahead', () => {
    expect(empty().nextClock(YEAR_2150).slice(0, 12)).toBe(CLOCK_MERGE_LIMIT.slice(0, 12));
  });
});
