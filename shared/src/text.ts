import { P2pChatError } from './errors.js';
import { withoutEscapeSequences } from './escape-sequences.js';
import { DEPENDENT_SIGNS, JOINING, VIRAMAS } from './joiner-table.js';
import { MAX_STATUS_CHARACTERS, MAX_USER_NAME_CHARACTERS } from './protocol/limits.js';

// Marks, embeddings, overrides and isolates of the bidirectional algorithm
// (UAX #9): they reorder what stands around them.
const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
// Invisible characters that change nothing a person sees but make two texts differ.
const INVISIBLE = new RegExp(
  [
    String.raw`\u00ad`, // soft hyphen
    String.raw`\u034f`, // combining grapheme joiner
    String.raw`[\u115f\u1160\u3164\uffa0]`, // Hangul fillers
    String.raw`[\u17b4\u17b5]`, // Khmer inherent vowels
    String.raw`(?<![\u1820-\u18aa])[\u180b-\u180f]`, // Mongolian selectors, but on their letters
    String.raw`[\u200b\u2060-\u2065\u206a-\u206f\ufeff]`, // zero-width space, joiners, deprecated format characters
    String.raw`[\ufe00-\ufe0e]`, // variation selectors, but the one that makes an emoji
    String.raw`[\ufff0-\uffff]`, // annotations and noncharacters
    String.raw`[\u{1bca0}-\u{1bca3}]`, // controls of shorthand
    String.raw`[\u{1d173}-\u{1d17a}]`, // beams and slurs of music
    String.raw`[\u{e0000}-\u{e0fff}]`, // tags and further selectors
  ].join('|'),
  'gu',
);
// The selector that makes an emoji of a symbol, or with U+20E3 of a digit; it
// does nothing elsewhere.
const STRAY_SELECTOR = /(?<!\p{Extended_Pictographic})(?<![0-9#*](?=\ufe0f\u20e3))\ufe0f/gu;
// Joiners have a use where they change how a script is written, and inside
// emoji; none elsewhere (RFC 5892, appendix A, and chapter 12 of Unicode).
const STRAY_JOINER = new RegExp(
  `(?=[\\u200c\\u200d])(?!${[
    // After a virama, they choose between its forms: conjunct, half, visible.
    String.raw`(?<=[${VIRAMAS}])`,
    // Before one, or before a vowel sign, they keep it from fusing.
    String.raw`(?<=\p{L}\p{M}?)[\u200c\u200d][${VIRAMAS}${DEPENDENT_SIGNS}]`,
    // Between letters that join, and where one shall look joined.
    String.raw`(?<=[${JOINING}]\p{M}{0,6})\u200c\p{M}{0,6}[${JOINING}]`,
    String.raw`(?<=[${JOINING}]\p{M}{0,6})\u200d`,
    // Inside an emoji.
    String.raw`(?<=\p{Extended_Pictographic}[\ufe0f\p{Emoji_Modifier}]?)\u200d\p{Extended_Pictographic}`,
  ].join('|')}).`,
  'gu',
);
// eslint-disable-next-line no-control-regex -- control characters are what this removes
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/gu;
// A stack of marks runs over the lines above and below; no language needs more than this.
const MARK_STACK = /((?:[\u200c\u200d]?\p{M}){6})[\p{M}\u200c\u200d]+/gu;
// Characters that are blank and called symbols or letters.
const BLANK = String.raw`\u2800\u{1d159}\u{13441}\u{13442}`;
const BLANKS = new RegExp(`[${BLANK}]`, 'gu');
/** What people see by itself. What Unicode will assign is taken for visible, as new emoji are. */
const VISIBLE_BASE = new RegExp(
  String.raw`[^\s\p{Z}\p{M}\p{Cc}\p{Cf}\p{Cs}\p{Noncharacter_Code_Point}\p{Default_Ignorable_Code_Point}${BLANK}]`,
  'u',
);
// eslint-disable-next-line no-control-regex -- what starts an escape sequence
const ESCAPE = /[\u001b\u0080-\u009f]/u;

/**
 * Foreign text of several lines, safe for a terminal: no escape sequences, no
 * control characters but the newline, no bidi overrides, no invisible
 * characters. What is stored stays as it was sent; this is for showing only.
 */
export function safeText(text: string): string {
  return withoutEscapeSequences(text)
    .replace(/\r\n?|[\u2028\u2029\u0085\v\f]/gu, '\n')
    .replace(/\t/gu, '    ')
    .replace(CONTROL, '')
    .replace(BIDI, '')
    .replace(INVISIBLE, '')
    .replace(BLANKS, ' ')
    .replace(STRAY_SELECTOR, '')
    .replace(STRAY_JOINER, '')
    .replace(MARK_STACK, '$1')
    .toWellFormed();
}

/** Foreign text as one line: as {@link safeText}, with newlines as spaces. */
export function safeLine(text: string): string {
  return safeText(text).replace(/\n+/gu, ' ');
}

/**
 * Whether a person sees anything of a text: a character that has a shape of
 * its own. Spaces, marks without a letter below them, fillers, joiners and
 * escape sequences have none.
 */
export function hasVisibleText(text: string): boolean {
  return VISIBLE_BASE.test(ESCAPE.test(text) ? safeText(text) : text);
}

/** Text as it is searched and put in order where no language is meant: without case and accents. */
export function foldText(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}

/**
 * Reads a display name: NFC, 1 to 64 characters (code points), at least one
 * that can be seen, no combining mark at the start, no control, bidi or
 * invisible characters.
 * @throws {P2pChatError} `invalid-user-name`, with the reason
 */
export function parseUserName(raw: string): string {
  const name = raw.normalize('NFC').trim();
  const refuse = (reason: string): never => {
    throw new P2pChatError('invalid-user-name', `A user name ${reason}.`);
  };
  if (name === '') return refuse('must not be empty');
  if ([...name].length > MAX_USER_NAME_CHARACTERS)
    return refuse(`has at most ${MAX_USER_NAME_CHARACTERS} characters`);
  if (!name.isWellFormed() || safeLine(name) !== name) {
    return refuse('has no control, bidirectional or invisible characters');
  }
  if (!hasVisibleText(name)) return refuse('has a character that can be seen');
  // It would stand on what is shown before the name.
  if (/^\p{M}/u.test(name)) return refuse('does not begin with a combining mark');
  return name;
}

/** Whether {@link parseUserName} takes the text unchanged. */
export function isUserName(text: unknown): text is string {
  if (typeof text !== 'string') return false;
  try {
    return parseUserName(text) === text;
  } catch {
    return false;
  }
}

/**
 * Reads the text that somebody shows beside their presence: NFC, one line of
 * at most 80 characters (code points), no control, bidi or invisible ones; it
 * may be empty.
 * @throws {P2pChatError} `invalid-status`, with the reason
 */
export function parseStatusText(raw: string): string {
  const status = raw.normalize('NFC').trim();
  if ([...status].length > MAX_STATUS_CHARACTERS)
    throw new P2pChatError(
      'invalid-status',
      `A status text has at most ${MAX_STATUS_CHARACTERS} characters.`,
    );
  const isShown = status === '' || hasVisibleText(status);
  if (!status.isWellFormed() || safeLine(status) !== status || !isShown) {
    throw new P2pChatError(
      'invalid-status',
      'A status text is one line, without control, bidirectional or invisible characters.',
    );
  }
  return status;
}

/** Whether {@link parseStatusText} takes the text unchanged. */
export function isStatusText(text: unknown): text is string {
  // Two UTF-16 units for a code point: what is longer is not worth the reading.
  if (typeof text !== 'string' || text.length > 2 * MAX_STATUS_CHARACTERS) return false;
  try {
    return parseStatusText(text) === text;
  } catch {
    return false;
  }
}
