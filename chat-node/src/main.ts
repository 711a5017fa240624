import { fileURLToPath } from 'node:url';
import { errorCode, SystemClock } from '@p2p-chat/shared';
import { Interrupted } from './commands/interrupted.js';
import type { Io } from './commands/io.js';
import { run } from './commands/program.js';

// `p2p-chat history Bob | head`: who does not read on has read enough.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (errorCode(error) === 'EPIPE') process.exit(0);
    throw error;
  });
}

let interruption: AbortController | undefined;
const io: Io = {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  clock: new SystemClock(),
  main: fileURLToPath(import.meta.url),
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
