import { entriesOf, readContent, contentText } from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryDisk, MemoryStore } from '../../storage/memory/memory-store.js';
import { TestKeys } from '../../testing/test-keys.js';
import type { Conversation } from '../conversations/conversation.js';
import { Conversations } from '../conversations/conversations.js';
import { Erasing } from '../conversations/erasing.js';
import { Outgoing } from '../conversations/outgoing.js';
import { StorageError } from '../errors.js';
import { ChatEvents } from '../events.js';
import { Mutex } from '../mutex.js';
import type { OutgoingFrame, PeerLink } from '../ports/peer-link.js';
import { Delivery } from './delivery.js';
import type { DeliveryFrame, DeliverySession } from './delivery-session.js';
import { StorageHealth } from './storage-health.js';

const silent = { debug: () => undefined, warn: () => undefined };
/** The machines: Alice's, Bob's, and one that has a copy of Alice's profile. */
const NAMES = ['Alice', 'Bob', "Alice's copy"] as const;
type Side = 0 | 1 | 2;
const SIDES = [0, 1, 2] as const;
/** Whose keys each has. */
const OWNERS = ['Alice', 'Bob', 'Alice'] as const;
const other = (side: Side): Side => (side === 1 ? 0 : 1);

/** Lets what is ready happen, without time passing. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** One start of a node: the real core over a disk in memory. */
class Start {
  readonly store: MemoryStore;
  readonly conversations: Conversations;
  readonly outgoing: Outgoing;
  readonly delivery: Delivery;
  isAlive = true;

  constructor(
    readonly keys: TestKeys,
    disk: MemoryDisk,
    clock: ManualClock,
  ) {
    const store = (this.store = new MemoryStore(disk));
    const events = new ChatEvents((error) => {
      throw error;
    });
    this.conversations = new Conversations({ store, keys });
    const commit = (_: Conversation, changes: Parameters<MemoryStore['commit']>[0]): Promise<void> =>
      store.commit(changes);
    const mayDelete = () => (by: string, author: string) => by === author;
    const mutex = new Mutex<string>();
    const erasing = new Erasing({
      store,
      sha256: keys.sha256,
      mayDelete,
      self: keys.peerId,
    });
    const common = {
      mutex,
      erasing,
      store,
      keys,
      events,
      clock,
      random: () => 0.5,
      log: silent,
      commitAsContact: commit,
    };
    this.delivery = new Delivery({
      ...common,
      conversations: this.conversations,
      health: new StorageHealth(clock),
      mayDelete,
      rosters: { take: () => Promise.resolve(null), prove: () => Promise.resolve() },
      noteForked: () => Promise.resolve(),
      admission: () => 'take',
      commitAsKnown: commit,
      append: async (conversation, contents) => {
        await this.outgoing.append(conversation, contents.map(contentText), null);
      },
      onOwnReceived: (conversation, batch) => {
        if (batch.segment === this.outgoing.segment(conversation)) this.outgoing.leaveSegment(conversation);
      },
    });
    this.outgoing = new Outgoing({
      ...common,
      onAppended: (conversation, batches) => this.delivery.appended(conversation, batches),
    });
  }

  /** As by SIGKILL. */
  crash(): void {
    this.isAlive = false;
    this.store.crash();
  }
}

/** One end of a line in memory: frames arrive in order in a later turn, as long as it is not cut. */
class End implements PeerLink {
  session: DeliverySession | null = null;
  far: End | null = null;
  isCut = false;
  sent = 0;
  readonly peer;
  #delivering: Promise<unknown> = Promise.resolve();

  constructor(
    readonly start: Start,
    peerId: string,
  ) {
    this.peer = { peerId, user: peerId, instance: '', agent: '', address: null };
  }

  send(frame: OutgoingFrame): void {
    if (frame.type === 'presence' || frame.type === 'typing') return;
    this.#carry(structuredClone(frame));
  }

  sendBatch({ bytes }: { bytes: Uint8Array }): void {
    this.#carry({ type: 'batch', bytes });
  }

  isAlive(): Promise<boolean> {
    return Promise.resolve(true);
  }

  close(): void {
    this.cut();
  }

  cut(): void {
    for (const end of [this, this.far]) {
      if (end === null || end.isCut) continue;
      end.isCut = true;
      end.session?.closed();
    }
  }

  #carry(frame: DeliveryFrame): void {
    this.sent += 1;
    this.#delivering = this.#delivering.then(async () => {
      await turns(1);
      const { far } = this;
      if (this.isCut || far === null || !far.start.isAlive || !this.start.isAlive) return;
      void far.session?.received(frame).catch(() => far.cut());
    });
  }
}

/** Two people, each on one machine or, with a copied profile, on two. */
class World {
  readonly clock = new ManualClock();
  readonly keys = OWNERS.map((name) => new TestKeys(name));
  readonly disks = SIDES.map(() => new MemoryDisk());
  readonly starts: (Start | null)[] = [null, null, null];
  readonly accepted = new Set<string>();
  /** Whether a database was set back: what others were told of it before does not count any more. */
  wasRestored = false;
  /** Whether there is a second machine with Alice's profile. */
  isCopied = false;
  link: [End, End] | null = null;
  #texts = 0;
  readonly pending = new Set<Promise<void>>();

  async start(side: Side): Promise<Start> {
    const running = this.starts[side] ?? null;
    if (running !== null) return running;
    const start = new Start(this.keys[side] as TestKeys, this.disks[side] as MemoryDisk, this.clock);
    await start.conversations.load();
    this.starts[side] = start;
    return start;
  }

  crash(side: Side): void {
    this.starts[side]?.crash();
    this.starts[side] = null;
    this.cut();
  }

  /** Links Bob's machine with one of Alice's. */
  connect(side: 0 | 2 = 0): void {
    const [alice, bob] = [this.starts[side], this.starts[1]];
    if (this.link !== null || !alice || !bob) return;
    const ends: [End, End] = [new End(alice, bob.keys.peerId), new End(bob, alice.keys.peerId)];
    [ends[0].far, ends[1].far] = [ends[1], ends[0]];
    for (const end of ends) end.session = end.start.delivery.open(end);
    for (const end of ends) end.session?.opened();
    this.link = ends;
  }

  cut(): void {
    this.link?.[0].cut();
    this.link = null;
  }

  write(side: Side, count: number): void {
    const start = this.starts[side];
    if (!start) return;
    const bodies = Array.from({ length: count }, () => `${NAMES[side]} ${(this.#texts += 1)}`);
    const conversation = start.conversations.direct((this.keys[other(side)] as TestKeys).peerId);
    const contents = bodies.map((body) => contentText({ kind: 'text', body }));
    const sent = start.outgoing.append(conversation, contents, null).then(
      () => {
        for (const body of bodies) this.accepted.add(body);
      },
      (error: unknown) => {
        if (!(error instanceof StorageError)) throw error;
      },
    );
    this.pending.add(sent);
    void sent.finally(() => this.pending.delete(sent));
  }

  /** Makes everything well and lets it settle. */
  async settle(): Promise<void> {
    for (const disk of this.disks) {
      disk.full = false;
      disk.away = null;
    }
    for (const side of this.machines()) await this.start(side);
    for (let round = 0; round < (this.isCopied ? 4 : 1); round += 1) {
      this.cut();
      await this.#settleLink(round % 2 === 1 && this.isCopied ? 2 : 0);
    }
  }

  async #settleLink(side: 0 | 2): Promise<void> {
    for (let round = 0; round < 8; round += 1) {
      this.connect(side);
      await turns(120);
      await this.clock.advance(6_000);
    }
  }

  machines(): Side[] {
    return SIDES.filter((side) => side !== 2 || this.isCopied);
  }

  /** A watermark claims nothing that the disk of its member does not have. */
  checkWatermarks(): void {
    if (this.wasRestored || this.isCopied) return;
    for (const side of [0, 1] as const) {
      const member = (this.keys[other(side)] as TestKeys).peerId;
      const rows = (this.disks[other(side)] as MemoryDisk).rows;
      for (const watermark of (this.disks[side] as MemoryDisk).watermarks.values()) {
        if (watermark.member !== member) continue;
        const has = (hash: string): boolean => rows.some(({ batch }) => batch.hash === hash);
        expect(watermark.have.filter(({ hash }) => !has(hash))).toEqual([]);
      }
    }
  }

  texts(side: Side): string[] {
    const { rows } = this.disks[side] as MemoryDisk;
    const entries = rows.flatMap(({ batch }) =>
      entriesOf(batch).map((entry) => ({ ...entry, author: batch.author, segment: batch.segment })),
    );
    const key = (one: (typeof entries)[0]): string => `${one.clock} ${one.author} ${one.segment} ${one.seq}`;
    return entries
      .sort((a, b) => (key(a) < key(b) ? -1 : 1))
      .map(({ content }) => {
        const read = readContent(content);
        return read.kind === 'text' ? read.body : read.kind;
      });
  }
}

/** One thing that happens; its text is a line of the trace that a failure shrinks to. */
interface Step {
  text: string;
  happen: (world: World) => unknown;
}

const aSide = fc.constantFrom<Side>(0, 1);
const step = (text: string, happen: Step['happen']): Step => ({ text, happen });
const steps: fc.Arbitrary<Step>[] = [
  fc
    .tuple(aSide, fc.integer({ min: 1, max: 4 }))
    .map(([side, count]) => step(`${NAMES[side]} writes ${count}`, (world) => world.write(side, count))),
  aSide.map((side) => step(`${NAMES[side]} is killed`, (world) => world.crash(side))),
  aSide.map((side) => step(`${NAMES[side]} starts`, (world) => world.start(side))),
  fc.constant(
    step('both run and link', async (world) => {
      for (const side of [0, 1] as const) await world.start(side);
      world.connect();
    }),
  ),
  fc.constant(step('the line is cut', (world) => world.cut())),
  fc.integer({ min: 1, max: 30 }).map((count) => step(`${count} turns pass`, () => turns(count))),
  fc.constantFrom(100, 6_000).map((ms) => step(`${ms} ms pass`, async (world) => world.clock.advance(ms))),
  fc
    .constantFrom(-3_600_000, 3_600_000)
    .map((ms) => step(`the clocks jump by ${ms} ms`, (world) => world.clock.jump(ms))),
  fc.tuple(aSide, fc.boolean()).map(([side, full]) =>
    step(`the disk of ${NAMES[side]} is ${full ? 'full' : 'well'}`, (world) => {
      (world.disks[side] as MemoryDisk).full = full;
    }),
  ),
  fc.tuple(aSide, fc.constantFrom('lands', 'is lost', 'well')).map(([side, mode]) =>
    step(`what ${NAMES[side]} saves ${mode}, and nobody is told`, (world) => {
      (world.disks[side] as MemoryDisk).away = mode === 'well' ? null : () => mode === 'lands';
    }),
  ),
];

/** A database that is set back, and is written to before the next link. */
const backups: fc.Arbitrary<Step>[] = [
  fc
    .tuple(fc.constantFrom<Side>(0, 1), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 5 }))
    .map(([side, lost, written]) =>
      step(
        `${NAMES[side]} writes ${lost}, gets a backup from before that, writes ${written}`,
        async (world) => {
          // The other side holds everything by then: nothing that was accepted is on this disk alone.
          await world.settle();
          const backup = (world.disks[side] as MemoryDisk).clone();
          world.write(side, lost);
          world.write(other(side), 3);
          await world.settle();
          await setBack(world, side, backup, written);
        },
      ),
    ),
  fc.tuple(fc.constantFrom<Side>(0, 1), fc.integer({ min: 0, max: 5 })).map(([side, written]) =>
    step(`${NAMES[side]} loses the database, keeps the key and writes ${written}`, async (world) => {
      await world.settle();
      await setBack(world, side, new MemoryDisk(), written);
    }),
  ),
];

async function setBack(world: World, side: Side, disk: MemoryDisk, written: number): Promise<void> {
  world.wasRestored = true;
  world.crash(side);
  (world.disks[side] as MemoryDisk).restore(disk);
  await world.start(side);
  world.write(side, written);
  await turns(5);
}

/** Two machines with one profile, of which one at a time is linked to Bob. */
const copies: fc.Arbitrary<Step>[] = [
  fc.constant(
    step("Alice's profile is copied", async (world) => {
      if (world.isCopied) return;
      world.isCopied = true;
      (world.disks[2] as MemoryDisk).restore(world.disks[0] as MemoryDisk);
      await world.start(2);
    }),
  ),
  fc
    .integer({ min: 1, max: 3 })
    .map((count) => step(`Alice's copy writes ${count}`, (world) => world.write(2, count))),
  fc.constant(
    step('Bob links with the copy', (world) => {
      world.cut();
      world.connect(2);
    }),
  ),
];

function check(world: World): void {
  const [first = [], ...others] = world.machines().map((side) => world.texts(side));
  for (const one of others) expect(one).toEqual(first);
  expect(new Set(first).size).toBe(first.length);
  expect([...world.accepted].filter((text) => !first.includes(text))).toEqual([]);
}

async function run(list: readonly Step[]): Promise<World> {
  const world = new World();
  for (const side of [0, 1] as const) await world.start(side);
  world.connect();
  for (const { happen } of list) {
    await happen(world);
    world.checkWatermarks();
  }
  await world.settle();
  return world;
}

const traces = (all: fc.Arbitrary<Step>[]): fc.Arbitrary<Step[]> =>
  fc
    .array(fc.oneof(...all), { maxLength: 40 })
    .map((list) =>
      Object.assign(list, { [fc.toStringMethod]: () => `\n  ${list.map(({ text }) => text).join('\n  ')}` }),
    );
const numRuns = Number(process.env['PROPERTY_RUNS'] ?? 150);

describe('delivery between two nodes', { timeout: 120_000 }, () => {
  it('loses nothing, doubles nothing and keeps one order, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(traces(steps), async (list) => check(await run(list))),
      { numRuns },
    );
  });

  it('brings back what a restored node lacks, and what it wrote meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(traces([...steps, ...backups]), async (list) => check(await run(list))),
      { numRuns },
    );
  });

  it('loses nothing of a profile that runs on two machines', async () => {
    await fc.assert(
      fc.asyncProperty(traces([...steps, ...copies, ...copies]), async (list) => check(await run(list))),
      { numRuns },
    );
  });

  it('says nothing more once both sides are alike', async () => {
    await fc.assert(
      fc.asyncProperty(traces([...steps, ...backups]), async (list) => {
        const world = await run(list);
        world.cut();
        world.connect();
        await turns(60);
        // One digest each.
        expect(world.link?.map(({ sent }) => sent)).toEqual([1, 1]);
      }),
      { numRuns: Math.ceil(numRuns / 3) },
    );
  });
});
