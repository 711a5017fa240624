/**
 * The thread that owns the database: it alone waits for the disk. It has a heap
 * of its own, so it takes of the shared library the parts that it uses.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Change } from '../../core/ports/conversation.store.js';
import { packError } from './error-record.js';
import { IdleWork } from './idle-work.js';
import type { IndexProgress } from './search-index.js';
import { storageErrorOf } from './sqlite-errors.js';
import { StoreKeeper } from './store-keeper.js';
import type { Call, FromWorker, ToWorker, WorkerOptions } from './thread-messages.js';

/** Bytes in one commit: fills the disk's time, and the first of them does not wait long for the last. */
const MAX_GROUP_BYTES = 4 * 1024 * 1024;
/** About what a change costs that brings no batch. */
const CHANGE_BYTES = 256;
/** How long nobody must have asked for anything before the index of search is filled, in milliseconds. */
const IDLE_MS = 1_000;

if (parentPort === null) throw new Error('sqlite-worker runs as a worker thread');
const port = parentPort;

try {
  const { file } = workerData as WorkerOptions;
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
  const [answer] = stores.run([{ method: 'indexMore', args: [] }]);
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
  let bytes = 0;
  for (const one of waiting) {
    if (one === 'close' || bytes >= MAX_GROUP_BYTES) break;
    calls.push(one);
    if (one.method === 'commit') bytes += bytesOf(one.args[0] as readonly Change[]);
  }
  waiting.splice(0, calls.length);
  return calls;
}

function bytesOf(changes: readonly Change[]): number {
  return changes.reduce((sum, change) => {
    if ('batch' in change) return sum + CHANGE_BYTES + change.batch.bytes.length;
    return sum + CHANGE_BYTES * ('messages' in change ? change.messages.length : 1);
  }, 0);
}

function post(message: FromWorker): void {
  port.postMessage(message);
}
