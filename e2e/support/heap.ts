import { type RunningProcess, waitFor } from './processes.ts';

/** What a process under test needs in its environment for {@link settledHeap}. */
export const HEAP_PROBE = {
  NODE_OPTIONS: `--expose-gc --import=${new URL('heap-probe.ts', import.meta.url).href}`,
};

/** Bytes that a process still holds when all garbage is collected, outside of its worker threads. */
export async function settledHeap(running: RunningProcess): Promise<number> {
  const told = (): string[] => running.stderr.match(/^heap \d+$/gm) ?? [];
  const before = told().length;
  running.child.kill('SIGUSR2');
  const line = await waitFor('the size of the heap', () => told()[before]);
  return Number(line.slice('heap '.length));
}
