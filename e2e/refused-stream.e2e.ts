import { afterEach, expect, it } from 'vitest';
import { controlOf } from './support/control.ts';
import { World } from './support/processes.ts';

const world = new World();
afterEach(() => world.close());

it('a stream of messages that the node refuses is told why, however much is being written', async () => {
  const alice = await world.daemon({ user: 'Alice' });
  async function* endless(): AsyncGenerator<string[]> {
    for (;;) {
      yield Array<string>(64).fill('x'.repeat(60_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const send = async (): Promise<void> => {
    for await (const accepted of controlOf(alice).sendAll('nobody', endless())) expect(accepted).toEqual([]);
  };
  // Where the answer races with the writing, one attempt in three lost it.
  for (let attempt = 0; attempt < 20; attempt += 1) {
    await expect(send()).rejects.toMatchObject({ code: 'peer-unknown' });
  }
});
