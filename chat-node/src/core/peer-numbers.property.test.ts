import {
  CLOCK_LIMIT,
  CLOCK_MERGE_LIMIT,
  CLOCK_OPERATION_LIMIT,
  contentText,
  createBatch,
  createOperation,
  directConversation,
  entriesOf,
  hex,
  MAX_FEED_TIPS,
  MAX_HOLD_MS,
  MAX_SEQ,
  type NewEntry,
  operationBytes,
  operationText,
  type RosterDetail,
  type RosterOperation,
  type StateFrame,
  type Tip,
  tipOf,
  verifyBatch,
  verifyOperation,
} from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryNetwork, MemoryTransport } from '../testing/memory-network.js';
import { MemoryNode } from '../testing/memory-node.js';
import { TestKeys } from '../testing/test-keys.js';
import type { IncomingFrame, LinkHandler, PeerLink } from './ports/peer-link.js';

/*
 * Every number of docs/protocol.md that a node takes from a peer, at and within the edges of what is valid:
 * clocks, numbers of entries, times, tips, marks, holds, clocks of operations. Whatever Eve says, Bob says
 * nothing that Carol, who is honest, or Eve, who looks at every bound, has to refuse, and what he writes
 * still reaches Carol; and he can leave.
 */

const clockOf = (value: bigint): string => value.toString(16).padStart(16, '0');
const before = (clock: string): string => clockOf(BigInt(`0x${clock}`) - 1n);
const LAST_CLOCK = before(CLOCK_LIMIT);

type Where = 'direct' | 'group';
type Act =
  | {
      kind: 'batch';
      where: Where;
      clock: string;
      entries: number;
      sentAt: number;
      follows: boolean;
      late: number;
    }
  | { kind: 'tips'; where: Where; count: number; clock: string }
  | { kind: 'state'; where: Where; marks: { seq: number; clock: string }[]; hold: number | undefined }
  | { kind: 'want'; where: Where; seqs: number[] }
  | { kind: 'operation'; clock: string }
  | { kind: 'write'; who: 'bob' | 'carol'; where: Where }
  | { kind: 'answer' | 'read' }
  | { kind: 'restart'; who: 'bob' | 'carol' };

const where = fc.constantFrom<Where>('direct', 'group');
const who = fc.constantFrom<'bob' | 'carol'>('bob', 'carol');
const clock = fc.oneof(
  fc.constantFrom(
    clockOf(0n),
    clockOf(0xffffn),
    before(CLOCK_MERGE_LIMIT),
    before(CLOCK_OPERATION_LIMIT),
    CLOCK_MERGE_LIMIT,
    LAST_CLOCK,
  ),
  fc.bigInt({ min: 0n, max: BigInt(`0x${LAST_CLOCK}`) }).map(clockOf),
);
const seq = fc.oneof(fc.constantFrom(1, 2, MAX_SEQ - 1, MAX_SEQ), fc.integer({ min: 1, max: MAX_SEQ }));
const act = fc.oneof<fc.Arbitrary<Act>[]>(
  fc.record({
    kind: fc.constant('batch'),
    where,
    clock,
    entries: fc.integer({ min: 1, max: 3 }),
    sentAt: fc.oneof(fc.constantFrom(0, Number.MAX_SAFE_INTEGER), fc.maxSafeNat()),
    follows: fc.boolean(),
    late: fc.oneof(fc.constant(0), seq),
  }),
  fc.record({ kind: fc.constant('tips'), where, count: fc.constantFrom(2, 70, MAX_FEED_TIPS + 1), clock }),
  fc.record({
    kind: fc.constant('state'),
    where,
    marks: fc.array(fc.record({ seq, clock }), { maxLength: 3 }),
    hold: fc.option(fc.constantFrom(0, 1, MAX_HOLD_MS), { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('want'), where, seqs: fc.array(seq, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant('operation'), clock }),
  fc.record({ kind: fc.constant('write'), who, where }),
  fc.record({ kind: fc.constantFrom('answer', 'read') }),
  fc.record({ kind: fc.constant('restart'), who }),
);

/** Says what she likes, within what a receiver must take; looks at every bound of what she is told. */
class Eve implements LinkHandler {
  readonly keys = new TestKeys('Eve');
  readonly refused: unknown[] = [];
  link: PeerLink | null = null;
  readonly #tips = new Map<string, Tip>();
  #operations: RosterOperation[] = [];

  admits = (): boolean => true;
  prefers = (): boolean => true;
  onOpen = (link: PeerLink): void => void (this.link = link);
  onClosed = (): void => void (this.link = null);

  async onFrame(_link: PeerLink, frame: IncomingFrame): Promise<void> {
    try {
      if (frame.type === 'batch') verifyBatch(frame.bytes, this.keys);
      if (frame.type === 'roster')
        for (const one of frame.operations) verifyOperation(operationBytes(one), this.keys);
    } catch (error) {
      this.refused.push(error);
    }
  }

  /** The id of the group; the first operation founds it. */
  get group(): string {
    return this.#operations[0]?.conversation ?? '';
  }

  operate(clock: string, detail: RosterDetail): void {
    const last = this.#operations.at(-1);
    const head = { conversation: last?.conversation ?? null, clock, parents: last ? [last.hash] : [] };
    const operation = createOperation({ ...head, detail }, this.keys);
    // One that is void is still told.
    if (last === undefined || clock > last.clock) this.#operations.push(operation);
    this.#tell([operation]);
  }

  tellRoster(): void {
    this.#tell(this.#operations);
  }

  /** The entry that the first batch of a segment in the group names. */
  get entry(): Tip {
    const { hash, clock } = this.#operations[0] as RosterOperation;
    return { segment: hash.slice(0, 32), seq: 1, clock, hash };
  }

  write(
    conversation: string,
    clock: string,
    entries: number,
    { sentAt = 0, follows = false, late = 0 } = {},
  ): void {
    const segment = hex(this.keys.random(16));
    const known = this.#tips.get(conversation);
    const tips: Tip[] = conversation === this.group ? [this.entry] : [];
    if (follows && known !== undefined) tips.push(known);
    // The rest of a segment whose beginning was not written for who gets it.
    if (late > 0 && late < MAX_SEQ)
      tips.unshift({ segment, seq: late, clock: clockOf(1n), hash: hex(this.keys.random(32)) });
    const first = tips[0]?.segment === segment ? late + 1 : 1;
    const count = Math.min(entries, MAX_SEQ - first + 1);
    const start = BigInt(`0x${clock}`);
    const contents = Array.from({ length: count }, (_, nth): NewEntry => ({
      ...{ clock: clockOf(start + BigInt(nth)), sentAt },
      content: contentText({ kind: 'text', body: `Eve ${nth}` }),
    }));
    // What she must not say is no question here.
    if (contents.some((one) => one.clock > LAST_CLOCK) || tips.some((tip) => tip.clock >= clock)) return;
    const head = { conversation, author: this.keys.peerId, segment, first, follows: tips };
    const batch = createBatch(head, contents, this.keys);
    this.#tips.set(conversation, tipOf(batch));
    this.link?.sendBatch(batch);
  }

  #tell(operations: readonly RosterOperation[]): void {
    const conversation = this.group;
    const told = operations.map(({ bytes }) => operationText(bytes));
    this.link?.send({ type: 'roster', conversation, operations: told, more: false });
  }
}

class World {
  readonly clock = new ManualClock();
  readonly network = new MemoryNetwork(this.clock);
  readonly eve = new Eve();
  readonly bob = new MemoryNode('Bob', this.network);
  readonly carol = new MemoryNode('Carol', this.network);
  readonly written: string[] = [];
  readonly #transport = new MemoryTransport(this.network, {
    ...{ self: this.eve.keys.peerId, user: 'Eve', instance: 'Eve' },
  });

  async open(): Promise<this> {
    const { eve, bob, carol, clock } = this;
    for (const node of [bob, carol]) await node.start();
    await this.#transport.listen(eve);
    await bob.chat.accept(carol.peerId);
    await carol.chat.accept(bob.peerId);
    await bob.chat.accept(eve.keys.peerId);
    await this.settle();
    const now = clockOf(BigInt(clock.now()) << 16n);
    const founded = {
      name: 'Team',
      user: 'Eve',
      open: false,
      history: 'join',
      nonce: '0'.repeat(32),
    } as const;
    eve.operate(now, { kind: 'found', ...founded });
    for (const [nth, { peerId, user }] of [bob, carol].entries())
      eve.operate(clockOf(BigInt(`0x${now}`) + BigInt(nth + 1)), { kind: 'add', person: peerId, user });
    await this.settle();
    eve.tellRoster();
    await this.settle();
    for (const node of [bob, carol]) {
      const group = node.chat.conversations.get(eve.group);
      if (group === undefined) throw new Error(`${node.user} did not hear of the group`);
      await node.chat.rosters.enter(group);
      await this.settle();
    }
    return this;
  }

  async settle(rounds = 3): Promise<void> {
    for (let round = 0; round < rounds; round += 1) {
      if (this.eve.link === null && this.bob.running)
        await this.#transport.dial(this.bob.peerId, []).catch(() => undefined);
      for (let turn = 0; turn < 40; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      await this.clock.advance(1_000);
    }
  }

  async do(act: Act): Promise<void> {
    const { eve, bob, carol } = this;
    const direct = directConversation(eve.keys.peerId, bob.peerId, eve.keys.sha256);
    const place = 'where' in act && act.where === 'group' ? eve.group : direct;
    switch (act.kind) {
      case 'batch':
        eve.write(place, act.clock, act.entries, act);
        break;
      case 'tips':
        for (let nth = 0; nth < act.count; nth += 1) eve.write(place, act.clock, 1);
        await this.settle();
        break;
      case 'state':
      case 'want':
        this.#claim(place, act);
        break;
      case 'operation':
        eve.operate(act.clock, { kind: 'rename', name: 'Team' });
        break;
      case 'write': {
        const node = act.who === 'bob' ? bob : carol;
        const body = `${act.who} ${this.written.length}`;
        const far = node === bob ? carol : bob;
        const id = act.where === 'group' ? eve.group : node.chat.conversations.direct(far.peerId).id;
        await node.chat.messages.send(id, [body]);
        this.written.push(contentText({ kind: 'text', body }));
        break;
      }
      case 'answer':
        for (const id of [direct, eve.group]) {
          const all = await bob.chat.messages.history(id, { limit: 20 });
          const last = all.findLast(({ change }) => change === undefined);
          if (last !== undefined) await bob.chat.messages.actions.react(last.id, ['👍']);
        }
        break;
      case 'read':
        for (const id of [direct, eve.group])
          if (bob.chat.conversations.get(id) !== undefined) await bob.chat.messages.markRead(id);
        break;
      case 'restart': {
        const node = act.who === 'bob' ? bob : carol;
        node.crash();
        if (node === bob) eve.link = null;
        await node.start();
        break;
      }
    }
    await this.settle(1);
  }

  #claim(conversation: string, act: Extract<Act, { kind: 'state' | 'want' }>): void {
    const { eve, bob } = this;
    if (act.kind === 'want') {
      const segments = act.seqs.map((one): [string, number] => [hex(eve.keys.random(16)), one]);
      eve.link?.send({ type: 'want', conversation, author: bob.peerId, segments, more: false });
      return;
    }
    const tips = act.marks.map((mark) => ({
      ...mark,
      ...{ segment: hex(eve.keys.random(16)), hash: hex(eve.keys.random(32)) },
    }));
    const read = tips.map(({ segment, seq: last }) => ({ segment, seq: last }));
    const feeds = [bob.peerId, eve.keys.peerId].map((author) => ({ author, tips, read }));
    const state: StateFrame = { type: 'state', conversation, feeds };
    eve.link?.send(act.hold === undefined ? state : { ...state, hold: act.hold });
  }

  async close(): Promise<void> {
    for (const node of [this.bob, this.carol]) if (node.running) node.crash();
  }
}

async function check(acts: readonly Act[]): Promise<void> {
  const world = await new World().open();
  try {
    for (const one of acts) await world.do(one);
    await world.do({ kind: 'write', who: 'bob', where: 'direct' });
    await world.do({ kind: 'write', who: 'bob', where: 'group' });
    await world.settle(20);
    const group = world.bob.chat.conversations.get(world.eve.group);
    if (group !== undefined) await world.bob.chat.rosters.leave(group);
    expect(group?.group?.isMember(world.bob.peerId)).toBe(false);
    await world.settle();
    const { network, eve, bob, carol, written } = world;
    const honest = [bob.peerId, carol.peerId];
    const refused = network.refusals.filter(({ by, of }) => honest.includes(of) || !honest.includes(by));
    expect(refused.map(({ error }) => error.message)).toEqual([]);
    expect(eve.refused).toEqual([]);
    for (const node of [bob, carol]) {
      const held = node.disk.rows.flatMap(({ batch }) => entriesOf(batch)).map(({ content }) => content);
      expect(held).toEqual(expect.arrayContaining(written));
    }
  } finally {
    await world.close();
  }
}

describe('whatever numbers a peer says', () => {
  it('a node says nothing that others must refuse, and what it writes arrives', async () => {
    await fc.assert(fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 8 }), check), { numRuns: 40 });
  }, 120_000);
});
