import { Worker } from 'node:worker_threads';
import { errorMessage } from '@p2p-chat/shared';
import { StorageError } from '../../../chat/errors.js';
import { unpackError } from './error-record.js';
import type { Call, FromWorker, Stores, ToWorker, WorkerOptions } from './operations.js';

/**
 * Space for what the thread has just made, in MiB. Rows live for one answer:
 * with the default the thread grows by 50 MiB under load before it cleans up.
 */
const YOUNG_GENERATION_MIB = 6;

interface Pending {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

/** This thread's end of the worker that owns the database. */
export class WorkerClient {
  // Answers come in the order of the calls, so they need no numbers.
  readonly #pending: Pending[] = [];
  readonly #exited: Promise<void>;
  #gone: StorageError | null = null;
  #closing = false;

  private constructor(private readonly worker: Worker) {
    this.#exited = new Promise((resolve) => worker.once('exit', () => resolve()));
  }

  /**
   * Starts the worker and waits until it has opened the database.
   * @param onDiskFailure is called when the file was closed until its disk works again
   * @throws {StorageError} why it could not
   */
  static async start(url: URL, options: WorkerOptions, onDiskFailure?: () => void): Promise<WorkerClient> {
    // Flags of this process (a module loader, an inspector port) are not for the thread.
    const worker = new Worker(url, {
      workerData: options,
      name: 'p2p-chat storage',
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
    });
    const client = new WorkerClient(worker);
    await new Promise<void>((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message.type === 'answers') client.#settle(message.answers);
        else if (message.type === 'disk-failed') onDiskFailure?.();
        else if (message.type === 'opened') resolve();
        else reject(unpackError(message.error));
      });
      worker.on('error', (error: Error) => {
        client.#end(error);
        reject(died(error));
      });
      worker.on('exit', (status) => {
        client.#end(new Error(`it ended with status ${status}`));
        reject(died(new Error(`it ended with status ${status}`)));
      });
    });
    return client;
  }

  /** Calls a method of a store in the worker. Calls take effect in order. */
  call<Store extends keyof Stores, Method extends keyof Stores[Store] & string>(
    store: Store,
    method: Method,
    ...args: Stores[Store][Method] extends (...args: infer Args) => unknown ? Args : never
  ): Promise<Stores[Store][Method] extends (...args: never) => infer Result ? Result : never>;
  call(store: keyof Stores, method: string, ...args: unknown[]): Promise<unknown> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    if (this.#closing) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      this.#post({ store, method, args } satisfies Call);
      this.#pending.push({ resolve, reject });
    });
  }

  /** Finishes the calls that were made, puts everything into the database file, and ends the worker. */
  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      this.#post('close');
    }
    await this.#exited;
  }

  #post(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  #settle(answers: Extract<FromWorker, { type: 'answers' }>['answers']): void {
    for (const [at, pending] of this.#pending.splice(0, answers.length).entries()) {
      const answer = answers[at];
      if (answer === undefined) continue;
      if ('error' in answer) pending.reject(unpackError(answer.error));
      else pending.resolve(answer.value);
    }
  }

  #end(reason: Error): void {
    this.#gone ??= this.#closing ? closed() : died(reason);
    for (const pending of this.#pending.splice(0)) pending.reject(this.#gone);
  }
}

function died(reason: unknown): StorageError {
  return new StorageError(
    'storage-failed',
    `The storage thread ended unexpectedly: ${errorMessage(reason)}.`,
    {
      hint: 'Start the node again; what was saved is still there.',
      cause: reason,
    },
  );
}

function closed(): StorageError {
  return new StorageError('storage-failed', 'The message database is closed.', {
    hint: 'Start the node again.',
  });
}
