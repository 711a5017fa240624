import { styleText } from 'node:util';
import stringWidth from 'fast-string-width';
import { safeLine, shortPeerId, type PeerView } from '@p2p-chat/shared';
import { count, FORKED, presenceRemark, secondConsole } from '../console/labels.js';
import { note, print, printJson, type Io } from './io.js';
import { profileClient, type ProfileFlags } from './profile-client.js';

export interface PeersFlags extends ProfileFlags {
  all?: boolean;
  json?: boolean;
}

/** `peers`: people online; with `--all`, everyone known. */
export async function peers(io: Io, flags: PeersFlags): Promise<void> {
  const all = flags.all === true;
  const found = await profileClient(io, flags).peers(all, io.interruption());
  if (flags.json === true) {
    for (const peer of found) await printJson(io, peer);
    return;
  }
  if (found.length === 0) {
    note(io, all ? 'Nobody is known yet.' : 'Nobody else is here right now.');
    note(io, `Start a second one, on this machine or another: ${secondConsole(io.env)}`);
    return;
  }
  const nameWidth = Math.max(...found.map((peer) => stringWidth(safeLine(peer.user))));
  for (const peer of found) {
    const name = safeLine(peer.user);
    const cells = [
      peer.online ? styleText('green', '●') : styleText('dim', '○'),
      name + ' '.repeat(nameWidth - stringWidth(name)),
      shortPeerId(peer.peerId),
      ...remarks(peer),
    ];
    await print(io, `${cells.join('  ')}\n`);
  }
}

function remarks(peer: PeerView): string[] {
  const remarks: string[] = [];
  if (peer.host !== null && peer.port !== null) remarks.push(`${safeLine(peer.host)}:${peer.port}`);
  if (!peer.online) remarks.push('offline');
  if (peer.blocked) remarks.push('[BLOCKED]');
  const presence = presenceRemark(peer);
  if (presence !== '') remarks.push(presence);
  if (peer.verified) remarks.push('verified');
  if (peer.keyAlarm !== null)
    remarks.push(styleText('red', `OTHER KEY than ${shortPeerId(peer.keyAlarm.peerId)}`));
  if (peer.forked === true) remarks.push(styleText('red', FORKED));
  if (peer.request !== null) remarks.push(`${count(peer.request.messages, 'message')} of a stranger`);
  if (peer.unread > 0) remarks.push(`${peer.unread} unread`);
  return remarks;
}
