import { print, printJson, type Io } from './io.js';
import { profileClient, type ProfileFlags } from './profile-client.js';

export interface LogoutFlags extends ProfileFlags {
  json?: boolean;
}

/** `logout`: the running node withdraws, says bye to its peers and ends. */
export async function logout(io: Io, flags: LogoutFlags): Promise<void> {
  await profileClient(io, flags).logout(io.interruption());
  if (flags.json === true) return printJson(io, { loggedOut: true });
  await print(io, 'Logged out: the node ends.\n');
}
