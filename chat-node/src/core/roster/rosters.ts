import {
  type Batch,
  type Clock,
  createOperation,
  forkProof,
  type GroupPolicy,
  hex,
  MAX_FOLLOWED_TIPS,
  MAX_GROUP_MEMBERS,
  MAX_OFFERED_GROUPS,
  MAX_ROSTER_OPERATIONS,
  MAX_ROSTER_PARENTS,
  MAX_TAKEN_OPERATIONS,
  mayOperate,
  parseUserName,
  ProtocolError,
  resolveRoster,
  type RosterDetail,
  type RosterMember,
  type RosterOperation,
} from '@p2p-chat/shared';
import type { Conversation } from '../conversations/conversation.js';
import type { Conversations } from '../conversations/conversations.js';
import { ChatError } from '../errors.js';
import type { ChatEvents } from '../events.js';
import { HybridClock } from '../feeds/hybrid-clock.js';
import type { Mutex } from '../mutex.js';
import type { Change, ConversationStore } from '../ports/conversation.store.js';
import type { IdentityKeys } from '../ports/identity.js';
import { Group } from './group.js';

export interface RostersParts {
  store: Pick<ConversationStore, 'commit'>;
  keys: IdentityKeys;
  conversations: Conversations;
  events: ChatEvents;
  clock: Clock;
  /** One work at a time for each conversation. */
  mutex: Mutex<string>;
  /** The name of this node's user. */
  ownName: () => string;
  /** Operations are durable. @param from the peer that told them; null where they were made here */
  onChanged: (
    conversation: Conversation,
    operations: readonly RosterOperation[],
    from: string | null,
  ) => void;
}

/** A person whom an operation is about. */
export interface Person {
  peerId: string;
  user: string;
}

const NONCE_BYTES = 16;

/** The rosters of all groups: what the person here changes, and what others tell. */
export class Rosters {
  constructor(private readonly parts: RostersParts) {}

  /**
   * Founds a group with oneself as its admin, and asks people to come. Durable when it resolves.
   * @throws {P2pChatError} `invalid-user-name` for a name that is none
   * @throws {ChatError} `group-full` @throws {StorageError}
   */
  async found(name: string, policy: GroupPolicy, people: readonly Person[]): Promise<Conversation> {
    const { keys, clock, conversations } = this.parts;
    if (people.length >= MAX_GROUP_MEMBERS) throw full();
    const detail: RosterDetail = {
      ...{ kind: 'found', name: parseUserName(name), user: this.parts.ownName(), ...policy },
      nonce: hex(keys.random(NONCE_BYTES)),
    };
    const ticks = new HybridClock();
    const found = createOperation(
      { conversation: null, clock: ticks.next(clock.now()), parents: [], detail },
      keys,
    );
    const operations = [found];
    for (const { peerId, user } of people) {
      const parents = [(operations.at(-1) as RosterOperation).hash];
      const add: RosterDetail = { kind: 'add', person: peerId, user };
      const head = { conversation: found.conversation, clock: ticks.next(clock.now()), parents };
      operations.push(createOperation({ ...head, detail: add }, keys));
    }
    const conversation = await conversations.addGroup(found.conversation, operations);
    try {
      await this.#commit(conversation, operations, null);
    } catch (error) {
      conversations.dropGroup(found.conversation);
      throw error;
    }
    return conversation;
  }

  /**
   * Changes the roster of a group. Durable when it resolves.
   * @throws {ChatError} `not-a-group`, `not-allowed`, `group-full`, `roster-full` @throws {StorageError}
   */
  operate(conversation: Conversation, detail: RosterDetail): Promise<void> {
    return this.parts.mutex.run(conversation.id, () => this.#operate(conversation, detail));
  }

  /**
   * Asks somebody to come, removes them, or changes their role.
   * @throws {ChatError} as {@link operate} @throws {StorageError}
   */
  about(
    conversation: Conversation,
    kind: 'add' | 'remove' | 'promote' | 'demote',
    { peerId, user }: Person,
  ): Promise<void> {
    if (kind === 'add') return this.operate(conversation, { kind, person: peerId, user });
    if (kind !== 'remove') return this.operate(conversation, { kind, person: peerId });
    return this.parts.mutex.run(conversation.id, async () => {
      const tips = await this.#tips(conversation, peerId);
      const removal: RosterDetail = { kind, person: peerId, tips };
      const { group } = conversation;
      if (group !== null && isComing(group.roster.members.get(peerId))) {
        // An entry that is years ahead cannot be named. Who is added and removed beside it is out all the same.
        const addition: RosterDetail = { kind: 'add', person: peerId, user };
        const { permits } = this.#next(conversation, group);
        if (!permits(removal) && permits(addition)) await this.#operate(conversation, addition);
      }
      await this.#operate(conversation, removal);
    });
  }

  /** Enters a group: accepts an invitation, or joins an open room. Of a member it changes nothing. @throws {ChatError} as {@link operate} */
  enter(conversation: Conversation): Promise<void> {
    const { keys, mutex, ownName } = this.parts;
    return mutex.run(conversation.id, async () => {
      if (conversation.group?.isMember(keys.peerId) === true) return;
      const isInvited = conversation.group?.roster.members.get(keys.peerId)?.state === 'invited';
      await this.#operate(conversation, { kind: isInvited ? 'accept' : 'join', user: ownName() });
    });
  }

  /**
   * Tells everybody that a member signed two batches for one place, unless that is known.
   * @throws {ChatError} as {@link operate} @throws {StorageError}
   */
  prove(conversation: Conversation, one: Batch, other: Batch): Promise<void> {
    return this.parts.mutex.run(conversation.id, async () => {
      const { group } = conversation;
      const { author, segment, first } = one;
      const key = group?.operations().find((operation) => operation.author === author)?.key;
      if (group === null || key === undefined || group.beforeFork(author, segment) < first) return;
      const batches = forkProof(one, other, this.parts.keys.sha256);
      await this.#operate(conversation, { kind: 'fork', person: author, key: hex(key), batches });
    });
  }

  /** Leaves a group. @throws {ChatError} as {@link operate} @throws {StorageError} */
  leave(conversation: Conversation): Promise<void> {
    return this.parts.mutex.run(conversation.id, async () => {
      const tips = await this.#tips(conversation, this.parts.keys.peerId);
      await this.#operate(conversation, { kind: 'leave', tips });
    });
  }

  /**
   * Operations that somebody told. Those that are held already are passed over, and those that were never
   * allowed: a flood of them leaves nothing. Of who is not in, or asked to be, none is taken.
   * @param operations verified, of one conversation
   * @returns the conversation; null where it is none for this node
   * @throws {ProtocolError} `roster-full` @throws {StorageError}
   */
  take(id: string, operations: readonly RosterOperation[], from: string): Promise<Conversation | null> {
    return this.parts.mutex.run(id, async () => {
      const { conversations, keys } = this.parts;
      const known = conversations.get(id);
      const group = known?.group ?? null;
      const fresh = closed(operations, group);
      if ((group?.size ?? 0) + fresh.length > MAX_TAKEN_OPERATIONS)
        throw new ProtocolError('roster-full', 'The roster of a group has too many operations.');
      if (known !== undefined) {
        if (group === null) return null;
        if (fresh.length === 0) return known;
        const next = group.with(fresh);
        const valid = fresh.filter((one) => next.canCount(one));
        const isFromWithin = group.concerns(from) || next.concerns(from);
        if (valid.length > 0 && isFromWithin) await this.#commit(known, valid, from);
        return known;
      }
      const heard = new Group(id, keys.peerId, keys.sha256, fresh);
      if (heard.roster.name === null || !heard.concerns(keys.peerId) || this.#offered() >= MAX_OFFERED_GROUPS)
        return null;
      const added = await conversations.addGroup(id, fresh);
      try {
        await this.#commit(added, fresh, from);
      } catch (error) {
        conversations.dropGroup(id);
        throw error;
      }
      return added;
    });
  }

  /** Groups that the person here has not entered. */
  #offered(): number {
    const { conversations, keys } = this.parts;
    return conversations.groups().filter(({ group }) => group.current(keys.peerId) === null).length;
  }

  async #operate(conversation: Conversation, detail: RosterDetail): Promise<void> {
    const { keys } = this.parts;
    const { group } = conversation;
    if (group === null) throw new ChatError('not-a-group', 'This is a conversation of two.');
    const { now, known, permits } = this.#next(conversation, group);
    if (!permits(detail)) throw refused(detail, group, keys.peerId);
    if (group.size >= MAX_ROSTER_OPERATIONS) {
      throw new ChatError('roster-full', 'This group was changed too often.', {
        hint: 'Found another one.',
      });
    }
    if (detail.kind === 'add') {
      const others = [...group.roster.members.values()].filter(({ peerId }) => peerId !== detail.person);
      if (others.filter(isComing).length >= MAX_GROUP_MEMBERS) throw full();
    }
    const operation = createOperation(
      {
        conversation: conversation.id,
        clock: now,
        parents: resolveRoster(known).heads.slice(-MAX_ROSTER_PARENTS),
        detail,
      },
      keys,
    );
    await this.#commit(conversation, [operation], null);
  }

  /** The clock of the next operation, those that it can name, and what it may do: one that is years ahead stands beside it. */
  #next(conversation: Conversation, group: Group) {
    const { keys, clock } = this.parts;
    const now = conversation.nextClock(clock.now());
    const known = group.operations().filter((one) => one.clock < now);
    const permits = (detail: RosterDetail): boolean => mayOperate(known, { author: keys.peerId, detail });
    return { now, known, permits };
  }

  async #commit(
    conversation: Conversation,
    operations: readonly RosterOperation[],
    from: string | null,
  ): Promise<void> {
    const { store, keys, events, onChanged } = this.parts;
    const group = conversation.group as Group;
    const kept = operations.map(({ hash, bytes }) => ({ hash, conversation: conversation.id, bytes }));
    const changes: Change[] = [...conversation.toStore(), { type: 'roster', operations: kept }];
    await store.commit(changes);
    await conversation.loadCut(group.with(operations));
    conversation.committed(changes);
    for (const { key, author, clock } of operations) {
      keys.learnMember(key);
      conversation.observe(author, clock);
    }
    const counted = group.roster.counted.length;
    group.add(operations);
    const { id } = conversation;
    events.publish({ type: 'group', conversation: id });
    events.publish({ type: 'roster', conversation: id, operations: operations.map(({ hash }) => hash) });
    const isCut = operations.some(({ detail: { kind } }) => kind === 'remove' || kind === 'fork');
    if (isCut || group.roster.counted.length < counted) {
      events.publish({ type: 'history', conversation: id });
      events.publish({ type: 'conversation', conversation: id });
    }
    onChanged(conversation, operations, from);
  }

  /** The tips of somebody's feed that an end of theirs names. */
  async #tips(conversation: Conversation, peerId: string) {
    const { group } = conversation;
    const feed = await conversation.feed(peerId);
    return (group?.tips(peerId, feed) ?? [])
      .slice(-MAX_FOLLOWED_TIPS)
      .map(({ segment, seq, clock, hash }) => ({ segment, seq, clock, hash }));
  }
}

/** Those that are not held, and of which all that they name is. */
function closed(operations: readonly RosterOperation[], group: Group | null): RosterOperation[] {
  const taken = new Map<string, RosterOperation>();
  const isThere = (hash: string): boolean => taken.has(hash) || group?.has(hash) === true;
  for (const one of operations) {
    if (!isThere(one.hash) && one.parents.every(isThere)) taken.set(one.hash, one);
  }
  return [...taken.values()];
}

/** Whether somebody is a member, or asked to be one. */
function isComing(member: RosterMember | undefined): boolean {
  return member?.state === 'member' || member?.state === 'invited';
}

function refused({ kind }: RosterDetail, group: Group, self: string): ChatError {
  const own = group.roster.members.get(self);
  if (own?.state !== 'member' && kind !== 'accept' && kind !== 'decline' && kind !== 'join')
    return new ChatError('not-a-member', 'You are not in this group.');
  const needsAdmin = ['add', 'remove', 'promote', 'demote', 'rename', 'policy'].includes(kind);
  if (needsAdmin && own?.role !== 'admin')
    return new ChatError('not-allowed', 'Only an admin of the group may do that.');
  return new ChatError('not-allowed', REASONS[kind] ?? 'The group does not allow that as it is.');
}

const REASONS: Partial<Record<RosterDetail['kind'], string>> = {
  add: 'This person is in the group, or was asked already.',
  remove: 'This person is not in the group. To go yourself, leave it.',
  promote: 'This person is no member, or an admin already.',
  demote: 'This person is no admin.',
  accept: 'There is no invitation to this group.',
  decline: 'There is no invitation to this group.',
  join: 'You are in this group already, or it is not open to you.',
};

function full(): ChatError {
  return new ChatError('group-full', `A group has at most ${MAX_GROUP_MEMBERS} members.`);
}
