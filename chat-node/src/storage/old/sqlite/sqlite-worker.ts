/**
 * The thread that owns the database: it alone waits for the disk. It has a heap
 * of its own, so it takes of the shared library the parts that it uses.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { collectWhenIdle } from '../../../idle-collection.js';
import { packError } from './error-record.js';
import { IdleWork } from './idle-work.js';
import type { MessageRun } from '../../../chat/message-run.js';
import type { Call, FromWorker, ToWorker, WorkerOptions } from './operations.js';
import type { IndexProgress } from './search-store.js';
import { storageErrorOf } from './sqlite-errors.js';
import { StoreKeeper } from './store-keeper.js';

/** Rows in one commit: fills the disk's time, and the first of them does not wait long for the last. */
const MAX_GROUP_ROWS = 10_000;
/** How long nobody must have asked for anything before the index of search is filled, in milliseconds. */
const IDLE_MS = 1_000;

if (parentPort === null) throw new Error('sqlite-worker runs as a worker thread');
const port = parentPort;

try {
  const { file } = workerData as WorkerOptions;
  collectWhenIdle();
  serve(new StoreKeeper(file, () => post({ type: 'disk-failed' })));
} catch (error) {
  post({ type: 'refused', error: packError(storageErrorOf(error)) });
}

function serve(stores: StoreKeeper): void {
  const indexing = new IdleWork(() => indexMore(stores), IDLE_MS);
  const waiting: ToWorker[] = [];
  port.on('message', (first: ToWorker) => {
    waiting.push(first);
    // What arrives while a group runs is taken with the next one.
    while (drain(waiting) > 0) {
      const calls = nextGroup(waiting);
      if (calls.length > 0) post({ type: 'answers', answers: stores.run(calls) });
      else if (waiting.shift() === 'close') {
        indexing.stop();
        return end(stores);
      }
    }
    indexing.postpone();
  });
  // What an earlier start left undone.
  indexing.postpone();
  post({ type: 'opened' });
}

/** @returns whether more is left; a disk that is full is left alone until somebody asks for something again */
function indexMore(stores: StoreKeeper): boolean {
  const [answer] = stores.run([{ store: 'search', method: 'indexMore', args: [] }]);
  if (answer === undefined || 'error' in answer) return false;
  const { indexed, last } = answer.value as IndexProgress;
  return indexed < last;
}

function end(stores: StoreKeeper): void {
  stores.close();
  port.close();
}

function drain(waiting: ToWorker[]): number {
  for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
    waiting.push(next.message as ToWorker);
  }
  return waiting.length;
}

function nextGroup(waiting: ToWorker[]): Call[] {
  const calls: Call[] = [];
  let rows = 0;
  for (const one of waiting) {
    if (one === 'close' || rows >= MAX_GROUP_ROWS) break;
    calls.push(one);
    rows += rowsOf(one);
  }
  waiting.splice(0, calls.length);
  return calls;
}

/** About how many rows a call adds: changes of state in order touch none. */
function rowsOf({ args: [runs] }: Call): number {
  return Array.isArray(runs) ? (runs as MessageRun[]).reduce((sum, { count }) => sum + count, 0) : 1;
}

function post(message: FromWorker): void {
  port.postMessage(message);
}
