import { resolveProfile } from '../profile.js';
import { EXIT } from './exit-status.js';
import { note, type Io } from './io.js';
import { settings, type NodeFlags } from './profile-client.js';

/** `console`: the screens for people, over the profile's running node or one of their own. @returns the exit status */
export async function openConsole(io: Io, flags: NodeFlags): Promise<number> {
  if (io.stdin.isTTY !== true || io.stdout.isTTY !== true) {
    note(io, 'p2p-chat: The console needs a terminal, and this is a pipe or a file.');
    note(
      io,
      '  Use the commands instead: send, history, peers, status, events; "p2p-chat --help" lists them.',
    );
    note(
      io,
      '  A node without a screen is "p2p-chat daemon"; with Docker, a terminal is "docker compose run".',
    );
    return EXIT.usage;
  }
  if (io.env.TERM === 'dumb') {
    note(io, 'p2p-chat: The console moves the cursor, which this terminal cannot do (TERM is "dumb").');
    note(
      io,
      '  Use the commands instead: events shows what comes, send writes; "p2p-chat --help" lists them.',
    );
    return EXIT.usage;
  }
  const env = settings(io.env, flags);
  const profile = resolveProfile(env);
  // Inquirer, which no other command should wait for.
  const { runConsole } = await import('../console/run-console.js');
  return runConsole({ profile, env, main: io.main, clock: io.clock });
}
