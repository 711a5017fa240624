import { readFile } from 'node:fs/promises';
import type { RunningProcess } from '../e2e/support/processes.ts';

/** What /proc counts CPU in (Linux: always 100 a second), in microseconds. */
const TICK_MICROS = 10_000;

/** CPU that the processes have used, in microseconds (Linux). */
export async function cpuOf(...processes: readonly RunningProcess[]): Promise<number> {
  let ticks = 0;
  for (const { child } of processes) {
    const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * TICK_MICROS;
}
