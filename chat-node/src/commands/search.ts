import { styleText } from 'node:util';
import { MAX_SEARCH_PAGE, type FoundMessageView } from '@p2p-chat/shared';
import { excerpt } from '../console/excerpt.js';
import { conversationLabel, localDay, timeOfDay } from '../console/labels.js';
import { messageText } from '../console/message-text.js';
import { note, print, printJson, type Io } from './io.js';
import { profileClient, type ProfileFlags } from './profile-client.js';

export interface SearchFlags extends ProfileFlags {
  in?: string;
  limit: number;
  before?: string;
  json?: boolean;
}

/** Of a message, where all is not shown. */
const EXCERPT_WIDTH = 100;

/** `search`: the messages that have all the words, the one that was saved last first. */
export async function search(io: Io, words: readonly string[], flags: SearchFlags): Promise<void> {
  const client = profileClient(io, flags);
  const signal = io.interruption();
  const text = words.join(' ');
  const conversation = flags.in === undefined ? undefined : (await client.conversation(flags.in, signal)).id;
  const names = new Map<string, string>();
  let printed = 0;
  let { before } = flags;
  while (printed < flags.limit) {
    const limit = Math.min(flags.limit - printed, MAX_SEARCH_PAGE);
    const page = await client.search(text, { conversation, before, limit }, signal);
    for (const found of page) {
      if (flags.json === true) await printJson(io, found);
      else await print(io, describe(found, text, await nameOf(found.conversation)));
    }
    printed += page.length;
    before = page.at(-1)?.id;
    if (page.length < limit) break;
  }
  if (printed === 0 && flags.json !== true) note(io, 'No message has all these words.');

  async function nameOf(id: string): Promise<string> {
    const known = names.get(id) ?? conversationLabel(await client.conversation(id, signal));
    names.set(id, known);
    return known;
  }
}

function describe(found: FoundMessageView, text: string, other: string): string {
  const mine = found.direction === 'out';
  const when = styleText('dim', `${localDay(found.sentAt)} ${timeOfDay(found.sentAt)}`);
  const who = mine ? `${styleText('cyan', 'You')} to ${other}` : styleText('green', other);
  return `${when}  ${who}: ${excerpt(messageText(found), text, EXCERPT_WIDTH, (match) => styleText(['bold', 'yellow'], match))}\n`;
}
