import {
  clockMs,
  type Content,
  contentText,
  EDIT_MENTION_MS,
  lastSeq,
  mentionsIn,
  parseMessageId,
  segmentTag,
} from '@p2p-chat/shared';
import type { StorageHealth } from '../delivery/storage-health.js';
import { ChatError } from '../errors.js';
import type { ChatEvents, MessageRange } from '../events.js';
import type { ConversationStore, KeptBatch } from '../ports/conversation.store.js';
import type { IdentityKeys } from '../ports/identity.js';
import { MessageActions } from './actions.js';
import { textContent } from './body.js';
import type { Conversation } from './conversation.js';
import type { Conversations } from './conversations.js';
import { actionsOf } from './effects.js';
import { type EarlierMessage, type ImportOutcome, MessageImport, type ImportParts } from './import.js';
import { KeyedMessages } from './keyed-messages.js';
import { compareMessages, type Message } from './message.js';
import type { Outgoing } from './outgoing.js';
import { type Edit, originalOf, Projection, type ProjectionParts } from './projection.js';
import { Reading } from './reading.js';
import { listOf, referencesOf } from './references.js';
import { type FoundMessage, MessageSearch, type SearchRequest } from './search.js';
import { type MessageItem, Timeline, type TimelineEntry, type TimelineItem } from './timeline.js';

export interface MessagesParts {
  store: ConversationStore;
  keys: Pick<IdentityKeys, 'peerId' | 'sha256'>;
  conversations: Conversations;
  outgoing: Pick<Outgoing, 'append'>;
  events: ChatEvents;
  health: StorageHealth;
  people: ImportParts['people'] & {
    isContact(peerId: string): boolean;
    isBlocked(peerId: string): boolean;
    /** What somebody is called. */
    nameOf(peerId: string): string;
  };
  mayDelete: ProjectionParts['mayDelete'];
  /** Whether this node tells others what was read here. */
  receipts: () => boolean;
  /** The person here has read more, and the others may know. */
  onTold: (conversation: Conversation) => void;
}

/** Messages to confirm that stand above a conversation; the latest ones. */
const MAX_PINNED = 20;

/** What a message may have beside its text. */
export interface MessageExtras {
  /** Id of the message that it answers. */
  replyTo?: string;
  /** Peer ids of those whom it calls; without them, those whom the text names after an `@`. */
  mentions?: readonly string[];
  /** Its readers are asked to confirm it. */
  confirm?: boolean;
}

/** A page of history: at most one of `before` and `after`, ids of messages that are not part of it. */
export interface HistoryPage {
  before?: string;
  after?: string;
  limit: number;
}

/** The messages of all conversations: writes, reads, searches and restores them. */
export class Messages {
  readonly #timeline: Timeline;
  readonly #keyed: KeyedMessages;
  readonly #reading: Reading;
  readonly #search: MessageSearch;
  readonly #import: MessageImport;
  readonly #projected: ProjectionParts;
  /** What {@link toConfirm} found, until that may have changed. */
  readonly #toConfirm = new Map<string, Promise<readonly Message[]>>();
  /** Own deletes that were shown before all had carried them out, and the messages that they erase. */
  readonly #erasing = new Map<string, { conversation: string; id: string }>();
  /** What a person does with messages that are there. */
  readonly actions: MessageActions;

  constructor(private readonly parts: MessagesParts) {
    const { store, keys, conversations, events, people } = parts;
    const self = keys.peerId;
    const timeline = new Timeline(store, keys.sha256);
    this.#timeline = timeline;
    const { mayDelete } = parts;
    events.subscribe((event) => {
      if (event.type === 'removed') this.#toConfirm.delete(event.conversation);
      if (event.type === 'states' && event.state === 'delivered') this.#tellErased(event.ranges);
    });
    const isIgnored = (peerId: string): boolean => people.isBlocked(peerId);
    this.#projected = { self, store, timeline, sha256: keys.sha256, mayDelete, isIgnored };
    this.actions = new MessageActions({
      ...this.#projected,
      events,
      locate: (id) => this.#located(id),
      write: async (conversation, contents) => {
        this.#requireWritable(conversation);
        const kept = await this.#append(conversation, contents, null);
        return kept.flatMap((one) => timeline.entries(conversation, one));
      },
      mentionsIn: (conversation, body) => this.#mentionsIn(conversation, body),
      members: (conversation) => conversation.members(),
    });
    this.#keyed = new KeyedMessages({
      find: async (conversation, key) => {
        const place = await store.keyed(conversation.id, key);
        if (place === null) return null;
        const item = await timeline.at(conversation, {
          conversation: conversation.id,
          author: self,
          ...place,
        });
        return item as TimelineEntry | null;
      },
      write: async (conversation, content, key) =>
        (await this.#append(conversation, [content], key)).flatMap((kept) =>
          timeline.items(conversation, kept),
        ),
    });
    this.#reading = new Reading({
      self,
      store,
      timeline,
      events,
      tells: ({ peerId }) => parts.receipts() && (peerId === null || !people.isBlocked(peerId)),
      onTold: parts.onTold,
    });
    this.#search = new MessageSearch({ ...this.#projected, conversations });
    this.#import = new MessageImport({ self, store, conversations, events, people });
  }

  /**
   * Accepts messages for a conversation, in order: when the promise resolves
   * they are durable. All of them are accepted or none.
   * @param key a client's own, of one message: the same again gives the same message
   * @param extras of each of them
   * @throws {ChatError} `conversation-unknown`, `peer-is-self`, `peer-blocked`, `body-empty`,
   *   `body-too-large`, `body-malformed`, `key-malformed` or `key-reused`
   * @throws {StorageError} they are not known to be saved; the same key again is safe
   */
  async send(
    id: string,
    bodies: readonly string[],
    key?: string,
    extras: MessageExtras = {},
  ): Promise<Message[]> {
    const [conversation, contents] = await this.#checked(id, bodies, extras);
    if (key === undefined) {
      if (contents.length === 0) return [];
      return (await this.#append(conversation, contents, null)).flatMap((kept) => this.project(kept));
    }
    const [content] = contents;
    if (content === undefined || contents.length > 1) {
      throw new ChatError('key-malformed', 'A key is that of one message.', {
        hint: 'Send the messages one by one, each with its key.',
      });
    }
    return this.#shown(conversation, await this.#keyed.write(conversation, content, key));
  }

  /**
   * Writes a content that is no text. Who makes it has checked it.
   * @throws {ChatError} as {@link requireWritable} @throws {StorageError}
   */
  async post(id: string, content: Content): Promise<Message> {
    const conversation = this.#conversation(id);
    this.#requireWritable(conversation);
    const kept = await this.#append(conversation, [contentText(content)], null);
    const [message] = kept.flatMap((one) => this.project(one));
    if (message === undefined) throw new Error('what was written is a message');
    return message;
  }

  /** @throws {ChatError} `conversation-unknown`, `peer-is-self`, `peer-blocked` */
  requireWritable(id: string): void {
    this.#requireWritable(this.#conversation(id));
  }

  /** {@link send} for bursts: gives the numbers of the messages only. */
  async sendRanges(id: string, bodies: readonly string[]): Promise<MessageRange[]> {
    const [to, contents] = await this.#checked(id, bodies, {});
    if (contents.length === 0) return [];
    return (await this.#append(to, contents, null)).map(({ batch }) => {
      const { conversation, author, segment, first } = batch;
      const tag = segmentTag(conversation, author, segment, this.parts.keys.sha256);
      return { tag, first, last: lastSeq(batch) };
    });
  }

  /**
   * A page of a conversation, oldest first; without a bound the latest ones.
   * @throws {ChatError} `conversation-unknown`, `message-unknown`
   */
  async history(id: string, { before, after, limit }: HistoryPage): Promise<Message[]> {
    const conversation = this.#conversation(id);
    const bound = after ?? before;
    const from = bound === undefined ? null : await this.#itemIn(conversation, bound);
    const side = after === undefined ? 'before' : 'after';
    return this.#shown(conversation, await this.#timeline.page(conversation, { side, from, limit }));
  }

  /** The message with an id; null where there is none. */
  async find(id: string): Promise<Message | null> {
    const found = await this.#locate(id);
    if (found === null || isActionItem(found.item)) return null;
    return (await this.#shown(found.conversation, [found.item]))[0] ?? null;
  }

  /**
   * The person has seen the messages of a conversation up to one. Those of a
   * stranger stay as they are: reading them is told nobody before a decision.
   * @param upTo id of the last one seen; undefined for all
   * @returns how many of them were unread
   * @throws {ChatError} `conversation-unknown`, `message-unknown`
   * @throws {StorageError}
   */
  async markRead(id: string, upTo?: string): Promise<number> {
    const conversation = this.#conversation(id);
    const item = upTo === undefined ? null : await this.#itemIn(conversation, upTo);
    const { peerId } = conversation;
    if (peerId !== null && !this.parts.people.isContact(peerId)) return 0;
    return this.#reading.markRead(conversation, item);
  }

  /** Takes all that came from somebody for seen, as what was dropped of it will never be. @throws {StorageError} */
  async passOver(peerId: string): Promise<void> {
    await this.#reading.markRead(this.parts.conversations.direct(peerId), null);
  }

  /** See {@link MessageSearch.find}. */
  search(text: string, request: SearchRequest): Promise<FoundMessage[]> {
    return this.#search.find(text, request);
  }

  /** See {@link MessageImport.import}. */
  import(messages: readonly EarlierMessage[]): Promise<ImportOutcome> {
    return this.#import.import(messages);
  }

  /** The messages of a batch that was just saved, as its author wrote them. */
  project(kept: KeptBatch): Message[] {
    const conversation = this.#conversation(kept.batch.conversation);
    const projection = new Projection(this.#projected, conversation);
    return this.#timeline.items(conversation, kept).map((item) => projection.message(item));
  }

  /** The messages of a batch that was just saved, with what others made of them meanwhile. @throws {StorageError} */
  async projected(kept: KeptBatch): Promise<Message[]> {
    const conversation = this.#conversation(kept.batch.conversation);
    const items = this.#timeline.items(conversation, kept);
    return items.length === 0 ? [] : this.#shown(conversation, items);
  }

  /** Those of some operations of a group's roster that count, as lines among its messages. @param hashes of them */
  changes(id: string, hashes: readonly string[]): Promise<Message[]> {
    const conversation = this.#conversation(id);
    const changes = this.#timeline.changes(conversation);
    return this.#shown(
      conversation,
      changes.filter(({ operation }) => hashes.includes(operation.hash)),
    );
  }

  /** The messages with these ids that are on a screen, as they are now. @throws {StorageError} */
  async all(ids: readonly string[]): Promise<Message[]> {
    const found = await Promise.all(ids.map((id) => this.find(id)));
    return found.filter((message) => message !== null);
  }

  /** Tells what a batch that was just saved changes in other messages. */
  async tellChanges({ batch }: KeptBatch): Promise<void> {
    const { targets, lists } = referencesOf(batch);
    const announces = lists.has('confirm');
    const { conversation: id, author } = batch;
    if (targets.length > 0 || announces) this.#toConfirm.delete(id);
    if (targets.length === 0) {
      if (announces) this.parts.events.publish({ type: 'conversation', conversation: id });
      return;
    }
    const conversation = this.#conversation(id);
    const { events } = this.parts;
    const projection = new Projection(this.#projected, conversation);
    const ids = [...new Set(targets.map((target) => projection.idOf(target)))];
    events.publish({ type: 'changed', conversation: id, ids });
    events.publish({ type: 'conversation', conversation: id });
    if (author === this.#self) return;
    for (const { entry, content } of actionsOf(
      this.#timeline.entries(conversation, { batch, receivedAt: null }),
    )) {
      if (content.target.author !== author || (content.kind !== 'remind' && content.kind !== 'edit'))
        continue;
      const message = await this.find(projection.idOf(content.target));
      if (message === null) continue;
      const isCalled =
        content.kind === 'remind'
          ? isToConfirm(message, this.#self)
          : await this.#isMentionedBy({ entry, content }, message, projection);
      const type = content.kind === 'remind' ? 'reminder' : 'mention';
      if (isCalled) events.publish({ type, conversation: id, id: message.id });
    }
  }

  /** Whether an edit mentions the person here where the message did not before, soon after it was written. */
  async #isMentionedBy({ entry, content }: Edit, message: Message, projection: Projection): Promise<boolean> {
    const isMentioned = ({ mentions }: { mentions?: readonly string[] }): boolean =>
      mentions?.includes(this.#self) === true;
    if (message.deleted || !isMentioned(content)) return false;
    if (clockMs(entry.clock) - clockMs(message.clock) > EDIT_MENTION_MS) return false;
    const first = originalOf((await this.#located(message.id)).item);
    const edits = await projection.edits(message);
    const before = edits.filter((one) => compareMessages(one.entry, entry) < 0).map((one) => one.content);
    return ![first, ...before].some((one) => 'mentions' in one && isMentioned(one));
  }

  /** The latest message of a conversation; null while it is empty. @throws {StorageError} */
  async last(conversation: Conversation): Promise<Message | null> {
    const page = await this.#timeline.page(conversation, { side: 'before', from: null, limit: 1 });
    return (await this.#shown(conversation, page))[0] ?? null;
  }

  /** The messages that the person here is asked to confirm and has not, oldest first. @throws {StorageError} */
  toConfirm(conversation: Conversation): Promise<readonly Message[]> {
    const { id } = conversation;
    const known = this.#toConfirm.get(id);
    if (known !== undefined) return known;
    const looking = this.#lookForAnnouncements(conversation);
    this.#toConfirm.set(id, looking);
    // What could not be read is looked for again.
    looking.catch(() => this.#toConfirm.delete(id));
    return looking;
  }

  async #lookForAnnouncements(conversation: Conversation): Promise<Message[]> {
    const found = await this.parts.store.referring([listOf('confirm', conversation.id)]);
    const items = found.flatMap((kept) => this.#timeline.lines(conversation, kept)).sort(compareMessages);
    const messages = await this.#shown(conversation, items);
    return messages.filter((message) => isToConfirm(message, this.#self)).slice(-MAX_PINNED);
  }

  get #self(): string {
    return this.parts.keys.peerId;
  }

  #conversation(id: string): Conversation {
    const conversation = this.parts.conversations.get(id);
    if (conversation !== undefined) return conversation;
    throw new ChatError('conversation-unknown', 'There is no such conversation.', {
      hint: 'Name it by its id, or by the name or peer id of the person.',
    });
  }

  async #shown(conversation: Conversation, items: readonly TimelineItem[]): Promise<Message[]> {
    const messages = await new Projection(this.#projected, conversation).messages(items);
    for (const { id, deletion } of messages)
      if (deletion !== null && deletion.done < deletion.asked)
        this.#erasing.set(deletion.entry, { conversation: conversation.id, id });
    return messages;
  }

  /** Who shows a message that was deleted shows how many have erased it. */
  #tellErased(ranges: readonly MessageRange[]): void {
    for (const [entry, { conversation, id }] of this.#erasing) {
      const { tag, seq } = parseMessageId(entry) ?? { tag: '', seq: 0 };
      if (!ranges.some((one) => one.tag === tag && one.first <= seq && seq <= one.last)) continue;
      this.#erasing.delete(entry);
      this.parts.events.publish({ type: 'changed', conversation, ids: [id] });
    }
  }

  async #locate(id: string): Promise<{ conversation: Conversation; item: MessageItem } | null> {
    const place = await this.parts.store.find(id);
    if (place === null) return null;
    const conversation = this.parts.conversations.get(
      'imported' in place ? place.imported.conversation : place.conversation,
    );
    if (conversation === undefined) return null;
    const item = await this.#timeline.at(conversation, place);
    return item === null ? null : { conversation, item };
  }

  async #itemIn(conversation: Conversation, id: string): Promise<TimelineItem> {
    const change = this.#timeline.changes(conversation).find((one) => one.id === id);
    if (change !== undefined) return change;
    const found = await this.#locate(id);
    if (found?.conversation === conversation) return found.item;
    throw new ChatError('message-unknown', 'No message of this conversation has that id.');
  }

  async #located(id: string): Promise<{ conversation: Conversation; item: MessageItem }> {
    const found = await this.#locate(id);
    if (found !== null) return found;
    throw new ChatError('message-unknown', 'No message has that id.', {
      hint: 'history --json shows the ids.',
    });
  }

  async #checked(
    id: string,
    bodies: readonly string[],
    { replyTo, mentions, confirm }: MessageExtras,
  ): Promise<[conversation: Conversation, contents: string[]]> {
    const conversation = this.#conversation(id);
    this.#requireWritable(conversation);
    const members = conversation.members();
    if (mentions?.some((one) => !members.includes(one)) === true)
      throw new ChatError('mention-unknown', 'Somebody who is mentioned is no member of the conversation.');
    const answered = replyTo === undefined ? undefined : await this.actions.reference(conversation, replyTo);
    const contents = bodies.map((body) => {
      const called = mentions ?? this.#mentionsIn(conversation, body);
      return textContent(body, {
        ...(answered === undefined ? {} : { replyTo: answered }),
        ...(called.length === 0 ? {} : { mentions: [...new Set(called)] }),
        ...(confirm === true ? { confirm } : {}),
      });
    });
    return [conversation, contents];
  }

  #mentionsIn(conversation: Conversation, body: string): string[] {
    if (!body.includes('@')) return [];
    const others = conversation.members().filter((member) => member !== this.#self);
    return mentionsIn(
      body,
      others.map((peerId) => ({ peerId, user: this.parts.people.nameOf(peerId) })),
    );
  }

  #requireWritable({ peerId, group }: Conversation): void {
    if (group !== null && !group.isMember(this.#self))
      throw new ChatError('not-a-member', 'You are not in this group.');
    if (peerId === this.#self) throw new ChatError('peer-is-self', 'A message to oneself goes nowhere.');
    if (peerId !== null && this.parts.people.isBlocked(peerId)) {
      throw new ChatError('peer-blocked', 'You have blocked this person.', {
        hint: 'Unblock them to write to them.',
      });
    }
  }

  async #append(
    conversation: Conversation,
    contents: readonly string[],
    key: string | null,
  ): Promise<KeptBatch[]> {
    try {
      const kept = await this.parts.outgoing.append(conversation, contents, key);
      this.parts.health.worked();
      return kept;
    } catch (error) {
      this.parts.health.failed(error);
      throw error;
    }
  }
}

function isActionItem(item: MessageItem): boolean {
  return !('imported' in item) && actionsOf([item]).length > 0;
}

/** Whether somebody is asked to confirm a message and has not. */
export function isToConfirm({ content, author, confirmed }: Message, self: string): boolean {
  if (content.kind !== 'text' || content.confirm !== true || author === self) return false;
  return !confirmed.some(({ peerId }) => peerId === self);
}
