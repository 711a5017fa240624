import { signal } from '@preact/signals';
import { type ControlApi, isUnsettled } from '@p2p-chat/shared/client';
import type { Clock } from '@p2p-chat/shared/clock';
import { errorMessage } from '@p2p-chat/shared/errors';

/** A message that the node has not said to have. */
export interface Pending {
  conversation: string;
  body: string;
  /** The same at every attempt: so it is one message, however often it is sent, and by however many tabs. */
  key: string;
  /** Id of the message that it answers. */
  replyTo?: string;
  /** Whether its readers are asked to confirm it. */
  confirm?: boolean;
  /** When it was written, milliseconds since 1970; later than those before it. */
  at: number;
  /** Why the node refused it; null where it is tried again. */
  problem: string | null;
}

export interface OutboxParts {
  client: Pick<ControlApi, 'send'>;
  clock: Clock;
  signal: AbortSignal;
  /** Where each message is kept by itself, under its key, for all tabs. */
  shelf: {
    all: () => ReadonlyMap<string, Pending>;
    put: (key: string, value: Pending | undefined) => void;
    watch: (told: (key: string, value: Pending | undefined) => void, signal: AbortSignal) => void;
  };
}

/** Between two attempts while the node is away, in milliseconds. */
const RETRY_MS = 1_000;

/**
 * What was written in any tab and not handed over yet: kept through reloads,
 * handed over in order, each once. Every tab hands over all of it, so nothing
 * waits for a tab that was closed.
 */
export class Outbox {
  readonly pending = signal<readonly Pending[]>([]);
  #running = false;

  constructor(private readonly parts: OutboxParts) {
    const { shelf, clock, signal } = parts;
    this.pending.value = inOrder([...shelf.all().values()]);
    shelf.watch((key, told) => {
      const others = this.#without(key);
      this.pending.value = told === undefined ? others : inOrder([...others, told]);
      // The tab in which it was written is at it, unless it was closed.
      void clock.sleep(RETRY_MS, signal).then(() => this.#run());
    }, signal);
    void this.#run();
  }

  /** Takes a message; what becomes of it is shown. */
  add(conversation: string, body: string, extras: Pick<Pending, 'replyTo' | 'confirm'> = {}): void {
    const last = this.pending.value.at(-1)?.at ?? 0;
    const at = Math.max(this.parts.clock.now(), last + 1);
    this.#put({ conversation, body, key: crypto.randomUUID(), at, problem: null, ...extras });
    void this.#run();
  }

  /** Forgets a message that was refused. */
  discard(key: string): void {
    this.pending.value = this.#without(key);
    this.parts.shelf.put(key, undefined);
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    const { client, clock, signal } = this.parts;
    for (;;) {
      const next = this.pending.value.find(({ problem }) => problem === null);
      if (next === undefined || signal.aborted) break;
      try {
        const { conversation, body, key, replyTo, confirm } = next;
        await client.send(conversation, body, signal, key, {
          ...(replyTo === undefined ? {} : { replyTo }),
          ...(confirm === true ? { confirm } : {}),
        });
        this.discard(next.key);
      } catch (error) {
        if (isUnsettled(error)) await clock.sleep(RETRY_MS, signal);
        // Unless another tab has handed it over meanwhile.
        else if (!signal.aborted && this.pending.value.includes(next))
          this.#put({ ...next, problem: errorMessage(error) });
      }
    }
    this.#running = false;
  }

  #put(pending: Pending): void {
    this.pending.value = inOrder([...this.#without(pending.key), pending]);
    this.parts.shelf.put(pending.key, pending);
  }

  #without(key: string): Pending[] {
    return this.pending.value.filter((one) => one.key !== key);
  }
}

function inOrder(pending: readonly Pending[]): readonly Pending[] {
  return pending.toSorted((a, b) => a.at - b.at);
}
