import type { ControlEvent } from '../control/events.js';
import type { SendRequest } from '../control/requests.js';
import type { ConfirmationsView, MessageView, VersionView } from '../control/views.js';
import { TYPING_INTERVAL_MS } from '../protocol/limits.js';
import { isUnsettled } from './errors.js';
import { errorCode } from '../errors.js';
import type { LiveView } from './live-view.js';
import { Refresher } from './refresher.js';
import { Store } from './store.js';
import { compareMessages, conversationOf, withoutNotices } from './view-state.js';

/** Messages asked for at once: several screens. */
const PAGE = 100;
/** Messages held: what was scrolled past is dropped at the other end, so memory stays bounded. */
const MAX_HELD = 1_000;
/** The node is told what was read at most this often, in milliseconds. */
const READ_INTERVAL_MS = 50;

/** The part of a conversation that is loaded, oldest first. */
export interface LoadedMessages {
  messages: readonly MessageView[];
  /** Whether there is nothing before the first one. */
  atStart: boolean;
  /** Whether there is nothing after the last one. */
  atEnd: boolean;
  loading: boolean;
  /** The first message that was not read when the conversation was opened. */
  firstUnread: string | null;
  /** The message at which it was opened, where that was not its end. */
  found?: string;
}

const NOTHING: LoadedMessages = {
  messages: [],
  atStart: false,
  atEnd: true,
  loading: true,
  firstUnread: null,
};

/** A conversation that is open: merges what the events tell, and loads other parts when somebody scrolls there. */
export class Timeline {
  readonly store = new Store<LoadedMessages>(NOTHING);
  readonly #loader: Refresher;
  readonly #reader: Refresher;
  /** The last message that was on the screen, and the last one that the node knows to be read. */
  #seen: string | null = null;
  #read: string | null = null;
  /** How many messages the first page has: enough to begin at the first unread one. */
  #firstPage: number | null;
  /** When the node was last told that something is being written, by the monotonic clock. */
  #toldAt = -Infinity;
  /** The message to begin at, until it is loaded. */
  #at: MessageView | null;
  /** Whether anything in what is loaded may be another now. */
  #isStale = false;
  /** What was told while a page was on its way, which may not have it. */
  readonly #toldMeanwhile: ControlEvent[] = [];
  /** A text of which it is not known whether the node took it, and its key: the same again tells. */
  #unsettled: { body: string; key: string } | null = null;
  readonly #closing = new AbortController();
  readonly #signal: AbortSignal;
  readonly #unsubscribe: (() => void)[];

  /**
   * @param conversation its id
   * @param at the message to begin at, instead of the end
   */
  constructor(
    private readonly view: LiveView,
    readonly conversation: string,
    at?: MessageView,
  ) {
    this.#at = at ?? null;
    if (at !== undefined) this.store.update((now) => ({ ...now, atEnd: false }));
    this.#signal = AbortSignal.any([view.signal, this.#closing.signal]);
    this.#loader = new Refresher(() => this.#load(), view.clock, READ_INTERVAL_MS, this.#signal);
    this.#reader = new Refresher(() => this.#markRead(), view.clock, READ_INTERVAL_MS, this.#signal);
    const unread = conversationOf(view.store.get(), conversation)?.unread ?? 0;
    this.#firstPage = Math.min(MAX_HELD, PAGE + unread);
    this.#unsubscribe = [
      view.onEvent((event) => this.#take(event)),
      this.#whenBack(() => this.#reader.request()),
    ];
    view.store.update((state) => withoutNotices({ ...state, open: conversation }, conversation));
    this.#loader.request();
  }

  /** Something is being written: the node is told now and then, and tells the other person. */
  writes(): void {
    const now = this.view.clock.monotonic();
    if (now - this.#toldAt < TYPING_INTERVAL_MS || this.view.store.get().profile?.typing !== true) return;
    this.#toldAt = now;
    // Nothing is lost where it is not told.
    this.view.client.typing(this.conversation, this.#signal).catch(() => undefined);
  }

  /**
   * Hands a message to the node and shows it. A text of which it is not known
   * whether the node took it is the same message when it is sent again.
   */
  async send(body: string, extras: Pick<SendRequest, 'replyTo' | 'confirm'> = {}): Promise<void> {
    this.#toldAt = -Infinity;
    const key = this.#unsettled?.body === body ? this.#unsettled.key : crypto.randomUUID();
    try {
      await this.view.client.send(this.conversation, body, this.#signal, key, extras);
    } catch (error) {
      this.#unsettled = isUnsettled(error) ? { body, key } : null;
      throw error;
    }
    this.#unsettled = null;
    if (!this.store.get().atEnd) this.toEnd();
  }

  /** Changes what one's own message says. */
  async edit(id: string, body: string): Promise<void> {
    await this.view.client.edit(id, body, this.#signal);
  }

  /** Deletes a message. @param forMe here alone */
  async delete(id: string, forMe: boolean): Promise<void> {
    await this.view.client.delete(id, forMe, this.#signal);
  }

  /** Adds an emoji to what one feels about a message, or takes it away where it is there. */
  async react({ id, reactions = [] }: MessageView, emoji: string): Promise<void> {
    const self = this.view.store.get().me?.peerId ?? '';
    const mine = reactions.filter(({ by }) => by.includes(self)).map((one) => one.emoji);
    const others = mine.filter((one) => one !== emoji);
    const all = others.length < mine.length ? others : [...mine, emoji];
    await this.view.client.react(id, all, this.#signal);
  }

  /** Confirms a message that asks for it. */
  async confirm(id: string): Promise<void> {
    await this.view.client.confirm(id, this.#signal);
  }

  /** Who has confirmed one's own message. @param remind reminds the others */
  confirmations(id: string, remind: boolean): Promise<ConfirmationsView> {
    return this.view.client.confirmations(id, remind, this.#signal);
  }

  /** What one's own message said and says, oldest first. */
  versions(id: string): Promise<VersionView[]> {
    return this.view.client.versions(id, this.#signal);
  }

  /** Loads what lies around a message, unless it is loaded. */
  async jumpTo(id: string): Promise<void> {
    if (this.store.get().messages.some((one) => one.id === id)) {
      this.store.update((now) => ({ ...now, found: id }));
      return;
    }
    this.#at = await this.view.client.message(id, this.#signal);
    this.#isStale = false;
    this.store.update(({ firstUnread }) => ({ ...NOTHING, firstUnread, atEnd: false }));
    this.#loader.request();
  }

  /** Loads what lies before the first message, if that is not done already. */
  async older(): Promise<void> {
    const { messages, atStart, loading } = this.store.get();
    const [first] = messages;
    if (atStart || loading || first === undefined) return;
    await this.#extend(async () => {
      const page = await this.#page({ before: first.id });
      this.store.update((now) => {
        if (now.messages[0]?.id !== first.id) return now;
        const all = [...page, ...now.messages];
        const held = all.slice(0, MAX_HELD);
        const atEnd = now.atEnd && held.length === all.length;
        return { ...now, messages: held, atStart: page.length < PAGE, atEnd };
      });
    });
  }

  /** Loads what lies after the last message, if that is not done already. */
  async newer(): Promise<void> {
    const { messages, atEnd, loading } = this.store.get();
    const last = messages.at(-1);
    if (atEnd || loading || last === undefined) return;
    await this.#extend(async () => {
      const page = await this.#page({ after: last.id });
      this.store.update((now) => {
        if (now.messages.at(-1)?.id !== last.id) return now;
        const all = [...now.messages, ...page];
        const held = all.slice(-MAX_HELD);
        const atStart = now.atStart && held.length === all.length;
        return { ...now, messages: held, atEnd: page.length < PAGE, atStart };
      });
    });
  }

  /** Goes back to the end, wherever one scrolled to. */
  toEnd(): void {
    this.#at = null;
    this.#isStale = false;
    this.store.update(({ firstUnread }) => ({ ...NOTHING, firstUnread }));
    this.#loader.request();
  }

  /** The message was on the screen: it counts as read, and all before it. */
  seen(messageId: string): void {
    if (this.#seen === messageId) return;
    this.#seen = messageId;
    if (this.view.store.get().attentive) this.#reader.request();
  }

  close(): void {
    for (const end of this.#unsubscribe) end();
    this.#closing.abort();
    this.view.store.update((state) => ({ ...state, open: null }));
  }

  /** Calls back each time that the person looks at the screen again. */
  #whenBack(back: () => void): () => void {
    let was = this.view.store.get().attentive;
    return this.view.store.subscribe(() => {
      const { attentive } = this.view.store.get();
      if (attentive && !was) back();
      was = attentive;
    });
  }

  #take(event: ControlEvent): void {
    switch (event.type) {
      case 'resync':
        return this.#loader.request();
      case 'message':
      case 'changed':
      case 'removed':
      case 'state':
      case 'receipt':
        if (this.store.get().loading) this.#toldMeanwhile.push(event);
        return this.#merge(event);
      case 'history':
        // Anywhere between those that are loaded.
        if (event.conversation !== this.conversation) return;
        if (this.#isAtEnd) return this.toEnd();
        this.#isStale = true;
        return this.#loader.request();
      case 'peer':
        // They may have been accepted: then what was on the screen counts as read.
        if (event.peer.conversation === this.conversation && event.peer.request === null) this.#accepted();
        return;
      default:
    }
  }

  #accepted(): void {
    if (!this.store.get().messages.some(({ request }) => request === true)) return;
    this.store.update((now) => ({
      ...now,
      messages: now.messages.map(({ request: _, ...message }) => message),
    }));
    this.#reader.request();
  }

  #merge(event: ControlEvent): void {
    if (event.type === 'state' && event.conversation === this.conversation) {
      const ids = new Set(event.ids);
      this.store.update((now) => ({
        ...now,
        messages: now.messages.map((one) => (ids.has(one.id) ? { ...one, state: event.state } : one)),
      }));
    } else if (event.type === 'receipt' && event.conversation === this.conversation) {
      this.store.update((now) => ({ ...now, messages: withReceipt(now.messages, event) }));
    } else if (event.type === 'changed') {
      const news = event.messages.filter(({ conversation }) => conversation === this.conversation);
      if (news.length > 0)
        this.store.update((now) => ({ ...now, messages: withChanges(now.messages, news) }));
    } else if (event.type === 'removed' && event.conversation === this.conversation) {
      const ids = new Set(event.ids);
      this.store.update((now) => ({ ...now, messages: now.messages.filter(({ id }) => !ids.has(id)) }));
    } else if (event.type === 'message') {
      const news = event.messages.filter(({ conversation }) => conversation === this.conversation);
      if (news.length > 0) this.store.update((now) => withNews(now, news));
      if (this.#seen !== null) this.#reader.request();
    }
  }

  async #load(): Promise<void> {
    if (this.#at !== null) await this.#loadAround(this.#at);
    else if (this.#isStale) await this.#extend(() => this.#loadAnew());
    else await this.#loadEnd();
    for (const event of this.#toldMeanwhile.splice(0)) this.#merge(event);
  }

  async #loadAround(message: MessageView): Promise<void> {
    const [before, after] = await Promise.all([
      this.#page({ before: message.id }),
      this.#page({ after: message.id }),
    ]);
    if (this.#at !== message) return;
    this.#at = null;
    this.store.update((now) => ({
      ...now,
      messages: [...before, message, ...after],
      atStart: before.length < PAGE,
      atEnd: after.length < PAGE,
      loading: false,
      found: message.id,
    }));
  }

  /** Whether the end is on the screen, as far as one knows. */
  get #isAtEnd(): boolean {
    const { messages, atEnd } = this.store.get();
    return atEnd && (this.#seen === null || this.#seen === messages.at(-1)?.id);
  }

  /** Loads once more what is loaded, from a message near the screen that is still there: the place is kept. */
  async #loadAnew(): Promise<void> {
    const held = this.store.get().messages;
    const seen = held.findIndex(({ id }) => id === this.#seen);
    const near = held
      .map((message, at) => ({ message, at }))
      .filter(({ message }) => message.change === undefined)
      .sort((a, b) => Math.abs(a.at - seen) - Math.abs(b.at - seen));
    for (const { message, at } of near) {
      const there = await this.view.client.message(message.id, this.#signal).catch(unlessGone);
      if (there === null) continue;
      const back = Math.max(PAGE, at);
      const on = Math.min(MAX_HELD, held.length - at - 1 + PAGE);
      const [before, after] = await Promise.all([
        this.#page({ before: there.id }, back),
        this.#page({ after: there.id }, on),
      ]);
      // Somebody went to another place meanwhile.
      if (this.store.get().messages[0]?.id !== held[0]?.id) return this.#loader.request();
      const [atStart, atEnd] = [before.length < back, after.length < on];
      // What came meanwhile is told as well: who has the end does not lose it.
      if (this.store.get().atEnd && !atEnd) return this.#loader.request();
      this.#isStale = false;
      return this.store.update((now) => ({ ...now, messages: [...before, there, ...after], atStart, atEnd }));
    }
    this.toEnd();
  }

  async #loadEnd(): Promise<void> {
    if (!this.store.get().atEnd) return;
    const limit = this.#firstPage ?? PAGE;
    const isFirst = this.#firstPage !== null;
    const page = await this.#page({}, limit);
    if (!this.store.get().atEnd) return;
    this.#firstPage = null;
    this.store.update((now) => {
      const [first] = page;
      const known = first === undefined ? -1 : now.messages.findIndex((one) => one.id === first.id);
      const before = known < 0 ? [] : now.messages.slice(0, known);
      const messages = [...before, ...page].slice(-MAX_HELD);
      const isWhole = messages.length === before.length + page.length;
      const atStart = known < 0 ? page.length < limit : now.atStart && isWhole;
      const firstUnread = isFirst ? (page.find(isUnread)?.id ?? null) : now.firstUnread;
      return { ...now, messages, atStart, atEnd: true, loading: false, firstUnread };
    });
    if (this.#seen !== null) this.#reader.request();
  }

  async #markRead(): Promise<void> {
    // What came while the person looked elsewhere is seen when they are back.
    if (!this.view.store.get().attentive) return;
    const { messages } = this.store.get();
    const seen = messages.findIndex((one) => one.id === this.#seen);
    const last = messages.slice(0, seen + 1).findLast(isIncoming);
    if (last === undefined || !isUnread(last) || last.request === true || last.id === this.#read) return;
    await this.view.client.read(this.conversation, last.id, this.#signal);
    this.#read = last.id;
  }

  #page(bound: { before?: string; after?: string }, limit = PAGE): Promise<MessageView[]> {
    return this.view.client.history(this.conversation, { ...bound, limit }, this.#signal);
  }

  async #extend(task: () => Promise<void>): Promise<void> {
    this.store.update((now) => ({ ...now, loading: true }));
    try {
      await task();
    } catch {
      // The header says that the node is away; scrolling again asks again.
    } finally {
      this.store.update((now) => ({ ...now, loading: false }));
      for (const event of this.#toldMeanwhile.splice(0)) this.#merge(event);
    }
  }
}

/** The loaded part with messages that were told: those that belong before or behind it are left to its pages. */
function withNews(now: LoadedMessages, news: readonly MessageView[]): LoadedMessages {
  const known = new Set(now.messages.map(({ id }) => id));
  const [first, last] = [now.messages[0], now.messages.at(-1)];
  const added = news.filter((one) => {
    if (known.has(one.id)) return false;
    if (first !== undefined && compareMessages(one, first) < 0) return now.atStart;
    return last === undefined || compareMessages(one, last) < 0 || now.atEnd;
  });
  if (added.length === 0 || (now.loading && now.messages.length === 0)) return now;
  const messages = [...now.messages, ...added].sort(compareMessages);
  const held = messages.slice(-MAX_HELD);
  return { ...now, messages: held, atStart: now.atStart && held.length === messages.length };
}

/** Messages with those that look different now, and the quotes of these. */
function withChanges(messages: readonly MessageView[], news: readonly MessageView[]): readonly MessageView[] {
  const byId = new Map(news.map((one) => [one.id, one]));
  return messages.map((message) => {
    const now = byId.get(message.id) ?? message;
    const quoted = now.quote && byId.get(now.quote.id);
    if (!now.quote || !quoted) return now;
    return { ...now, quote: { ...now.quote, body: quoted.body, deleted: quoted.deleted === true } };
  });
}

/** The messages after a member of the group was told to have, or to have read, some of them. */
function withReceipt(
  messages: readonly MessageView[],
  { ids, member, state }: ControlEvent<'receipt'>,
): readonly MessageView[] {
  const meant = new Set(ids);
  const withMember = (all: readonly string[] = []): string[] => [...new Set([...all, member])];
  return messages.map((message) => {
    if (!meant.has(message.id) || message.recipients?.includes(member) !== true) return message;
    const delivered = withMember(message.delivered);
    return { ...message, delivered, ...(state === 'read' ? { read: withMember(message.read) } : {}) };
  });
}

/** Null for a message that is not there any more. */
function unlessGone(error: unknown): null {
  if (errorCode(error) === 'message-unknown') return null;
  throw error;
}

function isIncoming({ direction, change }: MessageView): boolean {
  return direction === 'in' && change === undefined;
}

function isUnread(message: MessageView): boolean {
  return isIncoming(message) && message.state !== 'read';
}
