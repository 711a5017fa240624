import type { Command } from 'commander';
import { safeLine, shortPeerId } from '@p2p-chat/shared';
import type { COMPLETIONS } from './choices.js';
import { bashScript } from './completion-bash.js';
import { fishScript } from './completion-fish.js';
import { completionModel } from './completion-model.js';
import { zshScript } from './completion-zsh.js';
import { print, type Io } from './io.js';
import { profileClient, type ProfileFlags } from './profile-client.js';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** `completion SHELL`: a script that completes commands, flags and the names of people; `names`: those names. */
export async function completion(
  io: Io,
  what: (typeof COMPLETIONS)[number],
  program: Command,
  flags: ProfileFlags,
): Promise<void> {
  if (what !== 'names') return print(io, SCRIPTS[what](completionModel(program)));
  const client = profileClient(io, flags);
  const people = await client.peers(true, io.interruption());
  for (const { peerId, user, ambiguous } of people) {
    // What a name does not say, and what a shell could not pass on, the short id does.
    const name = ambiguous || safeLine(user) !== user ? shortPeerId(peerId) : user;
    await print(io, `${name}\n`);
  }
  for (const { id, name, ambiguous } of await client.groups(undefined, io.interruption()))
    await print(io, `${ambiguous || safeLine(name) !== name ? shortPeerId(id) : name}\n`);
}
