/*
 * `make bench-groups`: groups as their members meet them, each figure beside
 * that of a conversation of two in the same run. Nodes are processes of their
 * own with TLS between them on loopback. Prints a table and one object of JSON,
 * or with --json the object alone; with --short what takes seconds.
 *
 * Compares the histories afterwards, so that speed is never bought with a lost
 * message.
 */
import { randomBytes } from 'node:crypto';
import {
  hex,
  MAX_GROUP_MEMBERS,
  MAX_ROSTER_OPERATIONS,
  resolveRoster,
  type RosterOperation,
} from '@p2p-chat/shared';
import { readControlFile } from '../chat-node/dist/console/control-file.js';
import { acquaint, controlOf, wholeConversation } from '../e2e/support/control.ts';
import { type LightConversation, LightPeer, LightPerson, LightRoster } from '../e2e/support/light-peer.ts';
import { type RunningDaemon, waitFor, World } from '../e2e/support/processes.ts';
import { CountingRelay } from './counting-relay.ts';
import { LineFeed, linesOf } from './feed.ts';
import { cpuOf } from './process-cpu.ts';

const SHORT = process.argv.includes('--short');
const BODY_BYTES = 128;
/** Of the group whose members are nodes. */
const MEMBERS = SHORT ? 6 : 20;
/** Messages that one member writes to all others, and that one of two writes to the other. */
const STREAM = SHORT ? 10_000 : 20_000;
/** Messages that somebody missed. */
const MISSED = SHORT ? 12_000 : 100_000;
/** Members at one node that are light clients of this process. */
const LIGHT_MEMBERS = SHORT ? 50 : 200;
/** Messages that the node writes to all of them. */
const LIGHT_MESSAGES = SHORT ? 5 : 20;
/** Groups that a node and a peer share whose opening of a link is measured. */
const SHARED_GROUPS = 20;
const RESOLUTIONS = 20;
/** Longer than any of it takes, in milliseconds. */
const TIMEOUT_MS = 600_000;

/** A message that somebody wrote last, and where. */
interface Written {
  author: RunningDaemon;
  id: string;
  /** When the first one was accepted, as `performance.now()`. */
  firstAt: number;
}

/** Writes a stream as a script does. @returns when all of it is accepted */
async function write(author: RunningDaemon, conversation: string, count: number): Promise<Written> {
  const lines = new LineFeed(await readControlFile(author.home), conversation);
  for (const chunk of linesOf(count, BODY_BYTES)) await lines.write(chunk);
  const ids = await lines.end();
  return { author, id: ids.at(-1) ?? '', firstAt: lines.firstAt };
}

/** Waits until a message, and so what its author wrote before, is with all for whom it was written, or with so many. */
async function untilDelivered({ author, id }: Written, members?: number): Promise<void> {
  const node = controlOf(author);
  await waitFor(
    `what ${author.name} wrote to be delivered`,
    async () => {
      const { state, delivered = [] } = await node.message(id);
      return members === undefined ? state !== 'queued' : delivered.length >= members;
    },
    TIMEOUT_MS,
  );
}

async function untilLinks(node: RunningDaemon, count: number): Promise<void> {
  await waitFor(`${node.name} to have ${count} links`, async () => {
    const { links } = await controlOf(node).status();
    return links === count;
  });
}

/** @throws {Error} where one of them has other messages than the first, or another order */
async function checkAlike(nodes: readonly [RunningDaemon, string][], least: number): Promise<void> {
  const all = [];
  for (const [node, conversation] of nodes) {
    all.push((await wholeConversation(node, conversation)).map(({ id }) => id));
  }
  const [first = []] = all;
  if (new Set(first).size !== first.length || first.length < least)
    throw new Error(`${first.length} messages, of which ${new Set(first).size} are different`);
  for (const one of all) if (one.join() !== first.join()) throw new Error('two members show another order');
}

const QUIET = { LOG_LEVEL: 'warn' };
const addressOf = ({ ready }: RunningDaemon): string => `127.0.0.1:${ready.peerPort}`;

/** The loopback address at which somebody who comes back sees the others: relays, which count. */
const VISIBLE = '127.0.0.2';

/** Somebody who comes back. */
class Latecomer {
  readonly #relays: CountingRelay[];
  readonly #world: World;
  node: RunningDaemon;

  private constructor(world: World, relays: CountingRelay[], node: RunningDaemon) {
    this.#world = world;
    this.#relays = relays;
    this.node = node;
  }

  static async meet(world: World, others: readonly RunningDaemon[]): Promise<Latecomer> {
    const ports = others.map(({ ready }) => ready.peerPort);
    const relays = await Promise.all(ports.map((port) => CountingRelay.beside(port, VISIBLE)));
    const peers = ports.map((port) => `${VISIBLE}:${port}`);
    const node = await world.daemon({ user: 'Late', peers, env: QUIET });
    await untilLinks(node, others.length);
    for (const one of others) await acquaint(one, node);
    return new Latecomer(world, relays, node);
  }

  /** @returns how long it takes until all that was written is here, from the first byte of a link on, and the bytes */
  async comeBack(written: readonly Written[]): Promise<{ ms: number; bytes: number }> {
    for (const relay of this.#relays) relay.reset();
    this.node = await this.#world.restart(this.node);
    for (const one of written) await untilDelivered(one);
    return {
      ms: performance.now() - Math.min(...this.#relays.map(({ firstAt }) => firstAt)),
      bytes: this.#relays.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#relays.map((relay) => relay.close()));
  }
}

interface NodesFigures {
  /** Messages a second that reach a member, of all members together. */
  deliveriesPerSecond: number;
  catchUpMs: number;
  /** Between who comes back and all others, for a message that they missed. */
  catchUpBytes: number;
}

async function measurePair(world: World): Promise<NodesFigures> {
  const alice = await world.daemon({ user: 'Alice', env: QUIET });
  const late = await Latecomer.meet(world, [alice]);
  const to = late.node.peerId;
  await untilDelivered(await write(alice, to, 1));
  const stream = await write(alice, to, STREAM);
  await untilDelivered(stream);
  const deliveriesPerSecond = (STREAM / (performance.now() - stream.firstAt)) * 1_000;
  await late.node.stop();
  const caughtUp = await late.comeBack([await write(alice, to, MISSED)]);
  await checkAlike(
    [
      [alice, to],
      [late.node, alice.peerId],
    ],
    MISSED + STREAM,
  );
  await Promise.all([alice.stop(), late.node.stop()]);
  await late.close();
  return { deliveriesPerSecond, catchUpMs: caughtUp.ms, catchUpBytes: caughtUp.bytes / MISSED };
}

async function measureGroup(world: World): Promise<NodesFigures> {
  const nodes: RunningDaemon[] = [];
  while (nodes.length < MEMBERS) {
    nodes.push(await world.daemon({ user: `Node ${nodes.length}`, peers: nodes.map(addressOf), env: QUIET }));
  }
  const [first, ...others] = nodes as [RunningDaemon, ...RunningDaemon[]];
  for (const one of nodes) await untilLinks(one, MEMBERS - 1);
  for (const one of others) await acquaint(first, one);
  const { id: group } = await controlOf(first).createGroup({
    name: 'Team',
    people: others.map(({ peerId }) => peerId),
  });
  const untilIn = async (count: number): Promise<void> => {
    for (const node of nodes) {
      await waitFor(`${node.name} to know of ${count} members`, async () => {
        const { members } = await controlOf(node).group(group);
        return members.filter(({ state }) => state === 'member').length === count;
      });
    }
  };
  await untilIn(MEMBERS);
  await untilDelivered(await write(first, group, 1));
  const stream = await write(first, group, STREAM);
  await untilDelivered(stream);
  const deliveriesPerSecond = ((STREAM * others.length) / (performance.now() - stream.firstAt)) * 1_000;

  const late = await Latecomer.meet(world, nodes);
  await controlOf(first).setMember(group, late.node.peerId, true);
  await untilIn(MEMBERS + 1);
  await late.node.stop();
  const missed: Written[] = [];
  for (const node of nodes) missed.push(await write(node, group, MISSED / MEMBERS));
  for (const one of missed) await untilDelivered(one, MEMBERS - 1);
  const caughtUp = await late.comeBack(missed);
  const last = others.at(-1) ?? first;
  await checkAlike(
    [
      [first, group],
      [last, group],
    ],
    MISSED + STREAM,
  );
  await checkAlike([[late.node, group]], MISSED);
  await Promise.all([...nodes, late.node].map((node) => node.stop()));
  await late.close();
  return { deliveriesPerSecond, catchUpMs: caughtUp.ms, catchUpBytes: caughtUp.bytes / MISSED };
}

interface LightFigures {
  /** Of the node, for a message to or from one member, in microseconds; bytes on the wire, both directions. */
  out: { micros: number; bytes: number };
  in: { micros: number; bytes: number };
  /** For a link that opens, with a group of {@link LIGHT_MEMBERS} and one, and without. */
  linkUp: { micros: number; microsWithout: number };
  /** What the opening of a link takes more for each group that both are in and lack nothing of. */
  sharedBytes: number;
}

/** A group that somebody founded; all others but the node are in. @returns what each of them writes to, and all operations */
function foundLight(
  people: readonly LightPerson[],
  node: RunningDaemon,
): [LightConversation[], RosterOperation[]] {
  const roster = new LightRoster();
  const [founder, ...others] = people as [LightPerson, ...LightPerson[]];
  const entries = [roster.found(founder, `Light ${hex(randomBytes(4))}`)];
  for (const { peerId, user } of others) roster.add(founder, { kind: 'add', person: peerId, user });
  roster.add(founder, { kind: 'add', person: node.peerId, user: 'Node' });
  for (const one of others) entries.push(roster.add(one, { kind: 'accept', user: one.user }));
  const conversations = entries.map((entry) => ({
    id: roster.conversation,
    follows: [LightRoster.entryTip(entry)],
  }));
  return [conversations, roster.operations];
}

async function measureLight(world: World): Promise<LightFigures> {
  const fresh = await world.daemon({ user: 'Node', env: QUIET });
  const node = await world.restart(fresh);
  const client = controlOf(node);
  const relay = await CountingRelay.before(node.ready.peerPort);
  const people = await Promise.all(
    Array.from({ length: LIGHT_MEMBERS }, (_, nth) => LightPerson.named(`Light ${nth}`)),
  );
  /** Opens all links one after the other. @returns CPU of the node for one, in microseconds */
  const linkUp = async (groups: readonly LightConversation[]): Promise<[number, LightPeer[]]> => {
    const before = await cpuOf(node);
    const peers: LightPeer[] = [];
    for (const [nth, person] of people.entries()) {
      const group = groups[nth];
      const peer = await LightPeer.dial(node, person, { port: relay.port, ...(group && { group }) });
      await peer.settled();
      peers.push(peer);
    }
    await untilLinks(node, people.length);
    return [((await cpuOf(node)) - before) / people.length, peers];
  };
  const close = async (peers: readonly LightPeer[]): Promise<void> => {
    for (const peer of peers) peer.close();
    await untilLinks(node, 0);
  };

  const [, strangers] = await linkUp([]);
  for (const { peerId } of people) await client.accept(peerId);
  await close(strangers);
  const [microsWithout, without] = await linkUp([]);
  const [group, operations] = foundLight(people, node);
  without[0]?.tell(operations);
  const { id } = group[0] as LightConversation;
  await waitFor('the group', async () => (await client.group(id)).state === 'member');
  await close(without);
  const [micros, peers] = await linkUp(group);

  const cost = async (
    deliveries: number,
    work: () => Promise<unknown>,
  ): Promise<{ micros: number; bytes: number }> => {
    await work();
    const [cpu, bytes] = [await cpuOf(node), relay.bytes];
    await work();
    return { micros: ((await cpuOf(node)) - cpu) / deliveries, bytes: (relay.bytes - bytes) / deliveries };
  };
  const out = await cost(LIGHT_MESSAGES * LIGHT_MEMBERS, async () => {
    for (let nth = 0; nth < LIGHT_MESSAGES; nth += 1) {
      const { id: sent } = await client.send(id, 'x'.repeat(BODY_BYTES));
      await untilDelivered({ author: node, id: sent, firstAt: 0 });
    }
  });
  const into = await cost(LIGHT_MEMBERS, async () => {
    for (const peer of peers) await peer.send();
  });
  await close(peers);
  const sharedBytes = await measureShared(node, relay);
  await node.stop();
  await relay.close();
  return {
    out,
    in: into,
    linkUp: { micros, microsWithout },
    sharedBytes,
  };
}

/** Bytes of an opening link, both directions, for each group that both are in and lack nothing of. */
async function measureShared(node: RunningDaemon, relay: CountingRelay): Promise<number> {
  const client = controlOf(node);
  const person = await LightPerson.named('Sharer');
  const linkUpBytes = async (): Promise<number> => {
    const before = relay.bytes;
    const peer = await LightPeer.dial(node, person, { port: relay.port });
    await peer.settled();
    const bytes = relay.bytes - before;
    peer.close();
    await untilLinks(node, 0);
    return bytes;
  };
  await linkUpBytes();
  await client.accept(person.peerId);
  const without = await linkUpBytes();
  const founder = await LightPeer.dial(node, person);
  for (let nth = 0; nth < SHARED_GROUPS; nth += 1) founder.tell(foundLight([person], node)[1]);
  await waitFor('the groups', async () => (await client.groups()).length === SHARED_GROUPS + 1);
  founder.close();
  await untilLinks(node, 0);
  return ((await linkUpBytes()) - without) / SHARED_GROUPS;
}

/** Milliseconds for a roster of the greatest size: half of it people who come, the rest changes, some of them concurrent. */
async function measureRoster(): Promise<number> {
  const roster = new LightRoster();
  const founder = await LightPerson.named('Founder');
  roster.found(founder, 'Large');
  const people: LightPerson[] = [];
  while (people.length < MAX_GROUP_MEMBERS - 1) {
    const person = await LightPerson.named(`Person ${people.length}`);
    people.push(person);
    roster.add(founder, { kind: 'add', person: person.peerId, user: person.user });
    roster.add(person, { kind: 'accept', user: person.user });
  }
  // Everybody goes and comes back, over and over; every fourth change knows nothing of the three before it.
  let heads = roster.operations.slice(-1);
  for (let nth = 0; roster.operations.length < MAX_ROSTER_OPERATIONS; nth += 1) {
    const person = people[nth % people.length] as LightPerson;
    const before = heads;
    roster.add(founder, { kind: 'remove', person: person.peerId, tips: [] }, heads);
    roster.add(founder, { kind: 'add', person: person.peerId, user: person.user });
    const accepted = roster.add(person, { kind: 'accept', user: person.user });
    heads = [accepted, roster.add(founder, { kind: 'rename', name: `Large ${nth}` }, before)];
  }
  const operations = roster.operations.slice(0, MAX_ROSTER_OPERATIONS);
  const times = Array.from({ length: RESOLUTIONS }, () => {
    const began = performance.now();
    resolveRoster(operations);
    return performance.now() - began;
  });
  return times.sort((a, b) => a - b)[RESOLUTIONS / 2] as number;
}

function line(name: string, goal: string, measured: string): string {
  return name.padEnd(56) + goal.padEnd(10) + measured;
}

async function main(): Promise<void> {
  const world = new World();
  const late = setTimeout(() => {
    console.error(`Not done after ${TIMEOUT_MS / 1_000} s.`);
    process.exit(1);
  }, TIMEOUT_MS);
  try {
    const rosterMs = await measureRoster();
    const light = await measureLight(world);
    const pair = await measurePair(world);
    const group = await measureGroup(world);
    const fanOut = group.deliveriesPerSecond / pair.deliveriesPerSecond;
    const catchUp = group.catchUpMs / pair.catchUpMs;
    const crossings = group.catchUpBytes / pair.catchUpBytes;
    const json = JSON.stringify({
      members: MEMBERS,
      missed: MISSED,
      rosterMs,
      light,
      pair,
      group,
      fanOut,
      catchUp,
      crossings,
    });
    if (process.argv.includes('--json')) return console.log(json);
    const us = (micros: number): string => `${micros.toFixed(0)} µs`;
    const cost = ({ micros, bytes }: { micros: number; bytes: number }): string =>
      `${us(micros)}, ${bytes.toFixed(0)} bytes`;
    console.log(line('', 'goal', 'measured'));
    console.log(
      line(
        `${MEMBERS} members, one writes: deliveries/s, to a pair's`,
        '0.5',
        `${fanOut.toFixed(2)} (${group.deliveriesPerSecond.toFixed(0)}, ${pair.deliveriesPerSecond.toFixed(0)})`,
      ),
    );
    console.log(
      line(
        `${MISSED} missed of ${MEMBERS} authors: time, to a pair's`,
        '2',
        `${catchUp.toFixed(2)} (${group.catchUpMs.toFixed(0)} ms, ${pair.catchUpMs.toFixed(0)} ms)`,
      ),
    );
    console.log(
      line(
        "  bytes for one of them, to a pair's",
        '1',
        `${crossings.toFixed(2)} (${group.catchUpBytes.toFixed(0)})`,
      ),
    );
    console.log(line(`${LIGHT_MEMBERS} members at a node: a message to one`, '', cost(light.out)));
    console.log(line('  a message from one', '', cost(light.in)));
    console.log(
      line(
        '  a link that opens, and without the group',
        '',
        `${us(light.linkUp.micros)}, ${us(light.linkUp.microsWithout)}`,
      ),
    );
    console.log(
      line('A link that opens: bytes for each group that both share', '200', light.sharedBytes.toFixed(0)),
    );
    console.log(
      line(
        `${MAX_GROUP_MEMBERS} members, ${MAX_ROSTER_OPERATIONS} operations: resolved in`,
        '50 ms',
        `${rosterMs.toFixed(1)} ms`,
      ),
    );
    console.log(json);
  } finally {
    clearTimeout(late);
    await world.close();
  }
}

await main();
