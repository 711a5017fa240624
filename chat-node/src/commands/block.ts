import { peerLabel } from '../console/labels.js';
import { print, printJson, type Io } from './io.js';
import { profileClient, type ProfileFlags } from './profile-client.js';

export interface BlockFlags extends ProfileFlags {
  json?: boolean;
}

/** `block` and `unblock`: whether a person's messages arrive. Doing it again changes nothing. */
export async function setBlocked(io: Io, peer: string, blocked: boolean, flags: BlockFlags): Promise<void> {
  const client = profileClient(io, flags);
  const signal = io.interruption();
  const view = await (blocked ? client.block(peer, signal) : client.unblock(peer, signal));
  if (flags.json === true) return printJson(io, view);
  const says = blocked
    ? 'is blocked: no message from them arrives'
    : 'is not blocked: their messages arrive again';
  await print(io, `${peerLabel(view)} ${says}.\n`);
}
