import type { KeptBatch } from './ports/conversation.store.js';

/** Neighbouring messages of a segment: their ids are the tag and the numbers from `first` to `last`. */
export interface MessageRange {
  tag: string;
  first: number;
  last: number;
}

/** What happened in the core, after it is durable. */
export type ChatEvent =
  /** A batch was saved, written here or received. */
  | { type: 'messages'; kept: KeptBatch }
  /** Own messages were delivered to or read by a member, or incoming ones were read here (no member). */
  | {
      type: 'states';
      conversation: string;
      state: 'delivered' | 'read';
      ranges: readonly MessageRange[];
      member?: string;
    }
  /** Messages look different now: they were edited, deleted, confirmed, or somebody reacts. */
  | { type: 'changed'; conversation: string; ids: readonly string[] }
  /** The author of a message that the person here has not confirmed reminds them. */
  | { type: 'reminder'; conversation: string; id: string }
  /** The author of a message has just changed it, and mentions the person here where they did not before. */
  | { type: 'mention'; conversation: string; id: string }
  /** Messages are gone from the screens here, and from here alone. */
  | { type: 'removed'; conversation: string; ids: readonly string[] }
  /** Operations of the roster of a group are lines among its messages, where they count. */
  | { type: 'roster'; conversation: string; operations: readonly string[] }
  /** Earlier messages are in the conversation now, or are hidden, anywhere in it. */
  | { type: 'history'; conversation: string }
  /** What the list of conversations shows of it has changed otherwise: what is unread, whether it waits. */
  | { type: 'conversation'; conversation: string }
  /** The roster of a group has changed, or the group is new here. */
  | { type: 'group'; conversation: string }
  | { type: 'peer'; peerId: string }
  /** A key shows the name of somebody else whom the person here knows. */
  | { type: 'key-alarm'; peerId: string }
  /** Somebody began or ended to write in a conversation. */
  | { type: 'typing'; conversation: string; peerId: string; typing: boolean }
  /** A file was offered, comes on, or has another state. */
  | { type: 'file'; id: string }
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
