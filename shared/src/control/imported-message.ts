import { P2pChatError } from '../errors.js';
import { isPeerId } from '../peer-id.js';
import { readFileContent } from '../protocol/file.js';
import type { OfferedFileView } from './files.js';
import { isMessageId } from '../protocol/conversation.js';
import { isEmoji } from '../protocol/content.js';
import {
  MAX_BODY_BYTES,
  MAX_DETAIL_CHARACTERS,
  MAX_MENTIONS,
  MAX_SHOWN_REACTIONS,
} from '../protocol/limits.js';
import { isUserName } from '../text.js';
import type { ConfirmedView, MessageState, MessageView, ReactionView } from './views.js';

/** A message of a direct conversation, as `export` writes it and `import` takes it. */
export interface ImportedMessage extends Omit<MessageView, 'request'> {
  /** With whom the conversation is: its id does not say that to another profile. */
  peerId: string;
}

const STATES: Readonly<Record<MessageView['direction'], readonly MessageState[]>> = {
  out: ['queued', 'delivered', 'read'],
  in: ['delivered', 'read'],
};
const CLOCK = /^[0-7][0-9a-f]{15}$/;
const ISO_TIME = /^(\d{4}|[+-]\d{6})-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/**
 * Reads what is meant to be a message of an export. Fields that it does not
 * know are left out.
 * @throws {P2pChatError} `import-malformed`, naming the field
 */
export function parseImportedMessage(value: unknown): ImportedMessage {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('it is no object');
  const { id, conversation, peerId, author, user, direction, kind, body, sentAt, receivedAt, state, clock } =
    value as Record<string, unknown>;
  if (!isMessageId(id)) throw malformed('id is not the id of a message');
  // Both are hashes of 32 bytes.
  if (!isPeerId(conversation)) throw malformed('conversation is not the id of a conversation');
  if (typeof peerId !== 'string' || !isPeerId(peerId)) throw malformed('peerId is not a peer id');
  if (direction !== 'in' && direction !== 'out') throw malformed('direction is neither in nor out');
  if (typeof author !== 'string' || !isPeerId(author)) throw malformed('author is not a peer id');
  if ((author === peerId) !== (direction === 'in')) {
    throw malformed('author is not the one who wrote in that direction');
  }
  if (!isUserName(user)) throw malformed('user is not a name');
  if (
    typeof kind !== 'string' ||
    kind === '' ||
    kind.length > MAX_DETAIL_CHARACTERS ||
    !kind.isWellFormed()
  ) {
    throw malformed('kind is not the name of a kind');
  }
  if (typeof body !== 'string' || !body.isWellFormed() || (body === '') !== (kind !== 'text')) {
    throw malformed('body is not the text of such a message');
  }
  const offered = kind === 'file' ? offeredFiles(value as Record<string, unknown>) : {};
  if (new TextEncoder().encode(body).byteLength > MAX_BODY_BYTES) {
    throw malformed(`body is larger than ${MAX_BODY_BYTES} bytes`);
  }
  if (!isTime(sentAt)) throw malformed('sentAt is not a time');
  if (receivedAt !== null && !isTime(receivedAt)) throw malformed('receivedAt is neither a time nor null');
  if ((receivedAt === null) !== (direction === 'out')) {
    throw malformed('receivedAt is null for what one wrote oneself, and for nothing else');
  }
  const known = STATES[direction].find((one) => one === state);
  if (known === undefined) throw malformed('state is not one that such a message has');
  if (typeof clock !== 'string' || !CLOCK.test(clock)) throw malformed('clock is not 16 hexadecimal digits');
  return {
    id,
    conversation,
    peerId,
    author,
    user,
    direction,
    kind,
    body,
    ...offered,
    sentAt,
    receivedAt,
    state: known,
    clock,
    ...whatBecameOfIt(value as Record<string, unknown>),
  };
}

type Became = Pick<MessageView, 'edited' | 'replyTo' | 'mentions' | 'confirm' | 'reactions' | 'confirmed'>;

/** What a message refers to, and what others made of it; an export of before has none of that. */
function whatBecameOfIt(fields: Record<string, unknown>): Became {
  const { edited, replyTo, mentions, confirm, reactions, confirmed } = fields;
  const check = (holds: boolean, name: string, is: string): void => {
    if (!holds) throw malformed(`${name} is not ${is}`);
  };
  check(edited === undefined || typeof edited === 'boolean', 'edited', 'true or false');
  check(confirm === undefined || typeof confirm === 'boolean', 'confirm', 'true or false');
  check(replyTo === undefined || replyTo === null || isMessageId(replyTo), 'replyTo', 'the id of a message');
  check(isMaybeList(mentions, MAX_MENTIONS, isPerson), 'mentions', 'a list of peer ids');
  check(isMaybeList(reactions, MAX_SHOWN_REACTIONS, isReaction), 'reactions', 'a list of reactions');
  check(isMaybeList(confirmed, MAX_PEOPLE, isConfirmation), 'confirmed', 'a list of confirmations');
  return {
    ...(edited === true ? { edited } : {}),
    ...(typeof replyTo === 'string' ? { replyTo } : {}),
    ...(isFull<string>(mentions) ? { mentions } : {}),
    ...(confirm === true ? { confirm } : {}),
    ...(isFull<ReactionView>(reactions)
      ? { reactions: reactions.map(({ emoji, by }) => ({ emoji, by })) }
      : {}),
    ...(isFull<ConfirmedView>(confirmed)
      ? { confirmed: confirmed.map(({ peerId, user, at }) => ({ peerId, user, at })) }
      : {}),
  };
}

/** People of a direct conversation. */
const MAX_PEOPLE = 2;

function isPerson(value: unknown): value is string {
  return typeof value === 'string' && isPeerId(value);
}

function isReaction(value: unknown): value is ReactionView {
  if (typeof value !== 'object' || value === null) return false;
  const { emoji, by } = value as Record<string, unknown>;
  return isEmoji(emoji) && Array.isArray(by) && by.length > 0 && isMaybeList(by, MAX_PEOPLE, isPerson);
}

function isConfirmation(value: unknown): value is ConfirmedView {
  if (typeof value !== 'object' || value === null) return false;
  const { peerId, user, at } = value as Record<string, unknown>;
  return isPerson(peerId) && typeof user === 'string' && isUserName(user) && isTime(at);
}

function isMaybeList(value: unknown, max: number, is: (one: unknown) => boolean): boolean {
  return value === undefined || (Array.isArray(value) && value.length <= max && value.every(is));
}

function isFull<T>(value: unknown): value is T[] {
  return Array.isArray(value) && value.length > 0;
}

/** What a message of files names; an export that could not show them has none. */
function offeredFiles({ caption, files }: Record<string, unknown>): Pick<MessageView, 'caption' | 'files'> {
  if (files === undefined && caption === undefined) return {};
  if (readFileContent({ caption, files }) === null)
    throw malformed('files are not files that can be offered');
  const shown = (files as OfferedFileView[]).map(({ id, name, size, type, root }) => {
    return { id: String(id), name, size, type, root };
  });
  return typeof caption === 'string' ? { caption, files: shown } : { files: shown };
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && ISO_TIME.test(value) && !Number.isNaN(Date.parse(value));
}

function malformed(why: string): P2pChatError {
  return new P2pChatError('import-malformed', `It is not a message of an export: ${why}.`);
}
