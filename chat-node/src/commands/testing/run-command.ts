import { Readable, Writable } from 'node:stream';
import { ManualClock } from '@p2p-chat/shared/testing';
import type { Io } from '../io.js';
import { run } from '../program.js';

export interface CommandUnderTest {
  /** Resolves with the exit status. */
  status: Promise<number>;
  /** What was printed so far. */
  stdout: () => string;
  stderr: () => string;
  /** Resolves when stdout has what `pattern` asks for. */
  untilPrinted: (pattern: RegExp) => Promise<string>;
  clock: ManualClock;
  /** Presses Ctrl-C. */
  interrupt: () => void;
}

/** Runs the command line in this process, as a client of the node in `home`. */
export function start(
  argv: readonly string[],
  options: {
    home?: string;
    stdin?: string | Uint8Array | Readable;
    env?: Io['env'];
    tty?: boolean;
    /** Whether nobody reads what is printed any more. */
    unread?: boolean;
    /** The entry point of a command that is started by another. */
    main?: string;
  } = {},
): CommandUnderTest {
  const stdout = new Captured(options.unread);
  const stderr = new Captured();
  const clock = new ManualClock();
  const interruption = new AbortController();
  const stdin =
    options.stdin instanceof Readable ? options.stdin : Readable.from([Buffer.from(options.stdin ?? '')]);
  const io: Io = {
    env: { ...(options.home === undefined ? {} : { P2P_CHAT_HOME: options.home }), ...options.env },
    stdin: Object.assign(stdin, { isTTY: options.tty ?? false }),
    stdout: Object.assign(stdout, { isTTY: options.tty ?? false }),
    stderr,
    clock,
    main: options.main ?? 'unused',
    interruption: () => interruption.signal,
  };
  return {
    status: run(argv, io),
    stdout: () => stdout.text,
    stderr: () => stderr.text,
    untilPrinted: (pattern) => stdout.until(pattern),
    clock,
    interrupt: () => interruption.abort(new Error('interrupted')),
  };
}

/** Runs a command to its end. */
export async function command(
  argv: readonly string[],
  options: Parameters<typeof start>[1] = {},
): Promise<{ status: number; stdout: string; stderr: string }> {
  const running = start(argv, options);
  const status = await running.status;
  return { status, stdout: running.stdout(), stderr: running.stderr() };
}

class Captured extends Writable {
  text = '';
  readonly #waiting = new Set<() => void>();

  constructor(private readonly unread = false) {
    super({ autoDestroy: false });
    this.on('error', () => undefined);
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    if (this.unread) return done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    this.text += chunk.toString('utf8');
    for (const look of this.#waiting) look();
    done();
  }

  until(pattern: RegExp): Promise<string> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!pattern.test(this.text)) return;
        this.#waiting.delete(look);
        resolve(this.text);
      };
      this.#waiting.add(look);
      look();
    });
  }
}
