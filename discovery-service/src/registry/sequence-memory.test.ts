import { ANNOUNCEMENT_VALIDITY_MS, CLOCK_TOLERANCE_MS } from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import { describe, expect, it } from 'vitest';
import { SequenceMemory } from './sequence-memory.js';

const last = (seq: number): { seq: number; announcement: null } => ({ seq, announcement: null });

describe('SequenceMemory', () => {
  it('remembers as long as an announcement could be replayed', async () => {
    const clock = new ManualClock();
    const memory = new SequenceMemory(clock);
    memory.remember('anna', last(5));
    await clock.advance(ANNOUNCEMENT_VALIDITY_MS + 2 * CLOCK_TOLERANCE_MS - 1);
    expect(memory.recall('anna')).toMatchObject({ seq: 5 });
    await clock.advance(1);
    expect(memory.recall('anna')).toBeUndefined();
  });

  it('keeps no more than fit, the latest ones', () => {
    const memory = new SequenceMemory(new ManualClock(), 2);
    memory.remember('anna', last(1));
    memory.remember('ben', last(2));
    memory.remember('anna', last(3));
    memory.remember('cleo', last(4));
    const seqs = ['anna', 'ben', 'cleo'].map((name) => memory.recall(name)?.seq);
    expect(seqs).toEqual([3, undefined, 4]);
  });

  it('forgets on demand', () => {
    const memory = new SequenceMemory(new ManualClock());
    memory.remember('anna', last(1));
    memory.forget('anna');
    expect(memory.recall('anna')).toBeUndefined();
  });
});
