import { randomUUID } from 'node:crypto';
import type { ChatError, StorageError } from '../../../chat/errors.js';
import type { Message } from '../../../chat/message.js';
import type { ConversationIndex } from './conversation-index.js';
import { documentOf, type MessageDocument } from './message.schema.js';
import type { Models } from './models.js';
import { duplicatesOf } from './mongo-errors.js';
import { PendingCall, Step } from './step.js';
import type { SavingOrder } from './saving-order.js';
import type { UnknownWrites } from './unknown-writes.js';

/** Documents in one insert: fills the server's time, and the first of them does not wait long for the last. */
const MAX_DOCUMENTS = 5_000;

/** Adds messages that are not there yet. The result of a call says for each of its messages whether it was new. */
export class AddMessages extends Step {
  readonly call = new PendingCall<boolean[]>();
  readonly #calls: { messages: readonly Message[]; call: PendingCall<boolean[]> }[];
  #size: number;

  constructor(
    private readonly models: Models,
    private readonly conversations: ConversationIndex,
    private readonly unknownWrites: UnknownWrites,
    private readonly order: SavingOrder,
    messages: readonly Message[],
  ) {
    super();
    this.#calls = [{ messages, call: this.call }];
    this.#size = messages.length;
    for (const { conversationId, id } of messages) this.touch(conversationId, [id]);
  }

  override absorb(later: Step): boolean {
    if (!(later instanceof AddMessages) || this.#size + later.#size > MAX_DOCUMENTS) return false;
    this.#calls.push(...later.#calls);
    this.#size += later.#size;
    this.touchAllOf(later);
    return true;
  }

  override async run(givenUp: AbortSignal): Promise<void> {
    const messages = this.#calls.flatMap((one) => one.messages);
    const write = randomUUID();
    // Of two with one key, the first counts.
    const documents = new Map<string, MessageDocument>();
    const added = new Set<Message>();
    for (const message of messages) {
      const key = `${message.id}/${message.author}`;
      if (documents.has(key)) continue;
      documents.set(key, documentOf(message, write, this.order.next()));
      added.add(message);
    }
    await this.conversations.create(new Set(messages.map((message) => message.conversationId)));
    givenUp.throwIfAborted();
    const all = [...documents.values()];
    const duplicates = await this.#insert(write, all, givenUp);
    const late = await this.unknownWrites.cameLate(duplicates.flatMap((at) => all[at] ?? []));
    givenUp.throwIfAborted();
    const known = new Set(duplicates.filter((at) => !late.has(all[at] as MessageDocument)));
    for (const [at, message] of [...added].entries()) if (known.has(at)) added.delete(message);
    for (const [at, document] of all.entries()) if (!known.has(at)) this.conversations.added(document);
    // They may have been counted since.
    if (late.size > 0) this.conversations.invalidate();
    for (const { messages: own, call } of this.#calls) call.resolve(own.map((message) => added.has(message)));
  }

  override reject(error: StorageError | ChatError): void {
    for (const { call } of this.#calls) call.reject(error);
  }

  /** @returns the places of the documents that were there already */
  async #insert(write: string, documents: MessageDocument[], givenUp: AbortSignal): Promise<number[]> {
    if (documents.length === 0) return [];
    this.unknownWrites.begin(write, documents);
    const duplicates = await this.#duplicatesAfterInsert(documents);
    givenUp.throwIfAborted();
    this.unknownWrites.end(write);
    return duplicates;
  }

  async #duplicatesAfterInsert(documents: MessageDocument[]): Promise<number[]> {
    try {
      // Lean and raw: nothing here comes from outside without a type, and
      // making a Mongoose document of each costs more than the insert.
      await this.models.messages.insertMany(documents, { ordered: false, lean: true, rawResult: true });
      return [];
    } catch (error) {
      return duplicatesOf(error);
    }
  }
}
