import type { ChatError, StorageError } from '../../../chat/errors.js';
import type { MessageState } from '../../../chat/message.js';
import type { ConversationIndex } from './conversation-index.js';
import type { Models } from './models.js';
import { PendingCall, Step } from './step.js';

/** The states from which an outgoing message may go to a state. */
const COMES_FROM: Readonly<Record<TargetState, readonly MessageState[]>> = {
  delivered: ['queued'],
  read: ['queued', 'delivered'],
  failed: ['queued'],
};

/** Ids in one update. */
const MAX_IDS = 5_000;

/** What an outgoing message can become. */
export type TargetState = 'delivered' | 'read' | 'failed';

/** Moves outgoing messages of a conversation forward. The result of a call names those of its ids that moved. */
export class SetState extends Step {
  readonly call = new PendingCall<string[]>();
  readonly #calls: { ids: readonly string[]; call: PendingCall<string[]> }[];
  #size: number;

  constructor(
    private readonly models: Models,
    private readonly conversations: ConversationIndex,
    private readonly conversationId: string,
    ids: readonly string[],
    private readonly state: TargetState,
    private readonly reason: string | undefined,
  ) {
    super();
    this.#calls = [{ ids, call: this.call }];
    this.#size = ids.length;
    this.touch(conversationId, ids);
  }

  override absorb(later: Step): boolean {
    if (
      !(later instanceof SetState) ||
      later.conversationId !== this.conversationId ||
      later.state !== this.state ||
      later.reason !== this.reason ||
      this.#size + later.#size > MAX_IDS
    ) {
      return false;
    }
    this.#calls.push(...later.#calls);
    this.#size += later.#size;
    this.touchAllOf(later);
    return true;
  }

  override async run(givenUp: AbortSignal): Promise<void> {
    const ids = this.#calls.flatMap((one) => one.ids);
    const documents = await this.models.messages
      .find(
        {
          id: { $in: ids },
          conversation: { $eq: this.conversationId },
          direction: { $eq: 'out' },
          state: { $in: COMES_FROM[this.state] },
        },
        { id: 1, state: 1 },
      )
      .lean();
    if (documents.length > 0) {
      await this.models.messages.updateMany(
        // The state once more: carried out late, it must not take back what came after it.
        { _id: { $in: documents.map((document) => document._id) }, state: { $in: COMES_FROM[this.state] } },
        {
          $set: { state: this.state, ...(this.reason === undefined ? {} : { reason: this.reason }) },
          $unset: { waiting: true },
        },
      );
    }
    givenUp.throwIfAborted();
    this.conversations.left(this.conversationId, documents.filter(({ state }) => state === 'queued').length);
    const moved = new Set(documents.map((document) => document.id));
    // Whoever names an id first has moved it.
    for (const { ids: own, call } of this.#calls) call.resolve(own.filter((id) => moved.delete(id)));
  }

  override reject(error: StorageError | ChatError): void {
    for (const { call } of this.#calls) call.reject(error);
  }
}
