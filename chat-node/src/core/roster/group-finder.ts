import { looksAlike, shortPeerId, SHORT_PEER_ID_LENGTH } from '@p2p-chat/shared';
import type { Conversation } from '../conversations/conversation.js';
import { ChatError } from '../errors.js';
import { isMisleading } from '../peers/misleading-name.js';
import type { Group } from './group.js';

export type GroupConversation = Conversation & { readonly group: Group };

/** A name with the beginning of an id behind it, as groups with ambiguous names are shown. */
const LABEL = /\(([a-z2-7]{8})\)$/;

/**
 * The groups that a person may mean by an id, its first characters (8 at least), a label that ends
 * with them, or a name. As with people, no name wins over an id.
 */
export function findGroups(reference: string, groups: readonly GroupConversation[]): GroupConversation[] {
  const lower = reference.trim().toLowerCase();
  const prefix = LABEL.exec(lower)?.[1] ?? lower;
  const byId = prefix.length >= SHORT_PEER_ID_LENGTH ? groups.filter(({ id }) => id.startsWith(prefix)) : [];
  const wanted = reference.trim().normalize('NFC');
  return [...new Set([...byId, ...groups.filter(({ group }) => group.roster.name === wanted)])];
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

/** Who else a group could be taken for. */
export interface Others {
  groups: readonly GroupConversation[];
  /** The name of this node's user. */
  ownName: string;
  /** The ids of everyone, this node's user included. */
  ids: readonly string[];
  /** The names of everyone who is known. */
  names: readonly string[];
}

/** Whether the name of a group could be taken for something else: another group, a person, an id, a word of the screens. */
export function isAmbiguousGroup(one: GroupConversation, { groups, ownName, ids, names }: Others): boolean {
  const name = one.group.roster.name ?? '';
  const others = groups.filter(({ id }) => id !== one.id);
  const startsId = (text: string): boolean =>
    [...ids, ...others.map(({ id }) => id)].some((id) => id.startsWith(text));
  return (
    isMisleading(name, { ownName, startsId }) ||
    [...others.map(({ group }) => group.roster.name ?? ''), ...names].some((other) => looksAlike(other, name))
  );
}
