import { performance } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How often a thread is looked at, in milliseconds: it has been idle for one to two of these when it collects. */
const LOOK_MS = 10_000;
/** The share of the time in which an idle thread may do something: what keeps links alive takes less. */
const IDLE_SHARE = 0.05;
/** What is worth a collection, in bytes: one of all of a heap takes tens of milliseconds. */
const WORTH_BYTES = 2 * 1024 * 1024;

/** A thread as its collection sees it. */
export interface CollectedThread {
  /** What its heap takes of the machine's memory, in bytes. */
  heapBytes: () => number;
  /** In what share of the time since the last call it did something, 0 to 1. */
  busyShare: () => number;
  /** Collects all garbage and gives the memory back. */
  collect: () => void;
}

/**
 * Gives memory back after a burst. V8 collects when something is allocated, so
 * a thread that rests keeps what its last burst took for as long as it rests.
 */
export class IdleCollection {
  #leftBytes = 0;

  constructor(private readonly thread: CollectedThread) {}

  /** Collects where nothing was to be done lately, and the heap has grown since it last did. */
  look(): void {
    const { heapBytes, busyShare, collect } = this.thread;
    if (busyShare() > IDLE_SHARE || heapBytes() < this.#leftBytes + WORTH_BYTES) return;
    collect();
    this.#leftBytes = heapBytes();
  }
}

/**
 * Has this thread, the main one or a worker, give memory back whenever it rests.
 * @param afterwards called after each collection
 */
export function collectWhenIdle(afterwards: () => void = () => undefined): void {
  let last = performance.eventLoopUtilization();
  const collection = new IdleCollection({
    heapBytes: () => getHeapStatistics().total_heap_size,
    busyShare: () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, last);
      last = now;
      return utilization;
    },
    collect: () => {
      collectAll();
      afterwards();
    },
  });
  setInterval(() => collection.look(), LOOK_MS).unref();
}

// The function that V8 offers contexts made after the flag was set.
function collectAll(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as NodeJS.GCFunction;
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
