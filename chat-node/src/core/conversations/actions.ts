import {
  type ActionContent,
  contentText,
  MAX_REACTIONS_PER_PERSON,
  normalizeEmoji,
  type Reference,
} from '@p2p-chat/shared';
import { ChatError } from '../errors.js';
import type { ChatEvents } from '../events.js';
import type { Change } from '../ports/conversation.store.js';
import { checkBody } from './body.js';
import type { Conversation } from './conversation.js';
import { coverage, loadForMarks } from './coverage.js';
import { actionsOf, LATEST_CLOCK } from './effects.js';
import { deletesOf } from './erasing.js';
import type { Confirmation, Message } from './message.js';
import { originalOf, Projection, type ProjectionParts, rangesOf } from './projection.js';
import type { MessageItem, TimelineEntry } from './timeline.js';

/** The entry that says what was done. */
export interface WrittenEntry {
  id: string;
  conversation: string;
  author: string;
}

/** What a message said from a time on. */
export interface Version {
  body: string;
  /** By its author's wall clock. */
  at: number;
}

/** What has become of a message that asks for a confirmation: each other member is in one list. */
export interface Confirmations {
  confirmed: readonly Confirmation[];
  /** Peer ids, as those below. */
  read: readonly string[];
  delivered: readonly string[];
  missing: readonly string[];
}

export interface ActionParts extends ProjectionParts {
  events: ChatEvents;
  /** The message with an id. @throws {ChatError} `message-unknown` */
  locate: (id: string) => Promise<{ conversation: Conversation; item: MessageItem }>;
  /** Appends contents to one's own feed. @throws {ChatError} `peer-blocked` {@link StorageError} */
  write: (conversation: Conversation, contents: readonly string[]) => Promise<TimelineEntry[]>;
  mentionsIn: (conversation: Conversation, body: string) => string[];
  /** Everybody who reads in a conversation: peer ids. */
  members: (conversation: Conversation) => string[];
}

/** What a person does with messages that are there. All reject with a {@link ChatError} where it cannot be done. */
export class MessageActions {
  constructor(private readonly parts: ActionParts) {}

  /** Changes what one's own text says. @throws {ChatError} `message-not-yours`, `message-not-text`, `message-deleted`, `body-…` */
  async edit(id: string, body: string): Promise<WrittenEntry> {
    checkBody(body);
    const { conversation, message, reference } = await this.#target(id);
    if (message.author !== this.parts.self) {
      throw new ChatError('message-not-yours', 'Only its author can change a message.');
    }
    if (message.content.kind !== 'text')
      throw new ChatError('message-not-text', 'Only a text can be changed.');
    const mentions = this.parts.mentionsIn(conversation, body);
    return this.#write(conversation, {
      kind: 'edit',
      target: reference,
      body,
      ...(mentions.length === 0 ? {} : { mentions }),
    });
  }

  /** Deletes a message for everybody, with all its edits. Where it is deleted already, nothing is written. @throws {ChatError} `message-not-yours` */
  async remove(id: string): Promise<WrittenEntry> {
    const { conversation, item } = await this.#locate(id);
    const { self } = this.parts;
    const projection = new Projection(this.parts, conversation);
    const { deleted } = (await projection.effects([item])).get(item.id) ?? {};
    if (deleted) return written(conversation, deleted.entry);
    if (!this.parts.mayDelete(conversation)(self, item.author, LATEST_CLOCK)) {
      throw new ChatError('message-not-yours', 'Only its author can delete a message for everybody.', {
        hint: 'You can delete it for yourself.',
      });
    }
    const target = referenceOf(projection, item);
    const versions = (await projection.edits(item)).map(({ entry }) => referenceOf(projection, entry));
    return this.#write(conversation, ...deletesOf(target, versions));
  }

  /** What one's own text said and says, oldest first; others are not shown it. @throws {ChatError} `message-not-yours`, `message-not-text`, `message-deleted` */
  async versions(id: string): Promise<Version[]> {
    const { conversation, item, message } = await this.#target(id);
    if (message.author !== this.parts.self)
      throw new ChatError('message-not-yours', 'Only its author is shown what a message said before.');
    if (message.content.kind !== 'text')
      throw new ChatError('message-not-text', 'Only a text has earlier versions.');
    const first = originalOf(item);
    const edits = await new Projection(this.parts, conversation).edits(item);
    return [
      { body: first.kind === 'text' ? first.body : '', at: message.sentAt },
      ...edits.map(({ entry, content }) => ({ body: content.body, at: entry.entry.sentAt })),
    ];
  }

  /** Hides a message here, and here alone. */
  async hide(id: string): Promise<WrittenEntry> {
    const { conversation, item } = await this.#locate(id);
    const { store, events } = this.parts;
    const { author } = item;
    const change: Change =
      'imported' in item
        ? { type: 'forget', ids: [id] }
        : {
            type: 'silence',
            conversation: conversation.id,
            author,
            segment: item.segment,
            seqs: [item.entry.seq],
          };
    await store.commit([change]);
    events.publish({ type: 'removed', conversation: conversation.id, ids: [id] });
    events.publish({ type: 'conversation', conversation: conversation.id });
    return written(conversation, item);
  }

  /** Says what one feels about a message: all of it, none takes it back. @throws {ChatError} `reaction-malformed`, `message-deleted` */
  async react(id: string, emoji: readonly string[]): Promise<WrittenEntry> {
    const all = emoji.map((one) => {
      const normal = normalizeEmoji(one);
      if (normal !== null) return normal;
      throw new ChatError('reaction-malformed', 'A reaction is an emoji.', { hint: 'Such as 👍 or ❤️.' });
    });
    if (all.length > MAX_REACTIONS_PER_PERSON) {
      throw new ChatError(
        'reaction-malformed',
        `One person has at most ${MAX_REACTIONS_PER_PERSON} at a message.`,
      );
    }
    const { conversation, reference } = await this.#target(id);
    return this.#write(conversation, { kind: 'reaction', target: reference, emoji: [...new Set(all)] });
  }

  /** Confirms a message that asks for it. Where that was done already, nothing is written. @throws {ChatError} `confirm-not-asked`, `message-deleted` */
  async confirm(id: string): Promise<WrittenEntry> {
    const { conversation, message, reference, item } = await this.#target(id);
    const { self, store, timeline } = this.parts;
    requireAsked(message);
    if (message.author === self) throw new ChatError('confirm-not-asked', 'It is you who asks for it.');
    if (message.confirmed.some(({ peerId }) => peerId === self)) {
      const referring = await store.referring(rangesOf([item.id]));
      const own = actionsOf(referring.flatMap((kept) => timeline.entries(conversation, kept))).find(
        ({ entry, content }) =>
          content.kind === 'confirm' && entry.author === self && content.target.leaf === reference.leaf,
      );
      if (own !== undefined) return written(conversation, own.entry);
    }
    return this.#write(conversation, { kind: 'confirm', target: reference });
  }

  /** What has become of one's own announcement. @throws {ChatError} `confirm-not-asked`, `message-not-yours` */
  async confirmations(id: string): Promise<Confirmations> {
    const { conversation, message, item } = await this.#ownAnnouncement(id);
    const { self } = this.parts;
    const done = new Set(message.confirmed.map(({ peerId }) => peerId));
    const lists: Record<'read' | 'delivered' | 'missing', string[]> = {
      read: [],
      delivered: [],
      missing: [],
    };
    for (const member of this.parts.members(conversation)) {
      if (member === self || done.has(member)) continue;
      const { read, have } = conversation.watermark(self, member);
      const covers = async (marks: typeof read | typeof have): Promise<boolean> => {
        await loadForMarks(conversation, self, marks);
        return !('imported' in item) && coverage(conversation, self, marks)(item.segment, item.entry.seq);
      };
      if (await covers(read)) lists.read.push(member);
      else if (await covers(have)) lists.delivered.push(member);
      else lists.missing.push(member);
    }
    return { confirmed: message.confirmed, ...lists };
  }

  /** Reminds those who have not confirmed one's own announcement; where all have, nothing is written. */
  async remind(id: string): Promise<Confirmations> {
    const before = await this.confirmations(id);
    if (before.read.length + before.delivered.length + before.missing.length > 0) {
      const { conversation, reference } = await this.#target(id);
      await this.#write(conversation, { kind: 'remind', target: reference });
    }
    return before;
  }

  /** What a message is answered with. @throws {ChatError} `message-unknown`, `message-deleted`, `message-imported` */
  async reference(conversation: Conversation, id: string): Promise<Reference> {
    const target = await this.#target(id);
    if (target.conversation !== conversation)
      throw new ChatError('message-unknown', 'No message of this conversation has that id.');
    return target.reference;
  }

  async #ownAnnouncement(
    id: string,
  ): Promise<{ conversation: Conversation; message: Message; item: MessageItem }> {
    const target = await this.#target(id);
    requireAsked(target.message);
    if (target.message.author === this.parts.self) return target;
    throw new ChatError('message-not-yours', 'Only its author is told who has confirmed a message.');
  }

  /** A message that something can be done with. */
  async #target(
    id: string,
  ): Promise<{ conversation: Conversation; item: MessageItem; message: Message; reference: Reference }> {
    const { conversation, item } = await this.#locate(id);
    const projection = new Projection(this.parts, conversation);
    const [message] = await projection.messages([item]);
    if (message?.deleted !== false) throw new ChatError('message-deleted', 'The message was deleted.');
    return { conversation, item, message, reference: referenceOf(projection, item) };
  }

  async #locate(id: string): Promise<{ conversation: Conversation; item: MessageItem }> {
    const found = await this.parts.locate(id);
    if ('imported' in found.item || actionsOf([found.item]).length === 0) return found;
    throw new ChatError('message-unknown', 'No message has that id.');
  }

  async #write(conversation: Conversation, ...contents: readonly ActionContent[]): Promise<WrittenEntry> {
    const [entry] = await this.parts.write(conversation, contents.map(contentText));
    return written(conversation, entry as TimelineEntry);
  }
}

function requireAsked({ content }: Message): void {
  if (content.kind === 'text' && content.confirm === true) return;
  throw new ChatError('confirm-not-asked', 'The message does not ask to be confirmed.');
}

function written(conversation: Conversation, { id, author }: MessageItem): WrittenEntry {
  return { id, conversation: conversation.id, author };
}

function referenceOf(projection: Projection, item: MessageItem): Reference {
  const leaf = projection.leafOf(item);
  if ('imported' in item || leaf === null) {
    throw new ChatError(
      'message-imported',
      'The message is known from an import only, so others cannot be told of it.',
      {
        hint: 'It can be deleted for yourself.',
      },
    );
  }
  return { author: item.author, segment: item.segment, seq: item.entry.seq, leaf };
}
