import { looksAlike, shortPeerId, SHORT_PEER_ID_LENGTH } from '@p2p-chat/shared';
import type { Conversation } from '../conversations/conversation.js';
import { ChatError } from '../errors.js';
import type { Group } from './group.js';

export type GroupConversation = Conversation & { readonly group: Group };

/** A name with the beginning of an id behind it, as groups with ambiguous names are shown. */
const LABEL = /\(([a-z2-7]{8})\)$/;

/**
 * The groups that a person may mean by an id, its first characters (8 at least), a label that ends
 * with them, or a name.
 */
export function findGroups(reference: string, groups: readonly GroupConversation[]): GroupConversation[] {
  const lower = reference.trim().toLowerCase();
  const prefix = LABEL.exec(lower)?.[1] ?? lower;
  const byId = prefix.length >= SHORT_PEER_ID_LENGTH ? groups.filter(({ id }) => id.startsWith(prefix)) : [];
  if (byId.length > 0) return byId;
  const wanted = reference.trim().normalize('NFC');
  return groups.filter(({ group }) => group.roster.name === wanted);
}

/** One of {@link findGroups}. @throws {ChatError} `group-unknown` or `group-ambiguous` */
export function theGroup(reference: string, groups: readonly GroupConversation[]): GroupConversation {
  const found = findGroups(reference, groups);
  const [first] = found;
  if (first === undefined) {
    throw new ChatError('group-unknown', `There is no group ${JSON.stringify(reference.trim())}.`, {
      hint: 'See which there are: p2p-chat group list, p2p-chat room list',
    });
  }
  if (found.length > 1) throw ambiguous(reference, found);
  return first;
}

/** The error where a name is that of several groups, or of a group and a person. */
export function ambiguous(reference: string, groups: readonly GroupConversation[]): ChatError {
  const ids = groups.map(({ id }) => shortPeerId(id)).join(', ');
  return new ChatError(
    'group-ambiguous',
    `${JSON.stringify(reference.trim())} could be one of several: ${ids}, or a person of that name.`,
    { hint: 'Use the id.' },
  );
}

/** Whether another group, or a person, shows a name that looks like that of a group. */
export function looksLikeAnother(
  one: GroupConversation,
  groups: readonly GroupConversation[],
  people: readonly string[],
): boolean {
  const others = groups.filter(({ id }) => id !== one.id).map(({ group }) => group.roster.name ?? '');
  return [...others, ...people].some((name) => looksAlike(name, one.group.roster.name ?? ''));
}
