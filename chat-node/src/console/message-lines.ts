import stringWidth from 'fast-string-width';
import { type FileView, safeLine, safeText, type MessageView } from '@p2p-chat/shared';
import { formatted } from './formatting.js';
import { wrapWithLinks } from './links.js';
import { recipientsLabel } from './group-labels.js';
import { localDay, stateMark, timeOfDay } from './labels.js';
import { messageMarks, messageText, quoteLine } from './message-text.js';
import { pad, truncate, wrap } from './layout.js';
import { inPersonsColour, theme } from './theme.js';

/** One line of a conversation on the screen, and the message that it belongs to. */
export interface MessageLine {
  messageId: string;
  text: string;
  /** Whether it stands between messages, not for one. */
  isDivider?: true;
}

const NO_FILES: ReadonlyMap<string, FileView> = new Map();
const MAX_NAME_WIDTH = 16;
const TIME_WIDTH = 'HH:MM '.length;

/** Messages as lines of at most `width` cells, a line with the date before each day's first one. */
export class MessageLines {
  #width = 0;
  #cache = new WeakMap<MessageView, { name: string; lines: string[] }>();

  /**
   * @param nameOf how the author of a message is called, in so many cells and what tells it from others
   * @param self peer id of who looks at it
   * @param formats whether texts are shown with their marks
   */
  constructor(
    private readonly nameOf: (message: MessageView, width: number) => string = (message, width) =>
      truncate(safeLine(message.user), width),
    private readonly self = '',
    private readonly formats = false,
  ) {}

  /**
   * @param messages oldest first
   * @param firstUnread id of the message before which the mark stands that divides old from new
   * @param files what became of those that messages offer, by id
   */
  of(
    messages: readonly MessageView[],
    width: number,
    firstUnread: string | null = null,
    files: ReadonlyMap<string, FileView> = NO_FILES,
  ): MessageLine[] {
    if (width !== this.#width) {
      this.#width = width;
      this.#cache = new WeakMap();
    }
    const lines: MessageLine[] = [];
    let day = '';
    for (const message of messages) {
      const its = localDay(message.sentAt);
      if (its !== day)
        lines.push({ messageId: message.id, text: theme.faint(`── ${its} ──`), isDivider: true });
      day = its;
      if (message.id === firstUnread)
        lines.push({ messageId: message.id, text: theme.news('── new ──'), isDivider: true });
      for (const text of this.lines(message, files)) lines.push({ messageId: message.id, text });
    }
    return lines;
  }

  private lines(message: MessageView, files: ReadonlyMap<string, FileView>): string[] {
    const name = message.direction === 'out' ? 'You' : this.nameOf(message, MAX_NAME_WIDTH);
    // A file comes on while its message stays as it is.
    const how = { self: this.self, formats: this.formats, files };
    if (message.files !== undefined) return draw(message, name, this.#width, how);
    const before = this.#cache.get(message);
    if (before?.name === name) return before.lines;
    const lines = draw(message, name, this.#width, how);
    this.#cache.set(message, { name, lines });
    return lines;
  }
}

function draw(
  message: MessageView,
  name: string,
  width: number,
  { self, formats, files }: { self: string; formats: boolean; files: ReadonlyMap<string, FileView> },
): string[] {
  if (message.change !== undefined)
    return wrap(`${timeOfDay(message.sentAt)} · ${messageText(message)}`, width).map(theme.faint);
  const mine = message.direction === 'out';
  const indent = TIME_WIDTH + stringWidth(name) + 2;
  // A name may leave too little room beside it; then the text goes below.
  const narrow = width - indent < 20;
  const under = narrow ? 2 : indent;
  const lead = `${theme.faint(timeOfDay(message.sentAt))} ${mine ? theme.me(name) : inPersonsColour(message.author, name)}: `;
  const text = safeText(messageText(message, files));
  const wrapped = (line: string): string[] => wrapWithLinks(line, width - under);
  const quote = quoteLine(message);
  const others = safeLine(messageMarks(message, self).join(' · '));
  const isCalled = !mine && (message.confirm === true || message.mentions?.includes(self) === true);
  const body = [
    ...(quote === null ? [] : [theme.faint(truncate(`│ ${safeLine(quote)}`, width - under))]),
    ...(formats && message.kind === 'text' ? formatted(text, wrapped) : text.split('\n').flatMap(wrapped)),
    ...(others === '' ? [] : wrap(others, width - under).map(isCalled ? theme.news : theme.faint)),
  ];
  const state = mine ? marks(message) : '';
  const all = narrow
    ? [lead, ...body.map((line) => `  ${line}`)]
    : body.map((line, i) => (i === 0 ? lead : pad('', indent)) + line);
  const last = all.at(-1) ?? '';
  if (state === '') return all;
  // Beside the last line where there is room, else below it.
  return stringWidth(last) + 1 + stringWidth(state) <= width
    ? [...all.slice(0, -1), `${last} ${state}`]
    : [...all, ...wrap(state, width - under).map((line) => pad('', under) + line)];
}

function marks(message: MessageView): string {
  const mark = stateMark(message.state);
  const recipients = recipientsLabel(message);
  if (recipients !== '')
    return (message.state === 'queued' ? theme.faint : theme.good)(`${mark} ${recipients}`);
  switch (message.state) {
    case 'queued':
      return theme.faint(`${mark} waits`);
    case 'delivered':
    case 'read':
      return theme.good(`${mark} ${message.state}`);
  }
}
