/*
 * `make chaos`: nodes as processes of their own, with TLS between them and a
 * relay in front of each gateway, write to each other while they are killed
 * and their lines are cut: two, or the members of a group, of whom some are
 * away for a time. In the end all histories are compared with what was accepted.
 *
 *     make chaos [ROUNDS=300] [MEMBERS=2] [SEED=n] [STORAGE=sqlite|mongodb]
 *
 * A seed replays the plan of the faults and what is written; what the machine
 * makes of it in time is its own. MongoDB is that of MONGODB_URI_TEST. Needs a
 * system where all of 127.0.0.0/8 is loopback, as Linux is.
 */
import { randomInt, randomUUID } from 'node:crypto';
import mongoose from 'mongoose';
import { controlOf, wholeConversation } from '../support/control.ts';
import { freePort, type RunningDaemon, waitFor, World } from '../support/processes.ts';
import { audit, type End } from './audit.ts';
import { makePlan, type Moment, type Round } from './plan.ts';
import { SeededRandom } from './seeded-random.ts';
import { Traffic } from './traffic.ts';
import { UnreliableLine } from './unreliable-line.ts';

export interface CampaignOptions {
  rounds: number;
  /** How many write to each other; more than two are a group. */
  members: number;
  seed: number;
  /** Connection string of a MongoDB server for tests, without a database; null: SQLite. */
  mongodb: string | null;
  report: (line: string) => void;
}

export interface CampaignResult {
  seed: number;
  rounds: number;
  members: number;
  storage: 'sqlite' | 'mongodb';
  /** Processes that were ended by SIGKILL. */
  kills: number;
  /** Times that all lines were cut. */
  cuts: number;
  /** Lines that were disturbed and recovered. */
  disturbances: number;
  /** Times that a node came back at another port. */
  moves: number;
  asked: number;
  accepted: number;
  /** Messages in each history in the end. */
  stored: number;
  seconds: number;
  /** What is wrong; empty where all is well. */
  findings: string[];
}

/** In a group names are numbers. */
const PAIR = ['Alice', 'Bob'];
/** Where the relays of each node listen, at its ports; the nodes themselves listen on 127.0.0.1. */
const visible = (node: number): string => `127.0.0.${2 + node}`;
/** From where relays dial: nothing listens there, so that nobody goes past a relay by what they remember. */
const ELSEWHERE = '127.0.0.254';
/** Gateways of one node at a time, between which it moves; in a group each has one, or there would be too many to dial. */
const PORTS_OF_PAIR = 3;
/** How long everything has to settle in the end: the longest wait between two dials, and some. */
const SETTLE_MS = 180_000;
/** How long a kill waits for its moment; the link may be down. */
const MOMENT_MS = 500;
const PAGE = 1_000;
/** Members of a group: what one machine carries. */
const MAX_MEMBERS = 50;
const REPORT_EVERY = 50;

/** One of those who write, with what lies between them and the others. */
interface Node {
  name: string;
  home: string;
  /** Connection string of its database; undefined: SQLite. */
  database: string | undefined;
  ports: number[];
  /** In front of each port. */
  lines: UnreliableLine[];
  place: number;
  daemon: RunningDaemon;
  traffic: Traffic;
  /** Until which round it is away. */
  awayUntil: number;
}

class Campaign {
  readonly #world = new World();
  readonly #options: CampaignOptions;
  readonly #nodes: Node[] = [];
  readonly #counts = { kills: 0, cuts: 0, disturbances: 0, moves: 0 };

  constructor(options: CampaignOptions) {
    this.#options = options;
  }

  async run(): Promise<CampaignResult> {
    const { rounds, members, seed, mongodb, report } = this.#options;
    const began = performance.now();
    const random = new SeededRandom(seed);
    const plan = makePlan(rounds, members, random);
    const nodes = this.#nodes;
    try {
      await this.#prepare();
      const group = members > 2 ? await this.#found() : null;
      for (const [nth, node] of nodes.entries()) {
        const to = group ?? (nodes[1 - nth] as Node).daemon.peerId;
        const seeded = new SeededRandom(random.integer(0, 2 ** 31));
        const { name, home } = node;
        node.traffic = new Traffic({ name, home, to, writers: members, random: seeded });
        node.traffic.start();
      }
      for (const [at, round] of plan.entries()) {
        await sleep(round.afterMs);
        await this.#comeBack(at);
        await this.#play(round, at);
        if ((at + 1) % REPORT_EVERY === 0) report(`round ${at + 1} of ${rounds}`);
      }
      await this.#comeBack(Number.POSITIVE_INFINITY);
      this.#setLines('open');
      await Promise.all(nodes.map(({ traffic }) => traffic.stop()));
      report('everything is well again; waiting until it settles');
      await this.#settle();
      const ends: End[] = [];
      for (const node of nodes) {
        const { name, traffic, daemon } = node;
        ends.push({
          name,
          peerId: daemon.peerId,
          traffic,
          history: await wholeConversation(daemon, traffic.to),
        });
      }
      return {
        seed,
        rounds,
        members,
        storage: mongodb === null ? 'sqlite' : 'mongodb',
        ...this.#counts,
        asked: sum(nodes.map(({ traffic }) => traffic.asked.length)),
        accepted: sum(nodes.map(({ traffic }) => traffic.accepted.length)),
        stored: ends[0]?.history.length ?? 0,
        seconds: Math.round((performance.now() - began) / 1_000),
        findings: audit(ends),
      };
    } finally {
      await this.#close();
    }
  }

  async #prepare(): Promise<void> {
    const { members, mongodb } = this.#options;
    const ports = members === 2 ? PORTS_OF_PAIR : 1;
    for (let nth = 0; nth < members; nth += 1) {
      const name = members === 2 ? (PAIR[nth] as string) : `Node${nth}`;
      const node = {
        ...{
          name,
          home: await this.#world.folder(`chaos-${name}`),
          ports: [] as number[],
          lines: [] as UnreliableLine[],
        },
        ...{ place: 0, awayUntil: 0 },
        database:
          mongodb === null ? undefined : `${mongodb.replace(/\/$/, '')}/p2p-chat-chaos-${randomUUID()}`,
      } as Node;
      while (node.ports.length < ports) {
        const port = await freePort();
        node.ports.push(port);
        node.lines.push(
          await UnreliableLine.open({
            listen: { host: visible(nth), port },
            to: { host: '127.0.0.1', port },
            from: members === 2 ? visible(1 - nth) : ELSEWHERE,
          }),
        );
      }
      this.#nodes.push(node);
    }
    await Promise.all(this.#nodes.map((node) => this.#start(node)));
  }

  /** A group of all. @returns its id */
  async #found(): Promise<string> {
    const [first, ...others] = this.#nodes as [Node, ...Node[]];
    await untilLinks(this.#nodes.map(({ daemon }) => daemon));
    const people = others.map(({ daemon }) => daemon.peerId);
    const { id } = await controlOf(first.daemon).createGroup({ name: 'Chaos', people });
    for (const { name, daemon } of others) {
      const isAsked = async (): Promise<boolean> => (await controlOf(daemon).groups()).length > 0;
      await waitFor(`${name} to be asked`, isAsked);
      await controlOf(daemon).enterGroup(id);
    }
    for (const { name, daemon } of this.#nodes) {
      await waitFor(`${name} to know that all are in`, async () => {
        const group = await controlOf(daemon).group(id);
        return group.members.every(({ state }) => state === 'member');
      });
    }
    return id;
  }

  async #start(node: Node): Promise<void> {
    node.daemon = await (await this.#spawn(node)).untilReady();
  }

  #spawn(node: Node): Promise<RunningDaemon> {
    const { name: user, home, database } = node;
    const peers = this.#nodes.flatMap((other, nth) =>
      other === node ? [] : other.ports.map((port) => `${visible(nth)}:${port}`),
    );
    const env = { LOG_LEVEL: 'warn', ...(database === undefined ? {} : { MONGODB_URI: database }) };
    return this.#world.spawnDaemon({ user, home, port: node.ports[node.place] ?? 0, peers, env });
  }

  async #play(round: Round, at: number): Promise<void> {
    this.#setLines(round.line);
    await sleep(round.lineMs);
    switch (round.type) {
      case 'disturb':
        this.#counts.disturbances += 1;
        break;
      case 'cut':
        this.#cut();
        this.#counts.cuts += 1;
        break;
      case 'kill': {
        // What the line held back arrives at once, where something is waited for.
        if (round.moment !== 'any') this.#setLines('open');
        const killed = round.nodes
          .map((nth) => this.#nodes[nth] as Node)
          .filter((node) => node.awayUntil <= at);
        await Promise.all(
          killed.map(async (node) => {
            await this.#until(node, round.moment);
            await this.#kill(node.daemon);
          }),
        );
        this.#cut();
        if (round.awayRounds > 0) for (const node of killed) node.awayUntil = at + round.awayRounds;
        else await Promise.all(killed.map((node) => this.#startAgain(node, round)));
        break;
      }
    }
    this.#setLines('open');
  }

  /** Those whose time away is over start. */
  async #comeBack(at: number): Promise<void> {
    const back = this.#nodes.filter(
      ({ daemon, awayUntil }) => !daemon.running && awayUntil > 0 && awayUntil <= at,
    );
    await Promise.all(back.map((node) => this.#start(node)));
  }

  /** Waits for the moment of a kill, or in vain for {@link MOMENT_MS}. */
  async #until(node: Node, moment: Moment): Promise<void> {
    const own = node.lines;
    const others = this.#nodes.filter((one) => one !== node).flatMap(({ lines }) => lines);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        for (const forget of all) forget();
        resolve();
      }, MOMENT_MS);
      const now = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const all: (() => void)[] = [];
      switch (moment) {
        case 'any':
          return now();
        case 'sends':
          for (const line of own) all.push(line.onceFrom('listener', now));
          for (const line of others) all.push(line.onceFrom('dialler', now));
          break;
        case 'receives':
          for (const line of own) all.push(line.onceFrom('dialler', now));
          for (const line of others) all.push(line.onceFrom('listener', now));
          break;
        case 'accepts':
          all.push(node.traffic.onceAccepted(now));
          break;
      }
    });
  }

  async #kill(daemon: RunningDaemon): Promise<void> {
    if (!daemon.running) throw new Error(`${daemon.name} ended by itself:\n${daemon.stderr.slice(-4_000)}`);
    await daemon.kill();
    this.#counts.kills += 1;
  }

  async #startAgain(node: Node, round: Extract<Round, { type: 'kill' }>): Promise<void> {
    if (round.moves && node.ports.length > 1) {
      node.place = (node.place + 1) % node.ports.length;
      this.#counts.moves += 1;
    }
    if (round.killedStartMs !== null) {
      const short = await this.#spawn(node);
      await sleep(round.killedStartMs);
      await this.#kill(short);
    }
    await this.#start(node);
  }

  get #lines(): UnreliableLine[] {
    return this.#nodes.flatMap(({ lines }) => lines);
  }

  #setLines(fault: Round['line']): void {
    for (const line of this.#lines) line.fault = fault;
  }

  /** Nothing that a fault spoilt is left: a line that swallowed bytes cannot go on. */
  #cut(): void {
    for (const line of this.#lines) line.cut();
  }

  /** Waits until everything has arrived and was read, and all know it. */
  async #settle(): Promise<void> {
    for (const { name, daemon } of this.#nodes) {
      const isEmpty = async (): Promise<boolean> => (await controlOf(daemon).status()).outbox.queued === 0;
      await waitFor(`the outbox of ${name} to be empty`, isEmpty, SETTLE_MS);
    }
    for (const { daemon, traffic } of this.#nodes) await controlOf(daemon).read(traffic.to);
    for (const { name, daemon, traffic } of this.#nodes) {
      await waitFor(
        `the last receipts of ${name}`,
        async () => {
          const latest = await controlOf(daemon).history(traffic.to, { limit: PAGE });
          return latest.every(({ author, state }) => author !== daemon.peerId || state === 'read');
        },
        SETTLE_MS,
      ).catch((error: unknown) => this.#options.report(String(error)));
    }
  }

  async #close(): Promise<void> {
    await this.#world.close();
    await Promise.all(this.#lines.map((line) => line.close()));
    for (const { database } of this.#nodes) {
      if (database === undefined) continue;
      const connection = await mongoose.createConnection(database).asPromise();
      await connection.dropDatabase();
      await connection.close();
    }
  }
}

/** Waits until each of them has a link to all others. */
async function untilLinks(daemons: readonly RunningDaemon[]): Promise<void> {
  for (const daemon of daemons) {
    const hasAll = async (): Promise<boolean> =>
      (await controlOf(daemon).status()).links === daemons.length - 1;
    await waitFor(`${daemon.name} to have all links`, hasAll, SETTLE_MS);
  }
}

/** Runs a campaign to its end. */
export function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  return new Campaign(options).run();
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A whole number from the environment; where it is not set, what `otherwise` gives. */
function numberFrom(name: string, otherwise: () => number): number {
  const text = process.env[name] ?? '';
  if (text === '') return otherwise();
  if (!/^\d{1,10}$/.test(text)) throw new Error(`${name} is "${text}"; it takes a whole number.`);
  return Number(text);
}

async function main(): Promise<void> {
  const storage = process.env['STORAGE'] ?? 'sqlite';
  const mongodb = storage === 'mongodb' ? process.env['MONGODB_URI_TEST'] : null;
  if (mongodb === undefined) throw new Error('STORAGE=mongodb takes MONGODB_URI_TEST=mongodb://… as well.');
  const rounds = numberFrom('ROUNDS', () => 300);
  const members = numberFrom('MEMBERS', () => 2);
  if (members < 2 || members > MAX_MEMBERS) throw new Error(`MEMBERS is 2 to ${MAX_MEMBERS}.`);
  const seed = numberFrom('SEED', () => randomInt(2 ** 31));
  const again = `SEED=${seed} ROUNDS=${rounds} MEMBERS=${members}`;
  console.log(`chaos on ${storage}; again with ${again}`);
  const result = await runCampaign({ rounds, members, seed, mongodb, report: console.log });
  console.log(JSON.stringify(result, null, 2));
  if (result.findings.length > 0) process.exitCode = 1;
}

if (import.meta.main) await main();
