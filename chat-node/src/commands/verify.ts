import { keyAlarm, peerLabel, safetyNumberLines } from '../console/labels.js';
import { note, print, printJson, type Io } from './io.js';
import { profileClient, type ProfileFlags } from './profile-client.js';

export interface VerifyFlags extends ProfileFlags {
  mark?: boolean;
  unmark?: boolean;
  seen?: boolean;
  json?: boolean;
}

/** `verify`: the safety number of a person, and whether it was compared. */
export async function verify(io: Io, peer: string, flags: VerifyFlags): Promise<void> {
  const client = profileClient(io, flags);
  const signal = io.interruption();
  if (flags.mark === true) await client.setVerified(peer, true, signal);
  if (flags.seen === true) await client.sawAlarm(peer, signal);
  if (flags.unmark === true) await client.setVerified(peer, false, signal);
  const view = await client.safetyNumber(peer, signal);
  if (flags.json === true) return printJson(io, view);
  const person = await client.peer(view.peerId, signal);
  const who = peerLabel(person);
  await print(io, `${safetyNumberLines(view.safetyNumber).join('\n')}\n`);
  if (person.keyAlarm !== null) {
    note(io, `${keyAlarm(person)} Once you have seen that: p2p-chat verify ${view.peerId} --seen`);
  }
  if (view.verified) {
    note(io, `${who} is verified: you have compared this number.`);
  } else {
    note(io, `${who} must see the same number. Compare it by voice or face to face, not in this chat.`);
    note(io, `Where it is the same: p2p-chat verify ${view.peerId} --mark`);
  }
}
