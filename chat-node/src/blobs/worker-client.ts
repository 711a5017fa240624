import { type Transferable, Worker } from 'node:worker_threads';
import type { BlobWork } from './blob-work.js';

/** Space for what the thread has just made, in MiB: a block is in a buffer that comes and goes. */
const YOUNG_GENERATION_MIB = 4;

/** What the thread can be asked. */
export type BlobMethod = keyof BlobWork;

export interface BlobCall {
  id: number;
  method: BlobMethod;
  args: unknown[];
}

export type BlobAnswer =
  { id: number; value: unknown } | { id: number; error: { code: string; message: string } };

interface Pending {
  resolve: (value: never) => void;
  reject: (error: Error) => void;
}

/** This thread's end of the worker, which is started when it is first needed. */
export class BlobWorkerClient {
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | null = null;
  #next = 0;

  /** @param url the built worker */
  constructor(private readonly url: URL) {}

  /**
   * Has the worker do something.
   * @param transfer what of the arguments is no longer needed here
   * @throws what the operating system says, with its code
   */
  call<Method extends BlobMethod>(
    method: Method,
    args: Parameters<BlobWork[Method]>,
    transfer: readonly Transferable[] = [],
  ): Promise<Awaited<ReturnType<BlobWork[Method]>>> {
    const worker = (this.#worker ??= this.#start());
    const id = (this.#next += 1);
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      worker.postMessage({ id, method, args } satisfies BlobCall, transfer);
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    // Flags of this process (a module loader, an inspector port) are not for the thread.
    const worker = new Worker(this.url, {
      name: 'p2p-chat files',
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
    });
    worker.on('message', (answer: BlobAnswer) => {
      const pending = this.#pending.get(answer.id);
      this.#pending.delete(answer.id);
      if ('value' in answer) pending?.resolve(answer.value as never);
      else pending?.reject(Object.assign(new Error(answer.error.message), { code: answer.error.code }));
    });
    const end = (error: Error): void => {
      if (this.#worker === worker) this.#worker = null;
      for (const { reject } of this.#pending.values()) reject(error);
      this.#pending.clear();
    };
    worker.on('error', end);
    worker.on('exit', () =>
      end(Object.assign(new Error('The thread of files has ended.'), { code: 'EBADF' })),
    );
    return worker;
  }
}
