import { afterEach, describe, expect, it } from 'vitest';
import { USEFUL_LINK_MS } from '../chat-node/dist/core/sessions/connector.js';
import { UnreliableLine } from './chaos/unreliable-line.ts';
import { controlOf, untilQueued, wholeConversation } from './support/control.ts';
import { NODE_STORES, NodeStores } from './support/node-stores.ts';
import { freePort, type RunningDaemon, waitFor, World } from './support/processes.ts';

const ROUNDS = 4;
/** The address at which the other one sees each: that of a relay. The nodes listen on 127.0.0.1. */
const VISIBLE = ['127.0.0.4', '127.0.0.5'] as const;
/** Back-off of the dials and the handshake that a stalled line may cost. */
const LINK_MS = 60_000;

async function links(of: RunningDaemon): Promise<number> {
  return (await controlOf(of).status()).links;
}

describe.each(NODE_STORES)('on %s', (_name, kind, skip) => {
  const world = new World();
  const lines: UnreliableLine[] = [];
  const stores = new NodeStores(kind);

  afterEach(async () => {
    await world.close();
    await Promise.all(lines.splice(0).map((line) => line.close()));
    await stores.dispose();
  });

  it.skipIf(skip)(
    'both sides dial at once, time after time: one link survives on both, and nothing is lost or doubled',
    async () => {
      const ports = [await freePort(), await freePort()] as const;
      const line = (side: 0 | 1): Promise<UnreliableLine> =>
        UnreliableLine.open({
          listen: { host: VISIBLE[side], port: ports[side] },
          to: { host: '127.0.0.1', port: ports[side] },
          from: VISIBLE[side === 0 ? 1 : 0],
        });
      lines.push(await line(0), await line(1));
      const [alice, bob] = await Promise.all(
        ([0, 1] as const).map(async (side) =>
          world.daemon({
            user: side === 0 ? 'Alice' : 'Bob',
            port: ports[side],
            peers: [`${VISIBLE[side === 0 ? 1 : 0]}:${ports[side === 0 ? 1 : 0]}`],
            env: { LOG_LEVEL: 'warn', ...(await stores.env()) },
          }),
        ),
      );
      if (alice === undefined || bob === undefined) throw new Error('two nodes were started');
      const oneLink = (): Promise<boolean> =>
        Promise.all([links(alice), links(bob)]).then((all) => all.every((count) => count === 1));
      await waitFor('the link', oneLink, LINK_MS);

      const accepted = { alice: [] as string[], bob: [] as string[] };
      const write = async (text: string): Promise<void> => {
        accepted.alice.push((await controlOf(alice).send(bob.peerId, `Alice ${text}`)).id);
        accepted.bob.push((await controlOf(bob).send(alice.peerId, `Bob ${text}`)).id);
      };
      let simultaneous = 0;
      while (simultaneous < ROUNDS) {
        await write(`before ${simultaneous}`);
        // After a shorter one the patience with its far end grows, and dials no longer meet.
        await new Promise((resolve) => setTimeout(resolve, USEFUL_LINK_MS));
        for (const one of lines) one.fault = 'stall';
        for (const one of lines) one.cut();
        await write(`between ${simultaneous}`);
        // Each one's dial waits in a relay, before the first byte of its handshake.
        await waitFor('both to dial', () => lines.every(({ dials }) => dials > 0), LINK_MS);
        let answered = 0;
        for (const one of lines) one.onceFrom('listener', () => (answered += 1));
        for (const one of lines) one.fault = 'open';
        await write(`after ${simultaneous}`);
        await waitFor('one link on both sides', oneLink, LINK_MS);
        await Promise.all([alice, bob].map((node) => untilQueued(node, 0, LINK_MS)));
        if (answered === 2) simultaneous += 1;
      }
      expect(await oneLink()).toBe(true);
      // A link that both sides agree on is one that stays.
      await write('in the end');
      await Promise.all([alice, bob].map((node) => untilQueued(node, 0, LINK_MS)));
      const [here, there] = [
        await wholeConversation(alice, bob.peerId),
        await wholeConversation(bob, alice.peerId),
      ];
      const ids = (of: typeof here, direction: string): string[] =>
        of.filter((message) => message.direction === direction).map(({ id }) => id);
      expect(ids(here, 'out')).toEqual(accepted.alice);
      expect(ids(there, 'in')).toEqual(accepted.alice);
      expect(ids(there, 'out')).toEqual(accepted.bob);
      expect(ids(here, 'in')).toEqual(accepted.bob);
      expect(here.map(({ id }) => id)).toEqual(there.map(({ id }) => id));
    },
    240_000,
  );
});
