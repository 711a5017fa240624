import { ManualClock } from '@p2p-chat/shared/testing';
import { describe, expect, it } from 'vitest';
import { Activity, AWAY_AFTER_MS } from './activity.js';

describe('activity', () => {
  it('tells once that nobody is there, and once that they are back', async () => {
    const clock = new ManualClock();
    const told: boolean[] = [];
    const activity = new Activity(clock, (idle) => told.push(idle));
    activity.start();
    await clock.advance(AWAY_AFTER_MS - 1);
    activity.pressed();
    await clock.advance(AWAY_AFTER_MS - 1);
    expect(told).toEqual([false]);
    await clock.advance(1);
    await clock.advance(10 * AWAY_AFTER_MS);
    expect(told).toEqual([false, true]);
    activity.pressed();
    activity.pressed();
    expect(told).toEqual([false, true, false]);
    activity.stop();
    activity.pressed();
    expect(clock.timers).toBe(0);
  });
});
