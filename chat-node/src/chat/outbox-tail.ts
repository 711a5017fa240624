import { WINDOW_BYTES, WINDOW_MESSAGES } from '@p2p-chat/shared';
import { type MessageRun, partOf } from './message-run.js';

/** Characters of all texts of the runs that wait in memory: a burst is not read back from the repository. */
const MAX_TAIL_CHARACTERS = 2 * WINDOW_BYTES;
/** Characters of all tails of a node together: who writes to everybody at once does not fill its memory. */
const MAX_ALL_TAILS_CHARACTERS = 8 * WINDOW_BYTES;
/** Runs: a lone message is one too, and takes more than its texts. */
const MAX_TAIL_RUNS = 4 * WINDOW_MESSAGES;
/** A tail shorter than this is filled while the window is still on its way. */
const SHORT_TAIL_MESSAGES = WINDOW_MESSAGES / 2;
const SHORT_TAIL_CHARACTERS = WINDOW_BYTES / 2;
/** Runs that were taken and still stand in the list: cutting them off for each would copy it each time. */
const MAX_TAKEN_RUNS = 256;

/** What the tails of a node take together. */
export class TailBudget {
  characters = 0;

  get isSpent(): boolean {
    return this.characters >= MAX_ALL_TAILS_CHARACTERS;
  }
}

/** Runs that were accepted or loaded and not sent, in order, within a bound. */
export class OutboxTail {
  #runs: MessageRun[] = [];
  /** Place of the first of them: what was taken is cut off now and then. */
  #start = 0;
  #messages = 0;
  #characters = 0;

  /** @param budget of all tails of the node; {@link clear} gives back what this one takes */
  constructor(private readonly budget: TailBudget) {}

  get first(): MessageRun | undefined {
    return this.#runs[this.#start];
  }

  /** Whether what is accepted now has to be read back later. */
  get isFull(): boolean {
    if (this.#characters >= MAX_TAIL_CHARACTERS || this.budget.isSpent) return true;
    return this.#runs.length - this.#start >= MAX_TAIL_RUNS;
  }

  /** Whether it is time to load more. */
  get isShort(): boolean {
    return this.#messages < SHORT_TAIL_MESSAGES && this.#characters < SHORT_TAIL_CHARACTERS;
  }

  push(run: MessageRun): void {
    this.#runs.push(run);
    this.#count(run, 1);
  }

  shift(): MessageRun | undefined {
    const run = this.first;
    if (run === undefined) return undefined;
    this.#start += 1;
    if (this.#start === this.#runs.length || this.#start >= MAX_TAKEN_RUNS) {
      this.#runs = this.#runs.slice(this.#start);
      this.#start = 0;
    }
    this.#count(run, -1);
    return run;
  }

  /** Takes the first message alone. */
  shiftOne(): MessageRun | undefined {
    const run = this.first;
    if (run === undefined || run.count === 1) return this.shift();
    const rest = partOf(run, 1, run.count);
    this.#runs[this.#start] = rest;
    this.#count(run, -1);
    this.#count(rest, 1);
    return partOf(run, 0, 1);
  }

  clear(): void {
    this.budget.characters -= this.#characters;
    this.#runs = [];
    this.#start = this.#messages = this.#characters = 0;
  }

  #count(run: MessageRun, sign: 1 | -1): void {
    const characters = run.ids.length + run.clocks.length + run.sentAt.length + run.bodies.length;
    this.#messages += sign * run.count;
    this.#characters += sign * characters;
    this.budget.characters += sign * characters;
  }
}
