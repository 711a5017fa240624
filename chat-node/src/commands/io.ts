import type { Readable, Writable } from 'node:stream';
import { type Clock, safeJson } from '@p2p-chat/shared';
import type { Environment } from '../profile/profile.js';

/** What a command has of the world. Tests give it another one. */
export interface Io {
  env: Environment;
  stdin: Readable & { isTTY?: boolean };
  stdout: Writable & { isTTY?: boolean };
  stderr: Writable & { isTTY?: boolean; columns?: number };
  clock: Clock;
  /** The built entry point, for a command that starts another one. */
  main: string;
  /** Aborts on Ctrl-C from the first call on; until then Ctrl-C ends the process as usual. */
  interruption: () => AbortSignal;
}

/**
 * Writes results to stdout; resolves when they are on their way, so a slow
 * reader slows the command.
 * @throws the stream's error, `EPIPE` where the reader has gone
 */
export function print(io: Io, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    io.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

/** Writes one result as a line of JSON. */
export function printJson(io: Io, value: unknown): Promise<void> {
  return print(io, `${safeJson(value)}\n`);
}

/** Tells the person something that is not a result. */
export function note(io: Io, text: string): void {
  io.stderr.write(`${text}\n`);
}
