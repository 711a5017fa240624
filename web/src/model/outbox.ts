import { signal } from '@preact/signals';
import { type ControlApi, isUnsettled } from '@p2p-chat/shared/client';
import type { Clock } from '@p2p-chat/shared/clock';
import { errorMessage } from '@p2p-chat/shared/errors';

/** A message that the node has not said to have. */
export interface Pending {
  conversation: string;
  body: string;
  /** The same at every attempt: so it is one message, however often it is sent. */
  key: string;
  /** Id of the message that it answers. */
  replyTo?: string;
  /** Whether its readers are asked to confirm it. */
  confirm?: boolean;
  /** When it was written, milliseconds since 1970. */
  at: number;
  /** Why the node refused it; null where it is tried again. */
  problem: string | null;
}

export interface OutboxParts {
  client: Pick<ControlApi, 'send'>;
  clock: Clock;
  signal: AbortSignal;
  load: () => readonly Pending[];
  save: (pending: readonly Pending[]) => void;
}

/** Between two attempts while the node is away, in milliseconds. */
const RETRY_MS = 1_000;

/** What was written and not handed over yet: kept through reloads, handed over in order, each once. */
export class Outbox {
  readonly pending = signal<readonly Pending[]>([]);
  #running = false;

  constructor(private readonly parts: OutboxParts) {
    this.pending.value = parts.load();
    void this.#run();
  }

  /** Takes a message; what becomes of it is shown. */
  add(conversation: string, body: string, extras: Pick<Pending, 'replyTo' | 'confirm'> = {}): void {
    const { clock } = this.parts;
    const key = crypto.randomUUID();
    this.#set([
      ...this.pending.value,
      { conversation, body, key, at: clock.now(), problem: null, ...extras },
    ]);
    void this.#run();
  }

  /** Forgets a message that was refused. */
  discard(key: string): void {
    this.#set(this.pending.value.filter((one) => one.key !== key));
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
        else if (!signal.aborted) this.#refuse(next.key, errorMessage(error));
      }
    }
    this.#running = false;
  }

  #refuse(key: string, problem: string): void {
    this.#set(this.pending.value.map((one) => (one.key === key ? { ...one, problem } : one)));
  }

  #set(pending: readonly Pending[]): void {
    this.pending.value = pending;
    this.parts.save(pending);
  }
}
