import { closeSync, openSync, readFileSync } from 'node:fs';

/** Descriptors kept back for what a program opens by itself: its files, its clients, its own connections. */
const KEPT_BACK = 6;

/** How many files and connections this process may have open; infinite where the system does not say. */
export function descriptorLimit(): number {
  try {
    const [, limit] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return limit === undefined ? Infinity : Number(limit);
  } catch {
    return Infinity;
  }
}

/** Tells when strangers must be turned away, so that a process is not left without descriptors for itself. */
export class Descriptors {
  constructor(private readonly limit = descriptorLimit()) {}

  /** Whether none are left but those that are kept back. */
  get areScarce(): boolean {
    if (this.limit === Infinity) return false;
    try {
      // The system gives out the lowest free number.
      const lowestFree = openSync('/dev/null', 'r');
      closeSync(lowestFree);
      return lowestFree + KEPT_BACK >= this.limit;
    } catch {
      return true;
    }
  }

  /** How many connections an HTTP server may have, so that it leaves others theirs; undefined for any number. */
  get connections(): number | undefined {
    return this.limit === Infinity ? undefined : Math.max(4, Math.floor(this.limit / 6));
  }
}
