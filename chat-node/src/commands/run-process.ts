import { SystemClock } from '@p2p-chat/shared';
import { Interrupted } from './interrupted.js';
import type { Io } from './io.js';
import { run } from './program.js';

/**
 * Runs the command line in this process, and ends the process.
 * @param main the file with which the program is started
 */
export async function runProcess(main: string): Promise<never> {
  // Whoever prints learns of a reader that has gone from the write itself; what
  // is left over must not end a node that goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

  let interruption: AbortController | undefined;
  const io: Io = {
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    clock: new SystemClock(),
    main,
    interruption: () => {
      if (interruption === undefined) {
        const controller = (interruption = new AbortController());
        for (const signal of ['SIGINT', 'SIGTERM'] as const) {
          // The first one ends tidily, the second one at once.
          process.once(signal, () => controller.abort(new Interrupted()));
        }
      }
      return interruption.signal;
    },
  };

  // The clock's timers and an idle stream keep no process alive, a running command does.
  const running = setInterval(() => undefined, 2 ** 30);
  const status = await run(process.argv.slice(2), io);
  clearInterval(running);
  // What was printed into a pipe may still be on its way.
  await Promise.all(
    [process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write('', done))),
  );
  process.exit(status);
}
