import type { ChatError, StorageError } from '../../../chat/errors.js';
import type { ConversationIndex } from './conversation-index.js';
import type { Models } from './models.js';
import { PendingCall, Step } from './step.js';

/** Marks incoming messages of a conversation as read, oldest first. The result names them. */
export class MarkRead extends Step {
  readonly call = new PendingCall<string[]>();

  constructor(
    private readonly models: Models,
    private readonly conversations: ConversationIndex,
    private readonly conversationId: string,
    private readonly upToClock: string | null,
    private readonly options: { limit: number; receipts: boolean },
  ) {
    super();
    this.touch(conversationId, null);
  }

  override absorb(): boolean {
    return false;
  }

  override async run(givenUp: AbortSignal): Promise<void> {
    const documents = await this.models.messages
      .find(
        {
          waiting: { $eq: 'reading' },
          conversation: { $eq: this.conversationId },
          ...(this.upToClock === null ? {} : { clock: { $lte: this.upToClock } }),
        },
        { id: 1 },
      )
      .sort({ clock: 1 })
      .limit(this.options.limit)
      .lean();
    if (documents.length > 0) {
      await this.models.messages.updateMany(
        // Once more: carried out late, it must not take back what came after it.
        { _id: { $in: documents.map((document) => document._id) }, waiting: { $eq: 'reading' } },
        this.options.receipts
          ? { $set: { state: 'read', waiting: 'receipt' } }
          : { $set: { state: 'read' }, $unset: { waiting: true } },
      );
    }
    givenUp.throwIfAborted();
    this.conversations.read(this.conversationId, documents.length);
    this.call.resolve(documents.map((document) => document.id));
  }

  override reject(error: StorageError | ChatError): void {
    this.call.reject(error);
  }
}
