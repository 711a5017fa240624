import { conversationLabel, count } from '../console/labels.js';
import { print, printJson, type Io } from './io.js';
import { profileClient, type ProfileFlags } from './profile-client.js';

export interface ReadFlags extends ProfileFlags {
  upTo?: string;
  json?: boolean;
}

/** `read`: marks a conversation as read, all of it or up to a message. */
export async function markRead(io: Io, name: string, flags: ReadFlags): Promise<void> {
  const client = profileClient(io, flags);
  const signal = io.interruption();
  const { read } = await client.read(name, flags.upTo, signal);
  if (flags.json === true) return printJson(io, { read });
  const who = conversationLabel(await client.conversation(name, signal));
  await print(
    io,
    read === 0
      ? `Nothing from ${who} was unread.\n`
      : `${count(read, 'message')} from ${who} marked as read.\n`,
  );
}
