import { searchWords } from '@p2p-chat/shared';
import { ChatError } from '../../../chat/errors.js';
import type { Message } from '../../../chat/message.js';
import { MessageSearch, type SearchQuery } from '../../../chat/ports/message-search.js';
import { messageOf } from './message.schema.js';
import type { MessageWordsDocument } from './message-words.schema.js';
import type { Models } from './models.js';
import { Read } from './read.js';
import type { SavingOrder } from './saving-order.js';
import type { StepQueue } from './step-queue.js';

/** Messages put into the index at once: some ten milliseconds, so that those that arrive meanwhile hardly wait. */
const CHUNK_MESSAGES = 250;
/** How often it is looked whether messages wait for the index, in milliseconds. */
const LOOK_INTERVAL_MS = 1_000;
/** Greater than every character of a word, in whatever order a server has them. */
const AFTER_ALL_CHARACTERS = '\u{10ffff}';

/** MessageSearch in a MongoDB database: the words of each message in a document of their own, in an indexed list. */
export class MongoMessageSearch extends MessageSearch {
  /** Number of the last message that is in the index; null where that is not known. */
  #indexed: number | null = null;
  /** The order's last number at the last look: while it grows, there is no time for the index. */
  #seen = -1;
  // One fills the index at a time.
  #filling: Promise<void> = Promise.resolve();
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly models: Models,
    private readonly queue: StepQueue,
    private readonly order: SavingOrder,
  ) {
    super();
    this.#timer = setInterval(() => this.#look(), LOOK_INTERVAL_MS).unref();
  }

  /** Fills the index no more by itself. */
  stop(): void {
    clearInterval(this.#timer);
  }

  override async search({ words, conversationId, before, limit }: SearchQuery): Promise<Message[]> {
    // All that was asked to be saved before has its number when this is answered.
    await this.#fill(await this.#read(() => Promise.resolve(this.order.last)));
    return this.#read(async () => {
      const end = before === undefined ? Number.MAX_SAFE_INTEGER : await this.#placeOf(before);
      const found = await this.models.words
        .find(
          {
            _id: { $lt: end },
            ...(conversationId === undefined ? {} : { conversation: { $eq: conversationId } }),
            $and: words.map((word) => ({
              words: { $elemMatch: { $gte: word, $lt: word + AFTER_ALL_CHARACTERS } },
            })),
          },
          { _id: 1 },
        )
        .sort({ _id: -1 })
        .limit(limit)
        .lean();
      const documents = await this.models.messages
        .find({ n: { $in: found.map(({ _id }) => _id) } })
        .sort({ n: -1 })
        .lean();
      return documents.map(messageOf);
    });
  }

  #look(): void {
    const { last } = this.order;
    const isIdle = last === this.#seen;
    this.#seen = last;
    // A server that is away is left alone until the next look.
    if (isIdle && this.#indexed !== last) this.#fill(last).catch(() => undefined);
  }

  /** Puts all messages up to this number into the index, in steps that let others in between. */
  #fill(upTo: number): Promise<void> {
    const filled = this.#filling.then(async () => {
      this.#indexed ??= await this.#read(() => this.#lastIndexed());
      while (this.#indexed < upTo) this.#indexed = await this.#fillNext(this.#indexed, upTo);
    });
    this.#filling = filled.catch(() => {
      this.#indexed = null;
    });
    return filled;
  }

  #fillNext(after: number, upTo: number): Promise<number> {
    return this.#read(async () => {
      // Between two numbers: a server may sort all that is greater than one before it gives the first few.
      const last = Math.min(after + CHUNK_MESSAGES, upTo);
      const next = await this.models.messages
        .find({ n: { $gt: after, $lte: last } }, { n: 1, conversation: 1, body: 1 })
        .sort({ n: 1 })
        .lean();
      if (next.length === 0) return last;
      const documents = next.map(({ n, conversation, body }): MessageWordsDocument => ({
        _id: n,
        conversation,
        words: [...searchWords(body)],
      }));
      // In order, so that what a crash leaves has no holes.
      await this.models.words.insertMany(documents, { ordered: true, lean: true, rawResult: true });
      return last;
    });
  }

  async #lastIndexed(): Promise<number> {
    const last = await this.models.words.findOne({}, { _id: 1 }).sort({ _id: -1 }).lean();
    return last?._id ?? 0;
  }

  /** Where somebody else used an id again, the first message that has it is meant. */
  async #placeOf(id: string): Promise<number> {
    const first = await this.models.messages
      .findOne({ id: { $eq: id } }, { n: 1 })
      .sort({ n: 1 })
      .lean();
    if (first !== null) return first.n;
    throw new ChatError('message-unknown', `There is no message ${id}.`, {
      hint: 'Use an id that the page before shows.',
    });
  }

  #read<Result>(read: () => Promise<Result>): Promise<Result> {
    const step = new Read(null, read);
    this.queue.push(step);
    return step.call.result;
  }
}
