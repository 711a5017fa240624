import { MAX_MESSAGE_KEY_CHARACTERS } from '@p2p-chat/shared';
import { ChatError, StorageError } from '../errors.js';
import type { Conversation } from './conversation.js';
import type { TimelineEntry } from './timeline.js';

export interface KeyedMessagesParts {
  /** The message that has the key; null where none has. */
  find: (conversation: Conversation, key: string) => Promise<TimelineEntry | null>;
  /** Writes a message with the key. */
  write: (conversation: Conversation, content: string, key: string) => Promise<TimelineEntry[]>;
}

/** Writes messages that carry a client's own key: the same key again gives the same message. */
export class KeyedMessages {
  readonly #running = new Map<string, { content: string; entries: Promise<TimelineEntry[]> }>();

  constructor(private readonly parts: KeyedMessagesParts) {}

  /**
   * @throws {ChatError} `key-malformed`, `key-reused`
   * @throws {StorageError} the same key again is safe
   */
  async write(conversation: Conversation, content: string, key: string): Promise<TimelineEntry[]> {
    if (key === '' || key.length > MAX_MESSAGE_KEY_CHARACTERS || !key.isWellFormed()) {
      throw new ChatError('key-malformed', `A key has 1 to ${MAX_MESSAGE_KEY_CHARACTERS} characters.`, {
        hint: 'Take a UUID for each message.',
      });
    }
    const name = `${conversation.id} ${key}`;
    const running = this.#running.get(name);
    if (running !== undefined) {
      if (running.content !== content) throw reused();
      return running.entries;
    }
    const entries = this.#write(conversation, content, key).finally(() => this.#running.delete(name));
    this.#running.set(name, { content, entries });
    return entries;
  }

  async #write(conversation: Conversation, content: string, key: string): Promise<TimelineEntry[]> {
    const before = await this.#find(conversation, content, key);
    if (before !== null) return [before];
    try {
      return await this.parts.write(conversation, content, key);
    } catch (error) {
      // An earlier attempt, whose outcome was not known, has landed meanwhile.
      if (!(error instanceof StorageError && error.code === 'key-taken')) throw error;
      const landed = await this.#find(conversation, content, key);
      if (landed === null) throw error;
      return [landed];
    }
  }

  async #find(conversation: Conversation, content: string, key: string): Promise<TimelineEntry | null> {
    const found = await this.parts.find(conversation, key);
    if (found !== null && found.entry.content !== content) throw reused();
    return found;
  }
}

function reused(): ChatError {
  return new ChatError('key-reused', 'Another message of this conversation has that key.', {
    hint: 'Take a new key for each message, and the old one only to send the same message again.',
  });
}
