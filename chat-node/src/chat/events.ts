import type { MessageState } from './message.js';
import type { MessageRun } from './message-run.js';

/** What happened in the core, after it is durable. */
export type ChatEvent =
  | { type: 'messages'; run: MessageRun }
  /** `ids` one after the other. */
  | { type: 'states'; peerId: string; state: MessageState; ids: string; reason?: string }
  /** Earlier messages are in the conversation with the peer now, anywhere in it. */
  | { type: 'history'; peerId: string }
  | { type: 'peer'; peerId: string }
  /** A key shows the name of somebody else whom the person here knows. */
  | { type: 'key-alarm'; peerId: string }
  /** A peer's person began or ended to write to this node's user. */
  | { type: 'typing'; peerId: string; typing: boolean }
  /** What this node's user shows or has set was changed. */
  | { type: 'profile' };

export type ChatEventListener = (event: ChatEvent) => void;

/** Hands events to whoever listens. A listener that throws harms neither the others nor the core. */
export class ChatEvents {
  readonly #listeners = new Set<ChatEventListener>();

  constructor(private readonly onListenerError: (error: unknown) => void) {}

  /** @returns a function that ends the subscription */
  subscribe(listener: ChatEventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  publish(event: ChatEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.onListenerError(error);
      }
    }
  }
}
