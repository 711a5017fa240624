import { afterAll, describe, expect, it } from 'vitest';
import { controlOf, linkedPair, untilQueued } from './support/control.ts';
import { drain } from './support/drain.ts';
import { World } from './support/processes.ts';

const world = new World();
afterAll(() => world.close());

describe('100,000 messages for a peer who is away', () => {
  it('cost little at start and while they drain, and arrive in order', { timeout: 120_000 }, async () => {
    const pair = await linkedPair(world);
    const first = await controlOf(pair.alice).send(pair.bob.peerId, 'until later');
    await untilQueued(pair.alice, 0);
    const { accepted, arrived, grownMiB, figures } = await drain(world, pair, 100_000, 60_000);
    expect(arrived).toEqual([first.id, ...accepted]);
    console.log(figures);
    // 100,000 of these messages take some 100 MiB at once; a window of them takes one.
    expect(grownMiB).toBeLessThan(90);
  });
});
