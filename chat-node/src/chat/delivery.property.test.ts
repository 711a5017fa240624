import { ManualClock } from '@p2p-chat/shared/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryNetwork } from '../testing/memory-network.js';
import { MemoryNode } from '../testing/memory-node.js';
import { StorageError } from './errors.js';
import type { Message } from './message.js';

type Side = 0 | 1;

/** What the test knows: the ids that each side saw accepted, in order, and their texts. */
interface Model {
  accepted: [Message[], Message[]];
}

interface Real {
  clock: ManualClock;
  network: MemoryNetwork;
  nodes: [MemoryNode, MemoryNode];
  /** Sends whose promise has not settled. */
  sending: Set<Promise<void>>;
}

const MINUTE = 60_000;
const other = (side: Side): Side => (side === 0 ? 1 : 0);

/** All that may refuse a step: a full disk, or a logout that came first. */
function expectStorageError(error: unknown): void {
  if (!(error instanceof StorageError)) throw error;
}

/** Lets what is ready happen, without time passing. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** One thing that happens to the pair; its text is a line of the trace that a failure shrinks to. */
class Step implements fc.AsyncCommand<Model, Real> {
  constructor(
    private readonly text: string,
    private readonly happen: (model: Model, real: Real) => Promise<void>,
  ) {}
  check(): boolean {
    return true;
  }
  run(model: Model, real: Real): Promise<void> {
    return this.happen(model, real);
  }
  toString(): string {
    return this.text;
  }
}

const aSide = fc.constantFrom<Side>(0, 1);
const NAMES = ['Alice', 'Bob'];

let counter = 0;
const steps = [
  fc.tuple(aSide, fc.integer({ min: 1, max: 5 }), fc.boolean()).map(
    ([side, count, wait]) =>
      new Step(`${NAMES[side]} sends ${count}${wait ? '' : ' and does not wait'}`, async (model, real) => {
        const node = real.nodes[side];
        if (!node.running) return;
        const bodies = Array.from({ length: count }, () => `text ${(counter += 1)}`);
        const sent = node.chat
          .send(real.nodes[other(side)].peerId, bodies)
          .then((messages) => void model.accepted[side].push(...messages), expectStorageError);
        real.sending.add(sent);
        void sent.finally(() => real.sending.delete(sent));
        if (wait) await turns(4);
      }),
  ),
  aSide.map((side) => new Step(`${NAMES[side]} is killed`, async (_model, { nodes }) => nodes[side].crash())),
  aSide.map(
    (side) =>
      new Step(`${NAMES[side]} starts`, async (_model, { nodes }) => {
        if (!nodes[side].running) await nodes[side].start();
      }),
  ),
  aSide.map(
    (side) =>
      new Step(`${NAMES[side]} logs out`, async (_model, { nodes, clock }) => {
        if (!nodes[side].running) return;
        const stopped = nodes[side].stop();
        // A far end that does not answer has a grace to do so.
        await clock.advance(5_000);
        await stopped;
      }),
  ),
  aSide.map(
    (side) =>
      new Step(`${NAMES[side]} reads`, async (_model, { nodes }) => {
        const reader = nodes[side];
        if (!reader.running) return;
        reader.chat.markRead(nodes[other(side)].peerId).catch(expectStorageError);
      }),
  ),
  aSide.map(
    (side) =>
      new Step(`${NAMES[side]} accepts the other`, async (_model, { nodes }) => {
        const node = nodes[side];
        if (node.running) node.chat.accept(nodes[other(side)].peerId).catch(expectStorageError);
      }),
  ),
  fc.tuple(aSide, fc.boolean()).map(
    ([side, full]) =>
      new Step(`the disk of ${NAMES[side]} is ${full ? 'full' : 'well'}`, async (_model, { nodes }) => {
        nodes[side].disk.full = full;
      }),
  ),
  fc.constant(new Step('the lines are cut', async (_model, { network }) => network.cut())),
  fc
    .constantFrom('block' as const, 'drop' as const)
    .map(
      (mode) =>
        new Step(`the network ${mode}s everything`, async (_model, { network }) => network.takeDown(mode)),
    ),
  fc.constant(
    new Step('the network heals', async (_model, { network }) => {
      // What was swallowed breaks a TCP connection sooner or later.
      network.cut();
      network.heal();
    }),
  ),
  fc.integer({ min: 1, max: 40 }).map((count) => new Step(`${count} turns pass`, () => turns(count))),
  fc
    .constantFrom(100, 1_000, 20_000, MINUTE)
    .map((ms) => new Step(`${ms} ms pass`, (_model, { clock }) => clock.advance(ms))),
  fc
    .constantFrom(-60 * MINUTE, 60 * MINUTE)
    .map((ms) => new Step(`the clocks jump by ${ms} ms`, async (_model, { clock }) => clock.jump(ms))),
];

async function createReal(): Promise<Real> {
  const clock = new ManualClock();
  const network = new MemoryNetwork(clock);
  const nodes: Real['nodes'] = [new MemoryNode('Alice', network), new MemoryNode('Bob', network)];
  for (const node of nodes) await node.start();
  return { clock, network, nodes, sending: new Set() };
}

/** Makes everything well and lets it settle. */
async function settle({ clock, network, nodes }: Real): Promise<void> {
  network.cut();
  network.heal();
  for (const node of nodes) {
    node.disk.full = false;
    if (!node.running) await node.start();
  }
  // What a stranger wrote beyond a few messages waits at its author until then.
  for (const side of [0, 1] as const) await nodes[side].chat.accept(nodes[other(side)].peerId);
  for (let round = 0; round < 60; round += 1) {
    await turns(40);
    const queued = await Promise.all(nodes.map((node) => node.chat.queuedCount()));
    if (round > 5 && queued.every((count) => count === 0)) return;
    await clock.advance(5_000);
  }
}

async function checkInvariants(model: Model, { nodes }: Real): Promise<void> {
  const histories = await Promise.all(
    nodes.map((node, side) => node.chat.history(nodes[other(side as Side)].peerId, { limit: 1_000 })),
  );
  const [here = [], there = []] = histories;
  const form = ({ id, author, body }: Message): string => `${id} ${author} ${body}`;
  // The same messages in the same order on both screens, each once.
  expect(here.map(form)).toEqual(there.map(form));
  expect(new Set(here.map(({ id }) => id)).size).toBe(here.length);
  for (const side of [0, 1] as const) {
    const author = nodes[side].peerId;
    const accepted = model.accepted[side].map(form);
    const stored = here.filter((one) => one.author === author).map(form);
    // Everything that was accepted, in the order in which it was; nothing but what was asked for.
    expect(stored.filter((one) => accepted.includes(one))).toEqual(accepted);
    const own = histories[side]?.filter((one) => one.author === author) ?? [];
    expect(
      own.map(({ state }) => state).filter((state) => state !== 'delivered' && state !== 'read'),
    ).toEqual([]);
  }
}

describe('delivery between two nodes', () => {
  it(
    'loses nothing, doubles nothing and keeps the order, whatever happens',
    { timeout: 60_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.commands(steps, { maxCommands: 40 }), async (commands) => {
          const real = await createReal();
          const model: Model = { accepted: [[], []] };
          await fc.asyncModelRun(() => ({ model, real }), commands);
          await settle(real);
          await checkInvariants(model, real);
        }),
        { numRuns: Number(process.env['PROPERTY_RUNS'] ?? 150) },
      );
    },
  );
});
