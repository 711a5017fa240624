/*
 * Loaded into a process under test by NODE_OPTIONS: at SIGUSR2 it collects all
 * garbage and tells on stderr what is left. What is resident says nothing of a
 * leak: objects of closed connections wait for a full collection, and memory
 * that was needed once stays with the process.
 */
import { writeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';

async function tell(): Promise<void> {
  for (let count = 0; count < 3; count += 1) {
    globalThis.gc?.();
    await nextTurn();
  }
  const { heapUsed, external } = process.memoryUsage();
  writeSync(2, `heap ${heapUsed + external}\n`);
}

if (isMainThread) process.on('SIGUSR2', () => void tell());
