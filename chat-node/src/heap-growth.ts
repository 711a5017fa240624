import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** How far the young generation may grow, in bytes, both its halves together. */
const YOUNG_BYTES = 16 * 1024 * 1024;

let growing: PerformanceObserver | null = null;

/**
 * Keeps V8's young generation as it is, for a process that runs all day: by
 * itself V8 doubles it up to 64 MiB while the modules load, and all of that
 * stays resident. V8 reads the flag whenever it considers growing; its own
 * limit can only be set before the process starts.
 */
export function holdYoungGeneration(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  growing?.disconnect();
  growing = null;
}

/**
 * Lets the young generation of this thread grow to its bound, as far as bursts
 * of messages ask for it: where it is smaller, more is copied of what is about
 * to be let go.
 */
export function letYoungGenerationGrow(): void {
  if (growing !== null) return;
  growing = new PerformanceObserver(() => {
    if (youngBytes() >= YOUNG_BYTES) holdYoungGeneration();
  });
  growing.observe({ entryTypes: ['gc'] });
  setFlagsFromString('--semi-space-growth-factor=2');
}

/**
 * Lets the old generation grow by less than a third before V8 collects, for a
 * store that makes an object of each message, of which much gets old: by
 * itself V8 lets it double and more.
 */
export function holdOldGeneration(): void {
  setFlagsFromString('--heap-growing-percent=30');
}

function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;
}
