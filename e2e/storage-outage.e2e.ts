import type { MessageView } from '@p2p-chat/shared';
import mongoose from 'mongoose';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { controlOf, linkedPair, untilQueued, wholeConversation } from './support/control.ts';
import { hasDocker, MongoContainer } from './support/mongo-container.ts';
import { type RunningDaemon, waitFor, World } from './support/processes.ts';
import { Relay } from './support/relay.ts';

/**
 * The longest that a sender may be left without an answer, in milliseconds.
 * Seconds, as opposed to hanging until the server is back: the time after which
 * a step has hung, and some for a loaded machine.
 */
const AT_ONCE_MS = 35_000;
/** How long the nodes may take to go on by themselves. */
const RECOVERY_MS = 60_000;
/** How long the database is away: seconds, or what OUTAGE_SECONDS says. */
const OUTAGE_MS = Number(process.env['OUTAGE_SECONDS'] ?? 3) * 1_000;

const hasServer = process.env['MONGODB_URI_TEST'] !== undefined && hasDocker();

/** One message after the other, as a person who does not give up: what was refused is sent again, under its key. */
class Writer {
  readonly accepted: string[] = [];
  readonly refused: { code: string; message: string; afterMs: number }[] = [];
  #number = 0;
  #isPending = false;
  #stopped = false;
  #running: Promise<void> | null = null;

  constructor(
    private readonly from: RunningDaemon,
    private readonly to: RunningDaemon,
    /** Bytes of a message, where it has to be long. */
    private readonly size = 0,
  ) {}

  async write(): Promise<void> {
    if (!this.#isPending) this.#number += 1;
    this.#isPending = true;
    const body = `${this.from.options.user} ${this.#number}`.padEnd(this.size, '.');
    const began = performance.now();
    try {
      await controlOf(this.from).send(this.to.peerId, body, undefined, `key ${this.#number}`);
      this.accepted.push(body);
      this.#isPending = false;
    } catch (error) {
      const { code, message } = error as { code: string; message: string };
      this.refused.push({ code, message, afterMs: performance.now() - began });
    }
  }

  /** Until nothing is left that was refused. */
  async settle(): Promise<void> {
    await waitFor(
      'what was refused to be accepted',
      async () => {
        if (this.#isPending) await this.write();
        return !this.#isPending;
      },
      RECOVERY_MS,
    );
  }

  start(): void {
    this.#running = (async () => {
      while (!this.#stopped) await this.write();
    })();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }
}

function bodies(history: readonly MessageView[], direction: 'in' | 'out'): string[] {
  return history.filter((message) => message.direction === direction).map(({ body }) => body);
}

/** Both see all that was written, once and in order, also what was refused at first. */
async function expectWhole(one: Writer, other: Writer, pair: [RunningDaemon, RunningDaemon]): Promise<void> {
  const [here, there] = pair;
  await Promise.all([one.settle(), other.settle()]);
  await Promise.all(pair.map((node) => untilQueued(node, 0, RECOVERY_MS)));
  const mine = await wholeConversation(here, there.peerId);
  const theirs = await wholeConversation(there, here.peerId);
  expect(bodies(mine, 'out')).toEqual(one.accepted);
  expect(bodies(theirs, 'in')).toEqual(one.accepted);
  expect(bodies(theirs, 'out')).toEqual(other.accepted);
  expect(bodies(mine, 'in')).toEqual(other.accepted);
  expect(mine.map(({ id }) => id)).toEqual(theirs.map(({ id }) => id));
}

describe.skipIf(!hasServer)('MongoDB (set MONGODB_URI_TEST; needs Docker)', () => {
  const world = new World();
  let mongo: MongoContainer;

  beforeAll(async () => {
    mongo = await MongoContainer.start();
  }, 120_000);

  afterEach(() => world.close());
  afterAll(() => mongo.remove());

  const onMongo = (): { env: Record<string, string> } => ({
    env: { MONGODB_URI: mongo.database(), LOG_LEVEL: 'warn' },
  });

  /** Waits until each of them was accepted, or refused, this many times more. */
  async function untilMore(
    writers: readonly Writer[],
    what: 'accepted' | 'refused',
    count = 1,
  ): Promise<void> {
    const before = writers.map((writer) => writer[what].length);
    await waitFor(
      `both to be ${what}`,
      () => writers.every((writer, at) => writer[what].length >= (before[at] ?? 0) + count),
      RECOVERY_MS,
    ).catch((error: unknown) => {
      const last = writers.map(({ refused }) => JSON.stringify(refused.at(-1))).join('\n');
      throw new Error(`not ${what} any more; the last refusals:\n${last}`, { cause: error });
    });
  }

  /** Everyone who was refused learnt it soon, and why. */
  function expectRefusedAtOnce(writers: readonly Writer[]): void {
    const refused = writers.flatMap((writer) => writer.refused);
    expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['storage-unavailable']));
    const slowest = Math.max(...refused.map(({ afterMs }) => afterMs));
    console.log(`refused ${refused.length} times, the slowest after ${slowest.toFixed(0)} ms`);
    expect(slowest).toBeLessThan(AT_ONCE_MS);
  }

  it('killed and started again in mid-write: who is refused is told at once, and what is sent again is there once', async () => {
    const { alice, bob } = await linkedPair(world, { alice: onMongo(), bob: onMongo() });
    const writers = [new Writer(alice, bob), new Writer(bob, alice)] as const;
    for (const writer of writers) writer.start();
    for (let round = 1; round <= 3; round += 1) {
      await untilMore(writers, 'accepted', 20 * round);
      const refused = untilMore(writers, 'refused');
      await mongo.kill();
      await refused;
      await mongo.startAgain();
      await untilMore(writers, 'accepted');
    }
    await Promise.all(writers.map((writer) => writer.stop()));
    expectRefusedAtOnce(writers);
    await expectWhole(...writers, [alice, bob]);
  }, 240_000);

  it('away at the receiver: nothing is acked, and all arrives by itself when it is back', async () => {
    const { alice, bob } = await linkedPair(world, { bob: onMongo() });
    const [toBob, toAlice] = [new Writer(alice, bob), new Writer(bob, alice)];
    await toBob.write();
    await toAlice.write();
    await untilQueued(alice, 0);

    await mongo.kill();
    for (let n = 0; n < 20; n += 1) await toBob.write();
    await toAlice.write();
    await waitFor('the receiver to notice', () => bob.stderr.includes('cannot save what arrived'));
    // Long enough for an ack that should not be.
    await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS));
    const states = (await wholeConversation(alice, bob.peerId))
      .filter(({ direction }) => direction === 'out')
      .map(({ state }) => state);
    expect(states).toEqual(['delivered', ...Array<string>(20).fill('queued')]);

    await mongo.startAgain();
    await untilQueued(alice, 0, RECOVERY_MS);
    expect(toBob.refused).toEqual([]);
    expect(toAlice.refused).toHaveLength(1);
    expectRefusedAtOnce([toAlice]);
    await toAlice.write();
    await expectWhole(toBob, toAlice, [alice, bob]);
  }, 240_000);

  it('that hangs: the sender is told within seconds, and the node goes on when it answers again', async () => {
    const { alice, bob } = await linkedPair(world, { alice: onMongo() });
    const [toBob, toAlice] = [new Writer(alice, bob), new Writer(bob, alice)];
    await toBob.write();
    // One is on its way to the server when it stops in its tracks.
    const running = toBob.write();
    await mongo.freeze();
    try {
      await running;
      await toBob.write();
      await toAlice.write();
    } finally {
      await mongo.thaw();
    }
    expectRefusedAtOnce([toBob]);
    const { length } = toBob.accepted;
    await waitFor(
      'the node to go on',
      async () => (await toBob.write(), toBob.accepted.length > length),
      RECOVERY_MS,
    );
    await expectWhole(toBob, toAlice, [alice, bob]);
  }, 240_000);

  it('whose answer is lost: what was refused is there once when it is sent again, also to a node that was killed meanwhile', async () => {
    const relay = await Relay.before('127.0.0.1', mongo.port);
    try {
      const target = mongo.database();
      const uri = target.replace(`:${mongo.port}`, `:${relay.port}`);
      const { alice, bob } = await linkedPair(world, { alice: { env: { MONGODB_URI: uri } } });
      const [toBob, toAlice] = [new Writer(alice, bob), new Writer(bob, alice)];
      await toBob.write();
      await untilQueued(alice, 0);
      relay.muteFromWrite();
      const refused = toBob.write();
      await waitFor('the message to be in the database', () => hasBody(target, 'Alice 2'));
      relay.cut();
      await refused;
      expect(toBob.refused).toHaveLength(1);
      await alice.kill();
      relay.heal();
      const again = await world.daemon(alice.options);
      await expectWhole(toBob, toAlice, [again, bob]);
    } finally {
      await relay.close();
    }
  }, 120_000);
});

describe.skipIf(!hasServer)('MongoDB with a full disk (set MONGODB_URI_TEST; needs Docker)', () => {
  const world = new World();
  let mongo: MongoContainer;

  beforeAll(async () => {
    // The stand-in takes 65 MiB for itself.
    mongo = await MongoContainer.start(160);
  }, 120_000);

  afterEach(() => world.close());
  afterAll(() => mongo.remove());

  it('is told to the sender at once, and all goes on by itself when there is space', async () => {
    const env = { MONGODB_URI: mongo.database(), LOG_LEVEL: 'warn' };
    const { alice, bob } = await linkedPair(world, { alice: { env } });
    const [toBob, toAlice] = [new Writer(alice, bob, 60_000), new Writer(bob, alice, 60_000)];
    await toBob.write();
    await mongo.fillDisk();
    // What is left of the server's last pages may still take some.
    while (toBob.refused.length < 3) await toBob.write();
    expect(new Set(toBob.refused.map(({ code }) => code))).toEqual(new Set(['storage-full']));
    expect(Math.max(...toBob.refused.map(({ afterMs }) => afterMs))).toBeLessThan(AT_ONCE_MS);
    for (let n = 0; n < 3; n += 1) await toAlice.write();
    await waitFor('the receiver to fail', () => alice.stderr.includes('cannot save what arrived'));
    expect((await controlOf(bob).status()).outbox.queued).toBeGreaterThan(0);
    await mongo.freeDisk();
    await expectWhole(toBob, toAlice, [alice, bob]);
    await toBob.write();
    await expectWhole(toBob, toAlice, [alice, bob]);
  }, 240_000);
});

/** Whether a message with this text is in the database, whatever a node says. */
async function hasBody(uri: string, body: string): Promise<boolean> {
  const connection = await mongoose.createConnection(uri).asPromise();
  try {
    const batches = await connection.collection<{ bytes: mongoose.mongo.Binary }>('batches').find().toArray();
    return batches.some(({ bytes }) => Buffer.from(bytes.buffer).includes(body));
  } finally {
    await connection.close();
  }
}
