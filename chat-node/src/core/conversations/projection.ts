import {
  clockMs,
  type EditContent,
  leafOf,
  readContent,
  type ReadContent,
  type Reference,
  segmentTag,
} from '@p2p-chat/shared';
import type { Mark } from '../feeds/feed-index.js';
import type { ConversationStore, ImportedMessage } from '../ports/conversation.store.js';
import type { MessageRange } from '../events.js';
import type { Conversation } from './conversation.js';
import { laterOf } from './import.js';
import { coverage, loadForMarks } from './coverage.js';
import { type Action, actionsOf, edited, type Effects, effectsOn, type MayDelete } from './effects.js';
import { GroupStates, stateOf } from './group-states.js';
import {
  compareMessages,
  type DeliveryState,
  type Message,
  type MessageOrder,
  type Quote,
} from './message.js';
import type { MessageItem, Timeline, TimelineChange, TimelineEntry, TimelineItem } from './timeline.js';

/** An edit of a message by its author. */
export type Edit = Action & { content: EditContent };

type StateOf = (segment: string, seq: number) => DeliveryState;

const NO_EFFECTS: Effects = { deleted: null, edit: null, reactions: [], confirmed: [] };

export interface ProjectionParts {
  /** Own peer id. */
  self: string;
  store: ConversationStore;
  timeline: Timeline;
  sha256: (bytes: Uint8Array) => Uint8Array;
  mayDelete: (conversation: Conversation) => MayDelete;
  /** Whether what somebody feels about a message is not shown. */
  isIgnored: (peerId: string) => boolean;
}

/** Shows entries of one conversation as messages, with the states that they have now, and with what others made of them. */
export class Projection {
  readonly #states = new Map<string, StateOf>();
  /** Of one's own messages in a group. */
  readonly #group: GroupStates | null;

  constructor(
    private readonly parts: ProjectionParts,
    private readonly conversation: Conversation,
  ) {
    this.#group = conversation.group === null ? null : new GroupStates(parts.self, conversation);
  }

  /** Shows what was read from the store. @throws {StorageError} */
  async messages(items: readonly TimelineItem[]): Promise<Message[]> {
    const { conversation, parts } = this;
    await this.#group?.load();
    for (const author of new Set([...items.map((item) => item.author), parts.self])) {
      for (const marks of this.#marks(author)) await loadForMarks(conversation, author, marks);
    }
    const effects = await this.effects(items);
    const messages = items.map((item) => this.message(item, effects.get(item.id)));
    return Promise.all(messages.map((message) => this.#withQuote(message)));
  }

  /** Shows one that nothing refers to; its state is known where its feed is loaded. */
  message(item: TimelineItem, effects: Effects = NO_EFFECTS): Message {
    if ('operation' in item) return this.#change(item);
    const message = 'imported' in item ? this.#imported(item.imported) : this.#entry(item);
    return withEffects(message, effects, (deleted) => this.#deletion(deleted));
  }

  /** What others make of some messages, by id. @throws {StorageError} */
  async effects(items: readonly TimelineItem[]): Promise<Map<string, Effects>> {
    const { store, timeline, isIgnored } = this.parts;
    const referring = items.length === 0 ? [] : await store.referring(rangesOf(items.map(({ id }) => id)));
    const actions = referring
      .flatMap((kept) => actionsOf(timeline.entries(this.conversation, kept)))
      .filter(({ entry, content }) => content.kind !== 'reaction' || !isIgnored(entry.author));
    if (actions.length === 0) return new Map();
    const byTarget = Map.groupBy(actions, ({ content }) => this.idOf(content.target));
    const mayDelete = this.parts.mayDelete(this.conversation);
    return new Map(
      items.map((item) => [
        item.id,
        effectsOn({ ...item, leaf: this.leafOf(item) }, byTarget.get(item.id) ?? [], mayDelete),
      ]),
    );
  }

  /** The edits of a message by its author that are here, oldest first. @throws {StorageError} */
  async edits({ id, author }: MessageOrder): Promise<Edit[]> {
    const referring = await this.parts.store.referring(rangesOf([id]));
    return actionsOf(referring.flatMap((kept) => this.parts.timeline.entries(this.conversation, kept)))
      .filter((one): one is Edit => one.content.kind === 'edit' && one.entry.author === author)
      .filter(({ content }) => this.idOf(content.target) === id)
      .sort((a, b) => compareMessages(a.entry, b.entry));
  }

  /** The id of the message that a reference means. */
  idOf({ author, segment, seq }: Reference): string {
    return `${segmentTag(this.conversation.id, author, segment, this.parts.sha256)}-${seq}`;
  }

  /** The leaf of an item; null of an imported one. */
  leafOf(item: TimelineItem): string | null {
    return 'imported' in item || 'operation' in item
      ? null
      : leafOf(item.batch, item.entry.seq, this.parts.sha256);
  }

  async #withQuote(message: Message): Promise<Message> {
    const { content, deleted } = message;
    const reference = content.kind === 'text' ? content.replyTo : undefined;
    const id = reference === undefined ? message.replyTo : this.idOf(reference);
    if (deleted || id === null) return message;
    return { ...message, replyTo: id, quote: await this.#quote(id, reference) };
  }

  /** The message that is answered, as it is now; null where it is not here. */
  async #quote(id: string, reference: Reference | undefined): Promise<Quote | null> {
    const { store, timeline } = this.parts;
    const place = await store.find(id);
    const item = place === null ? null : await timeline.at(this.conversation, place);
    if (item === null) return null;
    const { author } = item;
    const its = this.leafOf(item);
    if (reference !== undefined && (author !== reference.author || (its !== null && its !== reference.leaf)))
      return null;
    const { content, deleted } = this.message(item, (await this.effects([item])).get(id));
    return { id, author, body: content.kind === 'text' ? content.body : '', deleted };
  }

  #deletion({ entry }: Action): Message['deletion'] {
    if (entry.author !== this.parts.self) return null;
    const asked = this.#group?.of(entry.segment, entry.entry.seq, entry.clock);
    if (asked !== undefined) return { entry: entry.id, asked: asked.of.length, done: asked.delivered.length };
    const isDone = this.#stateOf(entry.author)(entry.segment, entry.entry.seq) !== 'queued';
    return { entry: entry.id, asked: 1, done: isDone ? 1 : 0 };
  }

  #entry({ id, author, segment, entry, receivedAt }: TimelineEntry): Message {
    const { self } = this.parts;
    const recipients = author === self ? this.#group?.of(segment, entry.seq, entry.clock) : undefined;
    return {
      ...UNCHANGED,
      id,
      conversation: this.conversation.id,
      author,
      direction: author === self ? 'out' : 'in',
      content: readContent(entry.content),
      clock: entry.clock,
      sentAt: entry.erased ? clockMs(entry.clock) : entry.sentAt,
      receivedAt: author === self ? null : receivedAt,
      state: recipients === undefined ? this.#stateOf(author)(segment, entry.seq) : stateOf(recipients),
      ...(recipients === undefined ? {} : { recipients }),
      deleted: entry.erased,
    };
  }

  #change({ id, author, clock, operation }: TimelineChange): Message {
    return {
      ...UNCHANGED,
      ...{ id, author, clock, change: operation, conversation: this.conversation.id },
      direction: author === this.parts.self ? 'out' : 'in',
      content: { kind: 'unknown', name: 'roster' },
      sentAt: clockMs(clock),
      receivedAt: null,
      state: 'read',
    };
  }

  #imported({ content, ...message }: ImportedMessage): Message {
    const direction = message.author === this.parts.self ? 'out' : 'in';
    const read = readContent(content);
    // As an export has a message that was deleted.
    const deleted = read.kind === 'unknown' && read.name === DELETED;
    return { ...UNCHANGED, ...laterOf(content), ...message, direction, content: read, deleted };
  }

  #stateOf(author: string): StateOf {
    let stateOf = this.#states.get(author);
    if (stateOf === undefined) this.#states.set(author, (stateOf = this.#create(author)));
    return stateOf;
  }

  #create(author: string): StateOf {
    const [read, have] = this.#marks(author).map((marks) => coverage(this.conversation, author, marks));
    const least = author === this.parts.self ? 'queued' : 'delivered';
    return (segment, seq) => {
      if (read?.(segment, seq)) return 'read';
      return have?.(segment, seq) ? 'delivered' : least;
    };
  }

  /** What was read of a feed, and of one's own also what was delivered. */
  #marks(author: string): (readonly Mark[])[] {
    const { conversation } = this;
    const { self } = this.parts;
    if (author !== self) return [conversation.seen(author)];
    if (conversation.peerId === null) return [];
    const { have, read } = conversation.watermark(self, conversation.peerId);
    return [read, have];
  }
}

/** The kind of what was deleted. */
const DELETED = 'deleted';

const UNCHANGED = {
  edited: false,
  deleted: false,
  deletion: null,
  replyTo: null,
  quote: null,
  reactions: [],
  confirmed: [],
} as const satisfies Partial<Message>;

function withEffects(
  message: Message,
  { deleted, edit, reactions, confirmed }: Effects,
  deletion: (deleted: Action) => Message['deletion'],
): Message {
  if (deleted !== null || message.deleted) {
    const content = { kind: 'unknown', name: DELETED } as const;
    return {
      ...message,
      ...UNCHANGED,
      content,
      deleted: true,
      deletion: deleted === null ? null : deletion(deleted),
    };
  }
  const { content } = message;
  // What an export said of it counts where nothing newer is here.
  const shown = reactions.length > 0 ? { ...message, reactions } : message;
  if (content.kind !== 'text') return shown;
  const asks = content.confirm === true;
  return {
    ...shown,
    content: edited(content, edit),
    edited: edit !== null || message.edited,
    confirmed: asks && confirmed.length > 0 ? confirmed : message.confirmed,
  };
}

/** What an item says, as its author wrote it at first. */
export function originalOf(item: MessageItem): ReadContent {
  return readContent('imported' in item ? item.imported.content : item.entry.content);
}

/** Ids as ranges of neighbours. */
export function rangesOf(ids: readonly string[]): MessageRange[] {
  const seqs = new Map<string, number[]>();
  for (const id of ids) {
    const dash = id.lastIndexOf('-');
    const tag = id.slice(0, dash);
    seqs.set(tag, [...(seqs.get(tag) ?? []), Number(id.slice(dash + 1))]);
  }
  return Array.from(seqs).flatMap(([tag, all]) => {
    const ranges: MessageRange[] = [];
    for (const seq of all.sort((a, b) => a - b)) {
      const last = ranges.at(-1);
      if (last !== undefined && seq <= last.last + 1) last.last = seq;
      else ranges.push({ tag, first: seq, last: seq });
    }
    return ranges;
  });
}
