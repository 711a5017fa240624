import { errorMessage, P2pChatError, safeLine, safeText, type MessageView } from '@p2p-chat/shared';
import { FILE_COMMANDS, isFileCommand } from '../file-commands.js';
import { recipientsLabel } from '../group-labels.js';
import { authorLabel, localDay, progressLabel, timeOfDay } from '../labels.js';
import { fileText, messageLine, messageText } from '../message-text.js';
import type { ConversationPromptConfig, Leaving } from '../prompts/conversation-prompt.js';
import { ANNOUNCE_COMMAND, announced, CONFIRM_KEY, lastOwnText } from '../prompts/message-mode.js';
import { spoken, type PlainLines } from './plain-lines.js';

const WIDTH = 1_000;
/** Messages that are read out at first, and at each look back. */
const PAGE = 10;
/** Characters of a message by which it is known again. */
const EXCERPT = 40;
const QUARTERS = 4;

const HELP = [
  'What you type is sent with Enter. A line that ends with \\ goes on in the next one.',
  `/older reads out ${PAGE} messages before these, /back goes back, /next opens the next conversation with unread messages.`,
  ...FILE_COMMANDS.map(([command, does]) => `${command}: ${does}.`),
  'A message that begins with / is written with //.',
  'Each message has a number. /reply #3 TEXT answers number 3, /react #3 EMOJI says what you feel about it, or takes that back, /confirm #3 confirms it, /quoted #3 reads out what it answers.',
  '/edit #3 TEXT changes your message, /delete #3 deletes one for everybody and /hide #3 for you alone, /who #3 tells who has read it or reacts, /versions #3 what it said before. /forward #3 and /copy #3 hand it on.',
  'Without a number they are for the last message that fits.',
  `${ANNOUNCE_COMMAND.join(': ')}. /remind #3 reminds those who have not confirmed yours.`,
];

/** A conversation in lines: what comes is read out when it comes, what is typed is sent. */
export async function plainConversation(
  lines: PlainLines,
  config: ConversationPromptConfig,
): Promise<Leaving> {
  const speaker = new Speaker(lines, config);
  const unsubscribe = [
    config.messages.subscribe(() => speaker.news()),
    config.view.subscribe(() => speaker.about()),
  ];
  try {
    speaker.begin();
    let written = '';
    for (;;) {
      const typed = await lines.next();
      if (typed === null) return 'back';
      if (typed === '?') lines.say(...HELP);
      else if (typed === '/back' || (typed.trim() === '' && written === '')) return 'back';
      else if (typed === '/next') return 'next-unread';
      else if (typed === '/older') await speaker.older();
      else if (isFileCommand(typed) || announced(typed) !== null) await send(lines, config, typed);
      else if (ACTION.test(typed)) {
        const leaving = await act(lines, config, speaker, typed);
        if (leaving !== null) return leaving;
      } else if (/^\/(?!\/)/u.test(typed))
        lines.say(`There is no ${safeLine(typed)} here; ? tells what there is.`);
      else {
        const text = typed.startsWith('//') ? typed.slice(1) : typed;
        const goesOn = text.endsWith('\\');
        written += goesOn ? `${text.slice(0, -1)}\n` : text;
        config.keep(written);
        if (goesOn) continue;
        await send(lines, config, written);
        written = '';
      }
    }
  } finally {
    for (const end of unsubscribe) end();
  }
}

/** What is done with a message: a name, the number of the message, and what more there is to say. */
const ACTION =
  /^\/(reply|react|edit|delete|hide|confirm|who|versions|remind|forward|copy|quoted)(?:\s+#(\d+))?(?:\s+(.*))?$/u;

/** Does what a line says of a message, or of the last one that fits. @returns where the person goes, where that is what it says */
async function act(
  lines: PlainLines,
  config: ConversationPromptConfig,
  speaker: Speaker,
  typed: string,
): Promise<Leaving | null> {
  await speaker.ready;
  const [, name = '', number, rest = ''] = ACTION.exec(typed.trim()) ?? [];
  const target = number === undefined ? lastFor(name, config) : speaker.numbered(Number(number));
  if (target === undefined) {
    lines.say(
      number === undefined ? 'There is no message for that.' : `There is no message #${number} here.`,
    );
    return null;
  }
  if (name === 'forward') return { forward: target };
  const { commands } = config;
  const work: Record<string, () => Promise<void | string[]>> = {
    reply: () => config.send(rest, target.id),
    react: () => commands.react(target, rest),
    edit: () => commands.edit(target.id, rest),
    delete: () => commands.delete(target.id, false),
    hide: () => commands.delete(target.id, true),
    confirm: () => commands.confirm(target.id),
    who: async () => orNobody(await commands.who(target)),
    versions: () => commands.versions(target),
    remind: () => commands.remind(target),
    copy: () => commands.copy(target),
    quoted: async () => speaker.again(target.replyTo ?? ''),
  };
  try {
    const said = await work[name]?.();
    lines.say(...(said ?? []).map((line) => safeLine(line)));
  } catch (error) {
    const hint = error instanceof P2pChatError && error.hint !== undefined ? ` ${error.hint}` : '';
    lines.say(safeLine(`Not done: ${errorMessage(error)}${hint}`));
  }
  return null;
}

function orNobody(said: string[]): string[] {
  return said.length === 0 ? ['Nobody has reacted to it.'] : said;
}

/** The message that is most often meant. */
function lastFor(name: string, config: ConversationPromptConfig): MessageView | undefined {
  const { messages } = config.messages.get();
  const last = (fits: (message: MessageView) => boolean): MessageView | undefined =>
    messages.findLast((one) => one.deleted !== true && one.change === undefined && fits(one));
  switch (name) {
    case 'reply':
    case 'react':
      return last(({ direction }) => direction === 'in');
    case 'confirm':
      return config.toConfirm(config.view.get())[0];
    case 'remind':
      return last(({ direction, confirm }) => direction === 'out' && confirm === true);
    case 'quoted':
      return last(({ replyTo }) => Boolean(replyTo));
    case 'hide':
    case 'forward':
    case 'copy':
      return last(() => true);
    default:
      return lastOwnText(messages);
  }
}

async function send(lines: PlainLines, config: ConversationPromptConfig, body: string): Promise<void> {
  try {
    await config.send(body);
    config.keep('');
  } catch (error) {
    const hint = error instanceof P2pChatError && error.hint !== undefined ? ` ${error.hint}` : '';
    lines.say(safeLine(`Not sent: ${errorMessage(error)}${hint}`));
  }
}

class Speaker {
  #begun = false;
  readonly #ready = Promise.withResolvers<void>();
  /** The messages that were read out, and the state in which each was. */
  readonly #said = new Map<string, { state: MessageView['state']; line: string }>();
  /** The numbers by which they are named. */
  readonly #numbers = new Map<string, number>();
  /** How each file was, when that was said last. */
  readonly #transfers = new Map<string, string>();
  #first: string | null = null;
  #day = '';
  #about: string[] = [];
  #typing: string | null = null;

  constructor(
    private readonly lines: PlainLines,
    private readonly config: ConversationPromptConfig,
  ) {}

  begin(): void {
    this.#about = this.#header();
    this.lines.say('', ...this.#about);
    if (this.config.draft !== '') this.lines.say(`You had begun to write: ${safeLine(this.config.draft)}`);
    this.news();
  }

  /** Reads out what is new. */
  news(): void {
    const { messages, loading, firstUnread } = this.config.messages.get();
    if (loading) return;
    if (!this.#begun) {
      this.#begun = true;
      this.#ready.resolve();
      const unread = messages.findIndex((one) => one.id === firstUnread);
      const begin = Math.max(0, Math.min(messages.length - PAGE, unread < 0 ? Infinity : unread));
      this.#first = messages[begin]?.id ?? null;
      if (messages.length === 0) this.lines.say(this.config.empty);
      this.#say(messages.slice(begin), firstUnread);
      this.lines.say('Type a message, or ? for help.');
    } else {
      const from = messages.findIndex((one) => one.id === this.#first);
      const fresh = messages.slice(Math.max(0, from));
      if (from < 0 && this.#first !== null && fresh.some((one) => !this.#said.has(one.id))) {
        this.lines.say('Some messages are not read out; /older has them.');
        this.#first = messages[0]?.id ?? null;
      }
      this.#first ??= messages[0]?.id ?? null;
      this.#say(fresh, null);
    }
    const last = messages.at(-1);
    if (last !== undefined) this.config.seen(last.id);
  }

  /** Reads out what changed above the conversation: presence, what is wrong, who else wrote. */
  about(): void {
    const now = this.#header();
    // The first line only counts.
    this.lines.say(...now.slice(1).filter((line) => !this.#about.includes(line)));
    this.#about = now;
    const typing = this.config.typing(this.config.view.get());
    if (typing !== null && typing !== this.#typing) this.lines.say(typing);
    this.#typing = typing;
    this.#files();
  }

  /** Reads out how files come on, in quarters. */
  #files(): void {
    const { files } = this.config.view.get();
    for (const { files: offered = [] } of this.config.messages.get().messages) {
      for (const { id } of offered) {
        const file = files.get(id);
        if (file === undefined) continue;
        const now = `${file.state} ${Math.floor(file.progress * QUARTERS)} ${file.problem?.code}`;
        const before = this.#transfers.get(id);
        this.#transfers.set(id, now);
        if (before === undefined || before === now) continue;
        const where = file.state === 'complete' && file.path !== null ? `: ${safeLine(file.path)}` : '';
        this.lines.say(`${fileText(file)} ${progressLabel(file)}${where}`);
      }
    }
  }

  /** Resolves when the first messages were read out: what was typed before that is for them, too. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** The message that was read out with a number. */
  numbered(number: number): MessageView | undefined {
    return this.config.messages.get().messages.find(({ id }) => this.#numbers.get(id) === number);
  }

  /** @returns the lines of a message, to be read out once more */
  again(id: string): string[] {
    const message = this.config.messages.get().messages.find((one) => one.id === id);
    if (id === '') return ['It answers nothing.'];
    return message === undefined
      ? ['It is further back; /older reads out what was before.']
      : this.#lines(message);
  }

  /** Reads out what was said before. */
  async older(): Promise<void> {
    let at = this.#place();
    if (at === 0) {
      await this.config.older();
      at = this.#place();
    }
    if (at === 0) return this.lines.say('That is the beginning.');
    const before = this.config.messages.get().messages.slice(Math.max(0, at - PAGE), at);
    this.#first = before[0]?.id ?? this.#first;
    this.#day = '';
    this.#say(before, null);
  }

  #place(): number {
    return Math.max(
      0,
      this.config.messages.get().messages.findIndex((one) => one.id === this.#first),
    );
  }

  #header(): string[] {
    const header = this.config.header(this.config.view.get(), WIDTH);
    return spoken(header.map((line) => line.replace(CONFIRM_KEY, '(/confirm confirms it)')));
  }

  #say(messages: readonly MessageView[], firstUnread: string | null): void {
    for (const message of messages) {
      const before = this.#said.get(message.id);
      const { state } = message;
      const line = messageLine(message, this.config.view.get().me?.peerId ?? '');
      if (before?.state === state && before.line === line) continue;
      this.#said.set(message.id, { state, line });
      if (before !== undefined) {
        const change =
          before.line === line
            ? changeOf(message)
            : `Changed: #${this.#numbers.get(message.id)} ${safeLine(line)}`;
        if (change !== null) this.lines.say(change);
        continue;
      }
      const day = localDay(message.sentAt);
      if (day !== this.#day) this.lines.say(day);
      this.#day = day;
      if (message.id === firstUnread) this.lines.say('New:');
      this.lines.say(...this.#lines(message));
    }
  }

  /** A message with its number. */
  #lines(message: MessageView): string[] {
    if (message.change !== undefined) return [`${timeOfDay(message.sentAt)} ${messageText(message)}`];
    const number = this.#numbers.get(message.id) ?? this.#numbers.size + 1;
    this.#numbers.set(message.id, number);
    const view = this.config.view.get();
    const [first = '', ...more] = read(message, authorLabel(message, view), view.me?.peerId ?? '');
    return [`#${number} ${first}`, ...more];
  }
}

function read(message: MessageView, author: string, self: string): string[] {
  const mine = message.direction === 'out';
  const [first = '', ...more] = safeText(messageLine(message, self)).split('\n');
  const state = mine ? ` (${stateOf(message)})` : '';
  const said = [
    `${timeOfDay(message.sentAt)} ${mine ? 'You' : author}: ${first}`,
    ...more.map((line) => `  ${line}`),
  ];
  return said.map((line, i) => (i === said.length - 1 ? line + state : line));
}

function stateOf(message: MessageView): string {
  const recipients = recipientsLabel(message);
  if (recipients !== '') return recipients;
  const { state } = message;
  return state === 'queued' ? 'waits' : state;
}

function changeOf(message: MessageView): string | null {
  if (message.direction === 'in') return null;
  const text = safeLine(messageText(message));
  const excerpt = text.length > EXCERPT ? `${[...text].slice(0, EXCERPT).join('')}…` : text;
  return `Now ${stateOf(message)}: ${excerpt}`;
}
