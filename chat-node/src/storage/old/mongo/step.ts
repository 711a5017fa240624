import type { ChatError, StorageError } from '../../../chat/errors.js';

/** Commands that go to the server together, for one or more calls. */
export abstract class Step {
  // Ids of messages by conversation; null for all that a conversation has.
  readonly #touched = new Map<string, Set<string> | null>();
  #touchesEverything = false;
  readonly #finished = Promise.withResolvers<void>();

  /** Resolves when the step is over, done or failed. Never rejects. */
  readonly finished: Promise<void> = this.#finished.promise;

  /**
   * Takes the calls of a later step, where both can be done as one.
   * @returns whether it did
   */
  abstract absorb(later: Step): boolean;

  /**
   * Does it and answers its calls. Where it rejects, nothing of it counts and no call was answered.
   * @param givenUp aborts when the step was rejected meanwhile: what its commands give is not to be used
   */
  abstract run(givenUp: AbortSignal): Promise<void>;

  /** Tells the calls why it was not done. */
  abstract reject(error: StorageError | ChatError): void;

  /** To be called when the step is over. */
  finish(): void {
    this.#finished.resolve();
  }

  /** Whether the two concern the same message, so that their order shows. */
  conflictsWith(other: Step): boolean {
    if (this.#touchesEverything) return other.#touchesEverything || other.#touched.size > 0;
    if (other.#touchesEverything) return this.#touched.size > 0;
    for (const [conversationId, ids] of this.#touched) {
      const others = other.#touched.get(conversationId);
      if (others === undefined) continue;
      if (ids === null || others === null || overlap(ids, others)) return true;
    }
    return false;
  }

  /** Notes that the step concerns these messages of a conversation; null for all. */
  protected touch(conversationId: string, ids: Iterable<string> | null): void {
    const known = this.#touched.get(conversationId);
    if (known === null) return;
    if (ids === null || known === undefined) this.#touched.set(conversationId, ids && new Set(ids));
    else for (const id of ids) known.add(id);
  }

  /** Notes that the step concerns all messages. */
  protected touchEverything(): void {
    this.#touchesEverything = true;
  }

  /** Notes what a step that was absorbed concerns. */
  protected touchAllOf(other: Step): void {
    if (other.#touchesEverything) this.touchEverything();
    for (const [conversationId, ids] of other.#touched) this.touch(conversationId, ids);
  }
}

function overlap(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  const [smaller, larger] = a.size < b.size ? [a, b] : [b, a];
  for (const one of smaller) if (larger.has(one)) return true;
  return false;
}

/** One call of a port's method that waits for its step. */
export class PendingCall<Result> {
  readonly #settled = Promise.withResolvers<Result>();

  /** What the caller gets. */
  readonly result: Promise<Result> = this.#settled.promise;

  resolve(result: Result): void {
    this.#settled.resolve(result);
  }

  reject(error: StorageError | ChatError): void {
    this.#settled.reject(error);
  }
}
