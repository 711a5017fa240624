/* What the benchmarks of the discovery service share. */
import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ANNOUNCEMENT_VALIDITY_MS, type SignedEntry, signAnnouncement } from '@p2p-chat/shared';
import type { RunningProcess } from '../e2e/support/processes.ts';

/** What /proc counts CPU in (Linux: always 100 a second), in milliseconds. */
const PROC_TICK_MS = 10;

/** The announcement of the n-th node. */
export function signedBody(n: number): SignedEntry {
  const fields = {
    host: `10.2.${n >> 8}.${n & 255}`,
    port: 7780,
    user: `Person ${n}`,
    addresses: [],
    instance: `instance-${n}`,
    seq: Date.now(),
    expires: Date.now() + ANNOUNCEMENT_VALIDITY_MS,
  };
  return signAnnouncement(fields, generateKeyPairSync('ed25519'));
}

/** CPU time that a process has taken, in milliseconds. */
export async function cpuMs({ child }: RunningProcess): Promise<number> {
  const fields = (await readFile(`/proc/${child.pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * PROC_TICK_MS;
}

/** Memory of a process, in MB. */
export async function residentMb({ child }: RunningProcess): Promise<number> {
  const kb = /VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${child.pid}/status`, 'utf8'))?.[1];
  return Number(kb) / 1_024;
}

/** The value below which this share of the values is. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}
