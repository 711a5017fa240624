import { peerLabel } from '../console/labels.js';
import { print, printJson, type Io } from './io.js';
import { profileClient, type ProfileFlags } from './profile-client.js';

export interface AcceptFlags extends ProfileFlags {
  json?: boolean;
}

/** `accept`: makes somebody a contact. Doing it again changes nothing. */
export async function accept(io: Io, peer: string, flags: AcceptFlags): Promise<void> {
  const view = await profileClient(io, flags).accept(peer, io.interruption());
  if (flags.json === true) return printJson(io, view);
  await print(
    io,
    `${peerLabel(view)} is a contact: their messages arrive, and they see what you have read.\n`,
  );
}
