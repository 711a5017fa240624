import { resolveProfile } from '../profile/profile.js';
import { EXIT } from './exit-status.js';
import { note, type Io } from './io.js';
import { settings, type NodeFlags } from './settings.js';

export interface ConsoleFlags extends NodeFlags {
  plain?: boolean;
}

/** `console`: the screens for people, over the profile's running node or one of their own. @returns the exit status */
export async function openConsole(io: Io, flags: ConsoleFlags): Promise<number> {
  const isDumb = io.env.TERM === 'dumb';
  const plain = flags.plain === true || isDumb;
  if (flags.plain !== true && (io.stdin.isTTY !== true || io.stdout.isTTY !== true)) {
    note(io, 'p2p-chat: The console needs a terminal, and this is a pipe or a file.');
    note(
      io,
      '  Use "console --plain", or the commands: send, history, peers, status, events; "p2p-chat --help" lists them.',
    );
    note(
      io,
      '  A node without a screen is "p2p-chat daemon"; with Docker, a terminal is "docker compose run".',
    );
    return EXIT.usage;
  }
  if (isDumb && flags.plain !== true)
    note(io, 'This terminal cannot move the cursor (TERM is "dumb"): lines only, as with --plain.');
  const env = settings(io.env, flags);
  const profile = resolveProfile(env);
  // Inquirer, which no other command should wait for.
  const { runConsole } = await import('../console/run-console.js');
  return runConsole({ profile, env, main: io.main, clock: io.clock, plain });
}
