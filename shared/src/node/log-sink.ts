import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { errorCode } from '../errors.js';

/** Bytes of lines that wait for whoever reads them: what a burst brings, not what a night does. */
const MAX_WAITING_BYTES = 256 * 1024;
/** How often it is tried again to write what waits, in milliseconds. */
const RETRY_MS = 100;
const STDERR = 2;

/**
 * Writes log lines at once, so that a crash loses none, but never waits and
 * never throws: where nobody reads them they wait up to a bound, and those
 * beyond it, and those that a full disk does not take, are lost and counted.
 */
export class LogSink {
  #waiting = Buffer.alloc(0);
  #lost = 0;
  #isRetrying = false;

  /** @param fd a descriptor; of a pipe, a socket or a terminal it must not block */
  constructor(private readonly fd: number) {}

  /** On stderr, without waiting for it. */
  static onStderr(): LogSink {
    // Making the stream makes a socket non-blocking, also for writes that pass the stream by.
    process.stderr.on('error', () => undefined);
    return new LogSink(ownDescription(STDERR) ?? STDERR);
  }

  /** Takes whole lines. */
  write(lines: string): void {
    this.#flush();
    if (this.#waiting.length > 0) return this.#keep(lines);
    const report = this.#lost === 0 ? '' : `{"level":40,"lost":${this.#lost},"msg":"log lines were lost"}\n`;
    this.#lost = 0;
    this.#waiting = Buffer.from(report + lines);
    this.#flush();
  }

  #keep(lines: string): void {
    const bytes = Buffer.from(lines);
    if (this.#waiting.length + bytes.length > MAX_WAITING_BYTES) this.#lost += lines.split('\n').length - 1;
    else this.#waiting = Buffer.concat([this.#waiting, bytes]);
  }

  #flush(): void {
    try {
      while (this.#waiting.length > 0) {
        this.#waiting = this.#waiting.subarray(writeSync(this.fd, this.#waiting));
      }
    } catch (error) {
      if (errorCode(error) === 'EAGAIN') return this.#tryLater();
      this.#lost += 1;
      this.#waiting = Buffer.alloc(0);
    }
  }

  #tryLater(): void {
    if (this.#isRetrying) return;
    this.#isRetrying = true;
    setTimeout(() => {
      this.#isRetrying = false;
      this.#flush();
    }, RETRY_MS).unref();
  }
}

/**
 * Opens a pipe or a terminal once more, non-blocking. The flags of the
 * descriptor itself are shared with every process that inherited it, and
 * change when one of those ends.
 * @returns null where that cannot be done, or need not: files never wait for a reader
 */
function ownDescription(fd: number): number | null {
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
  try {
    const given = fstatSync(fd);
    if (!given.isFIFO() && !given.isCharacterDevice()) return null;
    const own = openSync(`/dev/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
    const found = fstatSync(own);
    if (found.ino === given.ino && found.dev === given.dev) return own;
    closeSync(own);
  } catch {
    // A terminal of another user, for example; then writing to it may wait.
  }
  return null;
}
