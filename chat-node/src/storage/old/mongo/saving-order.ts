import type { Models } from './models.js';

/** The numbers of messages, in the order in which they are saved. Numbers of what was not saved after all are left out. */
export class SavingOrder {
  #last = 0;

  constructor(private readonly models: Models) {}

  /** Goes on after the messages that are there. */
  async load(): Promise<void> {
    const newest = await this.models.messages.findOne({}, { n: 1 }).sort({ n: -1 }).lean();
    this.#last = newest?.n ?? 0;
  }

  /** The number of the message that was saved last, or was meant to be. */
  get last(): number {
    return this.#last;
  }

  next(): number {
    this.#last += 1;
    return this.#last;
  }
}
