import { ManualClock } from '@p2p-chat/shared/testing';
import { describe, expect, it } from 'vitest';
import { LeaseQueue } from './lease-queue.js';

interface Named {
  name: string;
  endsAt: number;
}

function queueOf(clock: ManualClock): {
  queue: LeaseQueue<Named>;
  ended: string[];
  lease: (name: string) => Named;
} {
  const ended: string[] = [];
  const queue = new LeaseQueue<Named>(clock, 30_000, ({ name }) =>
    ended.push(`${name} ${clock.monotonic()}`),
  );
  return { queue, ended, lease: (name) => ({ name, endsAt: 0 }) };
}

describe('LeaseQueue', () => {
  it('ends each lease when it is over, in whatever order they were renewed', async () => {
    const clock = new ManualClock();
    const { queue, ended, lease } = queueOf(clock);
    const [a, b, c] = [lease('a'), lease('b'), lease('c')];
    queue.renew(a);
    await clock.advance(1_000);
    queue.renew(b);
    await clock.advance(1_000);
    queue.renew(c);
    await clock.advance(1_000);
    queue.renew(a);
    await clock.advance(60_000);
    expect(ended).toEqual(['b 31000', 'c 32000', 'a 33000']);
    expect(clock.timers).toBe(0);
  });

  it('sets one timer, however many leases there are', () => {
    const clock = new ManualClock();
    const { queue, lease } = queueOf(clock);
    for (let i = 0; i < 100; i++) queue.renew(lease(`${i}`));
    expect(clock.timers).toBe(1);
  });

  it('does not end what was cancelled, and begins anew afterwards', async () => {
    const clock = new ManualClock();
    const { queue, ended, lease } = queueOf(clock);
    const a = lease('a');
    queue.renew(a);
    queue.cancel(a);
    await clock.advance(40_000);
    queue.renew(a);
    await clock.advance(30_000);
    expect(ended).toEqual(['a 70000']);
  });

  it('does nothing more when it is closed', async () => {
    const clock = new ManualClock();
    const { queue, ended, lease } = queueOf(clock);
    queue.renew(lease('a'));
    queue.close();
    await clock.advance(60_000);
    expect([ended, clock.timers]).toEqual([[], 0]);
  });
});
