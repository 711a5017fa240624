import { styleText } from 'node:util';
import { MAX_HISTORY_PAGE, safeLine, safeText, type MessageView } from '@p2p-chat/shared';
import type { ControlClient } from '../console/control-client.js';
import { recipientsLabel } from '../console/group-labels.js';
import { conversationLabel, localDay, stateMark, timeOfDay } from '../console/labels.js';
import { messageMarks, messageText, quoteLine } from '../console/message-text.js';
import { note, print, printJson, type Io } from './io.js';
import { profileClient, type ProfileFlags } from './profile-client.js';

export interface HistoryFlags extends ProfileFlags {
  limit: number;
  before?: string;
  after?: string;
  json?: boolean;
}

/** `history`: a conversation, oldest first. */
export async function history(io: Io, name: string, flags: HistoryFlags): Promise<void> {
  const client = profileClient(io, flags);
  const signal = io.interruption();
  const conversation = await client.conversation(name, signal);
  const { id } = conversation;
  const { peerId: self } = await client.status(signal);
  const from = conversation.kind === 'group' ? undefined : conversationLabel(conversation);
  const pages =
    flags.after === undefined ? latest(client, id, flags, signal) : following(client, id, flags, signal);
  let printed = 0;
  for await (const page of pages) {
    printed += page.length;
    for (const message of page) {
      await (flags.json === true ? printJson(io, message) : print(io, describeMessage(message, self, from)));
    }
  }
  if (printed === 0 && flags.json !== true) note(io, 'There are no messages.');
}

/** Pages from a message on, as they come. */
async function* following(
  client: ControlClient,
  conversation: string,
  flags: HistoryFlags,
  signal: AbortSignal,
): AsyncGenerator<MessageView[]> {
  let { after } = flags;
  for (let left = flags.limit; left > 0 && after !== undefined;) {
    const limit = Math.min(left, MAX_HISTORY_PAGE);
    const page: MessageView[] = await client.history(conversation, { limit, after }, signal);
    yield page;
    left -= page.length;
    after = page.length < limit ? undefined : page.at(-1)?.id;
  }
}

/** The pages that end the conversation, or end before a message: fetched backwards, given forwards. */
async function* latest(
  client: ControlClient,
  conversation: string,
  flags: HistoryFlags,
  signal: AbortSignal,
): AsyncGenerator<MessageView[]> {
  const pages: MessageView[][] = [];
  let { before } = flags;
  for (let left = flags.limit; left > 0;) {
    const limit = Math.min(left, MAX_HISTORY_PAGE);
    const page = await client.history(
      conversation,
      { limit, ...(before === undefined ? {} : { before }) },
      signal,
    );
    pages.push(page);
    left -= page.length;
    before = page[0]?.id;
    if (page.length < limit || before === undefined) break;
  }
  yield* pages.reverse();
}

/**
 * A message for a person: when, who, what, and what others made of it; further lines indented.
 * @param self peer id of who reads it
 * @param from how the other person is called, safe to show
 */
function describeMessage(message: MessageView, self: string, from = safeLine(message.user)): string {
  const mine = message.direction === 'out';
  const when = styleText('dim', `${localDay(message.sentAt)} ${timeOfDay(message.sentAt)}`);
  if (message.change !== undefined) return `${when}  ${styleText('dim', safeLine(messageText(message)))}\n`;
  const who = styleText(mine ? 'cyan' : 'green', mine ? 'You' : from);
  const [first = '', ...more] = safeText(messageText(message)).split('\n');
  const recipients = recipientsLabel(message);
  const mark = `${stateMark(message.state)}${recipients === '' ? '' : ` ${recipients}`}`;
  const quote = quoteLine(message);
  const marks = messageMarks(message, self);
  const lines = [
    ...(quote === null ? [first] : [styleText('dim', `│ ${safeLine(quote)}`), first]),
    ...more,
    ...(marks.length === 0 ? [] : [styleText('dim', safeLine(marks.join(' · ')))]),
  ];
  const state = mine ? `  ${styleText('dim', mark)}` : '';
  return `${when}  ${who}: ${lines.join('\n    ')}${state}\n`;
}
