import { beforeEach, describe, expect, it } from 'vitest';
import { BusyWatch } from './optimise-when-busy.js';

describe('BusyWatch', () => {
  let time: { active: number; idle: number };
  let watch: BusyWatch;
  beforeEach(() => {
    time = { active: 500, idle: 1_000 };
    watch = new BusyWatch(() => ({ ...time }));
  });

  function pass(active: number, idle: number): void {
    time = { active: time.active + active, idle: time.idle + idle };
  }

  it('notices a burst of a fifth of a second', () => {
    pass(120, 79);
    expect(watch.look()).toBe(false);
    pass(0, 1);
    expect(watch.look()).toBe(true);
  });

  it('lets two hundred peers link without calling that a burst', () => {
    for (let step = 0; step < 15; step += 1) {
      pass(106, 94);
      expect(watch.look()).toBe(false);
    }
    pass(0, 17_000);
    expect(watch.look()).toBe(false);
  });

  it('notices work that goes on, however it is divided', () => {
    for (let step = 1; step < 100; step += 1) {
      pass(40, 160);
      expect(watch.look()).toBe(false);
    }
    pass(40, 160);
    expect(watch.look()).toBe(true);
  });

  it('forgets what was before a window that is over', () => {
    pass(0, 20_000);
    expect(watch.look()).toBe(false);
    pass(3_999, 16_001);
    expect(watch.look()).toBe(false);
    pass(4_000, 16_000);
    expect(watch.look()).toBe(true);
  });
});
