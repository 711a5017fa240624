import { afterEach, describe, expect, it } from 'vitest';
import { linkedPair } from './support/control.ts';
import { drain } from './support/drain.ts';
import { NodeStores } from './support/node-stores.ts';
import { World } from './support/processes.ts';

const MESSAGES = 100_000;
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
    // A node on MongoDB starts with more than one on SQLite (`faults.e2e.ts`), and may take as much.
    expect(grownMiB).toBeLessThan(75);
  }, 600_000);
});
