import { type Transferable, Worker } from 'node:worker_threads';
import { errorMessage } from '@p2p-chat/shared';
import { StorageError } from '../../core/errors.js';
import { unpackError } from './error-record.js';
import type { Operations } from './operations.js';
import type { FromWorker, ToWorker, WorkerOptions } from './thread-messages.js';

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

  /**
   * Has the worker do an operation. Operations take effect in the order of the calls.
   * @param transfer what of the arguments is no longer needed here
   */
  call<Method extends keyof Operations>(
    method: Method,
    args: Parameters<Operations[Method]>,
    transfer: readonly Transferable[] = [],
  ): Promise<ReturnType<Operations[Method]>> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    if (this.#closing) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      this.#post({ method, args }, transfer);
      this.#pending.push({ resolve: resolve as Pending['resolve'], reject });
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

  #post(message: ToWorker, transfer: readonly Transferable[] = []): void {
    this.worker.postMessage(message, transfer);
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
      outcome: 'unknown',
    },
  );
}

function closed(): StorageError {
  return new StorageError('storage-failed', 'The message database is closed.', {
    hint: 'Start the node again.',
  });
}
