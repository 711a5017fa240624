import { afterEach, describe, expect, it } from 'vitest';
import { linkedPair } from './support/control.ts';
import { drain } from './support/drain.ts';
import { NodeStores } from './support/node-stores.ts';
import { World } from './support/processes.ts';

/** Messages for a peer who is away; `MESSAGES=100000` for as many as in `faults.e2e.ts`. */
const MESSAGES = Number(process.env['MESSAGES'] ?? 3_000);
const server = process.env['MONGODB_URI_TEST'];

describe.skipIf(server === undefined)('many messages on MongoDB (set MONGODB_URI_TEST)', () => {
  const world = new World();
  const stores = new NodeStores('mongodb');

  afterEach(async () => {
    await world.close();
    await stores.dispose();
  });

  it('for a peer who is away cost little at start and while they drain, and arrive in order', async () => {
    const pair = await linkedPair(world, {
      alice: { env: await stores.env() },
      bob: { env: await stores.env() },
    });
    const { accepted, arrived, grownMiB, figures } = await drain(world, pair, MESSAGES, 180_000);
    expect(arrived).toEqual(accepted);
    console.log(figures);
    // Of 100,000, as there; fewer take less in any case.
    expect(grownMiB).toBeLessThan(90);
  }, 600_000);
});
