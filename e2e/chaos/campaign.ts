/*
 * `make chaos`: two nodes as processes of their own, with TLS between them and
 * a relay in front of each gateway, write to each other while they are killed
 * and their lines are cut. In the end both histories are compared with what
 * was accepted.
 *
 *     make chaos [ROUNDS=300] [SEED=n] [STORAGE=sqlite|mongodb]
 *
 * A seed replays the plan of the faults and what is written; what the machine
 * makes of it in time is its own. MongoDB is that of MONGODB_URI_TEST. Needs a
 * system where all of 127.0.0.0/8 is loopback, as Linux is.
 */
import { randomInt, randomUUID } from 'node:crypto';
import type { MessageView } from '@p2p-chat/shared';
import mongoose from 'mongoose';
import { ControlClient } from '../../chat-node/dist/console/control-client.js';
import { freePort, type RunningDaemon, waitFor, World } from '../support/processes.ts';
import { audit } from './audit.ts';
import { makePlan, type Moment, type Round, type Side } from './plan.ts';
import { SeededRandom } from './seeded-random.ts';
import { Traffic } from './traffic.ts';
import { UnreliableLine } from './unreliable-line.ts';

export interface CampaignOptions {
  rounds: number;
  seed: number;
  /** Connection string of a MongoDB server for tests, without a database; null: SQLite. */
  mongodb: string | null;
  report: (line: string) => void;
}

export interface CampaignResult {
  seed: number;
  rounds: number;
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

const NAMES = ['Alice', 'Bob'] as const;
const SIDES = [0, 1] as const;
/** The address at which the other one sees each: that of the relay. The nodes listen on 127.0.0.1. */
const VISIBLE = ['127.0.0.2', '127.0.0.3'] as const;
/** Gateways of one node at a time, between which it moves. */
const PORTS = 3;
/** How long everything has to settle in the end: the longest wait between two dials, and some. */
const SETTLE_MS = 180_000;
/** How long a kill waits for its moment; the link may be down. */
const MOMENT_MS = 500;
const PAGE = 1_000;
const REPORT_EVERY = 50;

class Campaign {
  readonly #world = new World();
  readonly #options: CampaignOptions;
  readonly #databases: string[] = [];
  /** In front of each one's ports. */
  readonly #lines: [UnreliableLine[], UnreliableLine[]] = [[], []];
  readonly #ports: [number[], number[]] = [[], []];
  readonly #place: [number, number] = [0, 0];
  readonly #homes: string[] = [];
  #daemons: RunningDaemon[] = [];
  #traffics: Traffic[] = [];
  readonly #counts = { kills: 0, cuts: 0, disturbances: 0, moves: 0 };

  constructor(options: CampaignOptions) {
    this.#options = options;
  }

  async run(): Promise<CampaignResult> {
    const { rounds, seed, mongodb, report } = this.#options;
    const began = performance.now();
    const random = new SeededRandom(seed);
    const plan = makePlan(rounds, random);
    try {
      await this.#prepare();
      const traffics = (this.#traffics = SIDES.map(
        (side) =>
          new Traffic({
            name: NAMES[side],
            home: this.#homes[side] ?? '',
            to: this.#daemon(other(side)).peerId,
            random: new SeededRandom(random.integer(0, 2 ** 31)),
          }),
      ));
      for (const traffic of traffics) traffic.start();
      for (const [at, round] of plan.entries()) {
        await sleep(round.afterMs);
        await this.#play(round);
        if ((at + 1) % REPORT_EVERY === 0) report(`round ${at + 1} of ${rounds}`);
      }
      this.#setLines('open');
      await Promise.all(traffics.map((traffic) => traffic.stop()));
      report('everything is well again; waiting until it settles');
      await this.#settle();
      const histories = await Promise.all(SIDES.map((side) => this.#history(side)));
      const end = (side: Side): Parameters<typeof audit>[0][0] => {
        const [traffic, history] = [traffics[side], histories[side]];
        if (traffic === undefined || history === undefined) throw new RangeError(`no side ${side}`);
        return { name: NAMES[side], traffic, history };
      };
      const ends: Parameters<typeof audit>[0] = [end(0), end(1)];
      return {
        seed,
        rounds,
        storage: mongodb === null ? 'sqlite' : 'mongodb',
        ...this.#counts,
        asked: sum(traffics.map(({ asked }) => asked.length)),
        accepted: sum(traffics.map(({ accepted }) => accepted.length)),
        stored: ends[0].history.length,
        seconds: Math.round((performance.now() - began) / 1_000),
        findings: audit(ends),
      };
    } finally {
      await this.#close();
    }
  }

  async #prepare(): Promise<void> {
    for (const side of SIDES) {
      this.#homes[side] = await this.#world.folder(`chaos-${NAMES[side]}`);
      const { mongodb } = this.#options;
      if (mongodb !== null) {
        this.#databases[side] = `${mongodb.replace(/\/$/, '')}/p2p-chat-chaos-${randomUUID()}`;
      }
      for (let n = 0; n < PORTS; n += 1) {
        const port = await freePort();
        this.#ports[side].push(port);
        this.#lines[side].push(
          await UnreliableLine.open({
            listen: { host: VISIBLE[side], port },
            to: { host: '127.0.0.1', port },
            from: VISIBLE[other(side)],
          }),
        );
      }
    }
    this.#daemons = await Promise.all(SIDES.map(async (side) => (await this.#spawn(side)).untilReady()));
  }

  #spawn(side: Side): Promise<RunningDaemon> {
    const database = this.#databases[side];
    return this.#world.spawnDaemon({
      user: NAMES[side],
      home: this.#homes[side] ?? '',
      port: this.#ports[side][this.#place[side]] ?? 0,
      peers: this.#ports[other(side)].map((port) => `${VISIBLE[other(side)]}:${port}`),
      env: { LOG_LEVEL: 'warn', ...(database === undefined ? {} : { MONGODB_URI: database }) },
    });
  }

  #daemon(side: Side): RunningDaemon {
    const daemon = this.#daemons[side];
    if (daemon === undefined) throw new RangeError(`no side ${side}`);
    return daemon;
  }

  async #play(round: Round): Promise<void> {
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
      case 'kill':
        // What the line held back arrives at once, where something is waited for.
        if (round.moment !== 'any') this.#setLines('open');
        await Promise.all(
          round.sides.map(async (side) => {
            await this.#until(side, round.moment);
            await this.#kill(this.#daemon(side));
          }),
        );
        this.#cut();
        await Promise.all(round.sides.map((side) => this.#startAgain(side, round)));
        break;
    }
    this.#setLines('open');
  }

  /** Waits for the moment of a kill, or in vain for {@link MOMENT_MS}. */
  async #until(side: Side, moment: Moment): Promise<void> {
    const [own, others] = [this.#lines[side], this.#lines[other(side)]];
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
          for (const traffic of this.#traffics.slice(side, side + 1)) all.push(traffic.onceAccepted(now));
          break;
      }
    });
  }

  async #kill(daemon: RunningDaemon): Promise<void> {
    if (!daemon.running) throw new Error(`${daemon.name} ended by itself:\n${daemon.stderr.slice(-4_000)}`);
    await daemon.kill();
    this.#counts.kills += 1;
  }

  async #startAgain(side: Side, round: Extract<Round, { type: 'kill' }>): Promise<void> {
    if (round.moves) {
      this.#place[side] = (this.#place[side] + 1) % PORTS;
      this.#counts.moves += 1;
    }
    if (round.killedStartMs !== null) {
      const short = await this.#spawn(side);
      await sleep(round.killedStartMs);
      await this.#kill(short);
    }
    this.#daemons[side] = await (await this.#spawn(side)).untilReady();
  }

  #setLines(fault: Round['line']): void {
    for (const line of this.#lines.flat()) line.fault = fault;
  }

  /** Nothing that a fault spoilt is left: a line that swallowed bytes cannot go on. */
  #cut(): void {
    for (const line of this.#lines.flat()) line.cut();
  }

  /** Waits until everything has arrived and was read, and both know it. */
  async #settle(): Promise<void> {
    const clients = SIDES.map((side) => new ControlClient(this.#homes[side] ?? ''));
    await waitFor(
      'both outboxes to be empty',
      async () =>
        (await Promise.all(clients.map((one) => one.status()))).every((one) => one.outbox.queued === 0),
      SETTLE_MS,
    );
    await Promise.all(SIDES.map(async (side) => clients[side]?.read(this.#daemon(other(side)).peerId)));
    await waitFor(
      'the last receipts',
      async () => {
        const latest = await Promise.all(SIDES.map((side) => this.#page(side)));
        return latest.flat().every(({ state }) => state === 'read');
      },
      SETTLE_MS,
    ).catch((error: unknown) => this.#options.report(String(error)));
  }

  #page(side: Side, before?: string): Promise<MessageView[]> {
    const client = new ControlClient(this.#homes[side] ?? '');
    return client.history(this.#daemon(other(side)).peerId, {
      limit: PAGE,
      ...(before === undefined ? {} : { before }),
    });
  }

  async #history(side: Side): Promise<MessageView[]> {
    const pages: MessageView[][] = [];
    for (let page = await this.#page(side); page.length > 0; page = await this.#page(side, page[0]?.id)) {
      pages.push(page);
    }
    return pages.reverse().flat();
  }

  async #close(): Promise<void> {
    await this.#world.close();
    await Promise.all(this.#lines.flat().map((line) => line.close()));
    for (const uri of this.#databases) {
      const connection = await mongoose.createConnection(uri).asPromise();
      await connection.dropDatabase();
      await connection.close();
    }
  }
}

/** Runs a campaign to its end. */
export function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  return new Campaign(options).run();
}

function other(side: Side): Side {
  return side === 0 ? 1 : 0;
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
  const seed = numberFrom('SEED', () => randomInt(2 ** 31));
  console.log(`chaos on ${storage}, ${rounds} rounds; again with SEED=${seed} ROUNDS=${rounds}`);
  const result = await runCampaign({ rounds, seed, mongodb, report: console.log });
  console.log(JSON.stringify(result, null, 2));
  if (result.findings.length > 0) process.exitCode = 1;
}

if (import.meta.main) await main();
