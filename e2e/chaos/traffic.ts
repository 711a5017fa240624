import { ControlClient } from '../../chat-node/dist/console/control-client.js';
import type { SeededRandom } from './seeded-random.ts';

/** After a refusal or while no node runs, in milliseconds. */
const RETRY_MS = 50;
/** Longest rest between two sends for each who writes, in milliseconds: bounds how much a campaign has to compare in the end. */
const REST_MS = 75;
const MAX_BATCH = 40;
/** Most of a long body: many of them fill a link's window by bytes. */
const LONG_BODY = 20_000;
const LONG_BODY_SHARE = 0.01;
/** What bodies are padded with: one to four bytes of UTF-8, and what JSON has to escape. */
const PADDING = ['x', 'é', '✓', '🙂', '"', '\\', '\n', '\u0007', '\u202e'] as const;

/** What one person wrote, and what their node said of it. */
export class Traffic {
  /** Every body that was handed over, by its number; whether it was accepted is not always known. */
  readonly asked: string[] = [];
  /** The ids that the node accepted, with the number of the body, in the order in which it said so. */
  readonly accepted: { id: string; number: number }[] = [];
  readonly #client: ControlClient;
  readonly #name: string;
  /** What it writes to: a peer id, or the id of a group. */
  readonly to: string;
  readonly #random: SeededRandom;
  readonly #restMs: number;
  readonly #stop = new AbortController();
  readonly #waiting = new Set<() => void>();
  #running: Promise<void> = Promise.resolve();

  /**
   * @param to the other one's peer id, or a group
   * @param writers how many write at once: each the less, the more they are
   */
  constructor(options: { name: string; home: string; to: string; writers: number; random: SeededRandom }) {
    this.#restMs = REST_MS * options.writers;
    this.#name = options.name;
    this.to = options.to;
    this.#random = options.random;
    this.#client = new ControlClient(options.home);
  }

  /** Writes, and reads what came, until {@link stop}, however often the node goes away. */
  start(): void {
    this.#running = this.#run();
  }

  /** Lets what was begun come to its end. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Calls back once, when the node has accepted something. @returns what takes that back */
  onceAccepted(callback: () => void): () => void {
    this.#waiting.add(callback);
    return () => this.#waiting.delete(callback);
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#step();
        await sleep(this.#random.integer(0, this.#restMs));
      } catch {
        // The node is away or was killed in mid-request: what it did not say it accepted is not counted.
        await sleep(RETRY_MS);
      }
    }
  }

  async #step(): Promise<void> {
    const dice = this.#random.next();
    if (dice < 0.1) await this.#client.read(this.to);
    else if (dice < 0.4) await this.#sendOne();
    else await this.#sendMany(this.#random.integer(1, 6));
  }

  async #sendOne(): Promise<void> {
    const number = this.#write();
    const { id } = await this.#client.send(this.to, this.asked[number] ?? '');
    this.#accept([{ id, number }]);
  }

  async #sendMany(batches: number): Promise<void> {
    let next = this.asked.length;
    for await (const results of this.#client.sendAll(this.to, this.#batches(batches))) {
      this.#accept(results.map(({ id }, at) => ({ id, number: next + at })));
      next += results.length;
    }
  }

  #accept(messages: Traffic['accepted']): void {
    this.accepted.push(...messages);
    for (const tell of this.#waiting) tell();
    this.#waiting.clear();
  }

  async *#batches(count: number): AsyncGenerator<string[]> {
    for (let n = 0; n < count; n += 1) {
      const size = this.#random.integer(1, MAX_BATCH);
      yield Array.from({ length: size }, () => this.asked[this.#write()] ?? '');
      await sleep(this.#random.integer(0, 5));
    }
  }

  /** @returns the number of a new body */
  #write(): number {
    const number = this.asked.length;
    const length = this.#random.chance(LONG_BODY_SHARE)
      ? this.#random.integer(0, LONG_BODY)
      : this.#random.integer(0, 200);
    this.asked.push(`${this.#name} ${number} ${this.#random.pick(PADDING).repeat(length)}.`);
    return number;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
