/** The thread that owns the database: it alone waits for the disk. */
import type { DatabaseSync } from 'node:sqlite';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { packError } from './error-record.js';
import { openDatabase } from './database.js';
import { GroupCommit } from './group-commit.js';
import { IdleWork } from './idle-work.js';
import type { MessageRun } from './message-run.js';
import { MessageStore } from './message-store.js';
import type { Call, FromWorker, ToWorker, WorkerOptions } from './operations.js';
import { PeerStore } from './peer-store.js';
import { type IndexProgress, SearchStore } from './search-store.js';
import { storageErrorOf } from './sqlite-errors.js';

/** Rows in one commit: fills the disk's time, and the first of them does not wait long for the last. */
const MAX_GROUP_ROWS = 10_000;
/** How long nobody must have asked for anything before the index of search is filled, in milliseconds. */
const IDLE_MS = 1_000;

if (parentPort === null) throw new Error('sqlite-worker runs as a worker thread');
const port = parentPort;

try {
  serve(openDatabase((workerData as WorkerOptions).file));
} catch (error) {
  post({ type: 'refused', error: packError(storageErrorOf(error)) });
}

function serve(database: DatabaseSync): void {
  const commit = new GroupCommit(database, {
    messages: new MessageStore(database),
    peers: new PeerStore(database),
    search: new SearchStore(database),
  });
  const indexing = new IdleWork(() => indexMore(commit), IDLE_MS);
  const waiting: ToWorker[] = [];
  port.on('message', (first: ToWorker) => {
    waiting.push(first);
    // What arrives while a group runs is taken with the next one.
    while (drain(waiting) > 0) {
      const calls = nextGroup(waiting);
      if (calls.length > 0) post({ type: 'answers', answers: commit.run(calls) });
      else if (waiting.shift() === 'close') {
        indexing.stop();
        return end(database);
      }
    }
    indexing.postpone();
  });
  // What an earlier start left undone.
  indexing.postpone();
  post({ type: 'opened' });
}

/** @returns whether more is left; a disk that is full is left alone until somebody asks for something again */
function indexMore(commit: GroupCommit): boolean {
  const [answer] = commit.run([{ store: 'search', method: 'indexMore', args: [] }]);
  if (answer === undefined || 'error' in answer) return false;
  const { indexed, last } = answer.value as IndexProgress;
  return indexed < last;
}

function end(database: DatabaseSync): void {
  // The last connection moves the log into the file, where the disk lets it.
  database.close();
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
