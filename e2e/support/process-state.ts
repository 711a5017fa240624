import { readdirSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';

/** Clock ticks in a second (`getconf CLK_TCK`), on every Linux that there is. */
const TICKS_PER_SECOND = 100;

/**
 * What a process does at the moment, for the message of a test that waited for
 * it in vain: one that used no CPU and sleeps hangs, one that used some on a
 * machine with a high load was only slow. Empty where there is no /proc.
 */
export function processState(pid: number | undefined): string {
  try {
    // After the name, which may hold anything: state, and from the 12th on the times.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    const cpu = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    const threads = readdirSync(`/proc/${pid}/task`).map((task) => {
      const of = (file: string): string => readFileSync(`/proc/${pid}/task/${task}/${file}`, 'utf8').trim();
      return `${of('comm')}: ${of('wchan').replace(/^0?$/, 'runs')}`;
    });
    const load = loadavg().map((one) => one.toFixed(1));
    return `--- state ${fields[0]}, ${cpu} s of CPU, load ${load.join(' ')}\n${threads.join('\n')}\n`;
  } catch {
    return '';
  }
}
