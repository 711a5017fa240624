import { HybridClock } from './hybrid-clock.js';
import type { MessageRepository } from './ports/message.repository.js';

/** The clocks of the conversations, each loaded once. */
export class ConversationClocks {
  readonly #loaded = new Map<string, HybridClock>();
  readonly #loading = new Map<string, Promise<HybridClock>>();

  constructor(private readonly messages: MessageRepository) {}

  /** The clock, at once where it is loaded: then writers keep the order of their calls. */
  get(conversationId: string): HybridClock | Promise<HybridClock> {
    return this.#loaded.get(conversationId) ?? this.#load(conversationId);
  }

  #load(conversationId: string): Promise<HybridClock> {
    const running = this.#loading.get(conversationId);
    if (running !== undefined) return running;
    const loading = this.messages
      .conversation(conversationId)
      .then((conversation) => {
        const clock = new HybridClock(conversation?.lastClock ?? '');
        this.#loaded.set(conversationId, clock);
        return clock;
      })
      .finally(() => this.#loading.delete(conversationId));
    this.#loading.set(conversationId, loading);
    return loading;
  }
}
