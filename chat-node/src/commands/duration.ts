import { InvalidArgumentError } from 'commander';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };
/** The longest time that a timer takes, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Reads a time such as `500ms`, `30s` or `2m`.
 * @returns milliseconds
 * @throws {InvalidArgumentError}
 */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text.trim());
  const ms = match === null ? NaN : Number(match[1]) * (UNITS[match[2] ?? ''] ?? NaN);
  if (ms >= 0 && ms <= LONGEST_MS) return ms;
  throw new InvalidArgumentError('It takes a number with a unit: 500ms, 30s, 2m.');
}

/** Reads a whole number from 1 on. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count >= 1) return count;
  throw new InvalidArgumentError('It takes a whole number from 1 on.');
}
