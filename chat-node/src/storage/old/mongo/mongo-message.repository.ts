import { ChatError } from '../../../chat/errors.js';
import type { ConversationSummary } from '../../../chat/conversation.js';
import type { Message } from '../../../chat/message.js';
import { type MessageRun, messagesOf } from '../../../chat/message-run.js';
import { type HistoryPage, MessageRepository } from '../../../chat/ports/message.repository.js';
import { AddMessages } from './add-messages.js';
import type { ConversationIndex } from './conversation-index.js';
import { DropMessages } from './drop-messages.js';
import { DroppedMessages } from './dropped-messages.js';
import { MarkRead } from './mark-read.js';
import { type MessageDocument, messageOf, orderKeyBounds } from './message.schema.js';
import type { Models } from './models.js';
import { Read } from './read.js';
import { SetState, type TargetState } from './set-state.js';
import { SettleReceipts } from './settle-receipts.js';
import type { PendingCall, Step } from './step.js';
import type { SavingOrder } from './saving-order.js';
import type { StepQueue } from './step-queue.js';
import type { UnknownWrites } from './unknown-writes.js';

/** MessageRepository in a MongoDB database. */
export class MongoMessageRepository extends MessageRepository {
  readonly #dropped: DroppedMessages;

  constructor(
    private readonly models: Models,
    private readonly queue: StepQueue,
    private readonly index: ConversationIndex,
    private readonly unknownWrites: UnknownWrites,
    private readonly order: SavingOrder,
  ) {
    super();
    this.#dropped = new DroppedMessages(models);
  }

  override async addOutgoing(messages: readonly Message[]): Promise<void> {
    await this.#add(messages);
  }

  override addIncoming(messages: readonly Message[]): Promise<boolean[]> {
    return this.#add(messages);
  }

  override addImported(messages: readonly Message[]): Promise<boolean[]> {
    return this.#add(messages);
  }

  override addDropped(runs: readonly MessageRun[]): Promise<void> {
    return this.#run(new DropMessages(this.#dropped, runs.flatMap(messagesOf)));
  }

  override setState(
    conversationId: string,
    ids: readonly string[],
    state: TargetState,
    reason?: string,
  ): Promise<string[]> {
    return this.#run(new SetState(this.models, this.index, conversationId, ids, state, reason));
  }

  override queued(
    conversationId: string,
    afterClock: string,
    limit: number,
    maxBytes: number,
  ): Promise<Message[]> {
    return this.#read(conversationId, async () => {
      const messages: Message[] = [];
      let bytes = 0;
      const cursor = this.models.messages
        .find({
          waiting: { $eq: 'delivery' },
          conversation: { $eq: conversationId },
          clock: { $gt: afterClock },
        })
        .sort({ clock: 1 })
        .limit(limit)
        .batchSize(limit)
        .lean()
        .cursor();
      for await (const document of cursor) {
        messages.push(messageOf(document));
        bytes += Buffer.byteLength(document.body);
        if (bytes >= maxBytes) break;
      }
      return messages;
    });
  }

  override history(conversationId: string, page: HistoryPage): Promise<Message[]> {
    return this.#read(conversationId, async () => {
      const { first, last } = orderKeyBounds(conversationId);
      const forward = page.after !== undefined;
      const id = page.after ?? page.before;
      const place = id === undefined ? undefined : await this.#placeOf(conversationId, id);
      const documents = await this.models.messages
        .find({ _id: forward ? { $gt: place ?? first, $lt: last } : { $gt: first, $lt: place ?? last } })
        .sort({ _id: forward ? 1 : -1 })
        .limit(page.limit)
        .lean();
      if (!forward) documents.reverse();
      return documents.map(messageOf);
    });
  }

  override find(conversationId: string, id: string): Promise<Message | null> {
    return this.#read(conversationId, async () => {
      const document = await this.#document(conversationId, id);
      return document === undefined ? null : messageOf(document);
    });
  }

  override markRead(
    conversationId: string,
    upToClock: string | null,
    options: { limit: number; receipts: boolean },
  ): Promise<string[]> {
    return this.#run(new MarkRead(this.models, this.index, conversationId, upToClock, options));
  }

  override receiptsDue(conversationId: string, limit: number): Promise<string[]> {
    return this.#read(conversationId, async () => {
      const documents = await this.models.messages
        .find({ waiting: { $eq: 'receipt' }, conversation: { $eq: conversationId } }, { id: 1 })
        .sort({ clock: 1 })
        .limit(limit)
        .lean();
      return documents.map((document) => document.id);
    });
  }

  override receiptsSent(conversationId: string, ids: readonly string[]): Promise<void> {
    return this.#run(new SettleReceipts(this.models, conversationId, ids));
  }

  override conversations(): Promise<ConversationSummary[]> {
    return this.#read(null, () => this.index.summaries());
  }

  override conversation(conversationId: string): Promise<ConversationSummary | null> {
    return this.#read(conversationId, () => this.index.summary(conversationId));
  }

  /** Counts what was dropped before this start. */
  async countDropped(): Promise<void> {
    await this.#dropped.total();
  }

  #add(messages: readonly Message[]): Promise<boolean[]> {
    return this.#run(new AddMessages(this.models, this.index, this.unknownWrites, this.order, messages));
  }

  #read<Result>(conversationId: string | null, read: () => Promise<Result>): Promise<Result> {
    return this.#run(new Read(conversationId, read));
  }

  #run<Result>(step: Step & { call: PendingCall<Result> }): Promise<Result> {
    this.queue.push(step);
    return step.call.result;
  }

  async #placeOf(conversationId: string, id: string): Promise<string> {
    const document = await this.#document(conversationId, id);
    if (document === undefined) {
      throw new ChatError('message-unknown', `There is no message ${id} in this conversation.`, {
        hint: 'Use an id that the history of this conversation shows.',
      });
    }
    return document._id;
  }

  /** Where the other one used an id of ours, ours is meant. */
  async #document(conversationId: string, id: string): Promise<MessageDocument | undefined> {
    const documents = await this.models.messages
      .find({ id: { $eq: id }, conversation: { $eq: conversationId } })
      .lean();
    return documents.find((document) => document.direction === 'out') ?? documents[0];
  }
}
