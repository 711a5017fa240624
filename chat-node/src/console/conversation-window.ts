import { TYPING_INTERVAL_MS, type ControlEvent, type MessageView } from '@p2p-chat/shared';
import type { LiveView } from './live-view.js';
import { Refresher } from './refresher.js';
import { Store } from './store.js';
import { withoutNotices } from './view-state.js';

/** Messages asked for at once: several screens. */
const PAGE = 100;
/** Messages held: what was scrolled past is dropped at the other end, so memory stays bounded. */
const MAX_HELD = 1_000;
/** A burst of messages is asked for at most this often, in milliseconds. */
const REFRESH_INTERVAL_MS = 50;

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

/** A conversation that is open: follows its end live, and loads older parts where somebody scrolls. */
export class ConversationWindow {
  readonly store = new Store<LoadedMessages>({
    messages: [],
    atStart: false,
    atEnd: true,
    loading: true,
    firstUnread: null,
  });
  readonly #refresher: Refresher;
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
  readonly #closing = new AbortController();
  readonly #signal: AbortSignal;
  readonly #unsubscribe: (() => void)[];

  constructor(
    private readonly view: LiveView,
    readonly peerId: string,
    at?: MessageView,
  ) {
    this.#at = at ?? null;
    if (at !== undefined) this.store.update((now) => ({ ...now, atEnd: false }));
    this.#signal = AbortSignal.any([view.signal, this.#closing.signal]);
    this.#refresher = new Refresher(() => this.refresh(), view.clock, REFRESH_INTERVAL_MS, this.#signal);
    this.#reader = new Refresher(() => this.markRead(), view.clock, REFRESH_INTERVAL_MS, this.#signal);
    const unread = view.store.get().conversations.find((one) => one.peer.peerId === peerId)?.unread ?? 0;
    this.#firstPage = Math.min(MAX_HELD, PAGE + unread);
    this.#unsubscribe = [
      view.onEvent((event) => this.take(event)),
      this.whenBack(() => this.#reader.request()),
    ];
    view.store.update((state) => withoutNotices({ ...state, open: peerId }, peerId));
    this.#refresher.request();
  }

  /** Something is being written: the node is told now and then, and tells the other person. */
  writes(): void {
    const now = this.view.clock.monotonic();
    if (now - this.#toldAt < TYPING_INTERVAL_MS || this.view.store.get().profile?.typing !== true) return;
    this.#toldAt = now;
    // Nothing is lost where it is not told.
    this.view.client.typing(this.peerId, this.#signal).catch(() => undefined);
  }

  /** Hands a message to the node and shows it. */
  async send(body: string): Promise<void> {
    this.#toldAt = -Infinity;
    await this.view.client.send(this.peerId, body, this.#signal);
    if (!this.store.get().atEnd) this.toEnd();
  }

  /** Loads what lies before the first message, if that is not done already. */
  async older(): Promise<void> {
    const { messages, atStart, loading } = this.store.get();
    const [first] = messages;
    if (atStart || loading || first === undefined) return;
    await this.load(async () => {
      const page = await this.page({ before: first.id });
      this.store.update((now) => {
        if (now.messages[0]?.id !== first.id) return now;
        const all = [...page, ...now.messages];
        const held = all.slice(0, MAX_HELD);
        return {
          ...now,
          messages: held,
          atStart: page.length < PAGE,
          atEnd: now.atEnd && held.length === all.length,
        };
      });
    });
  }

  /** Loads what lies after the last message, if that is not done already. */
  async newer(): Promise<void> {
    const { messages, atEnd, loading } = this.store.get();
    const last = messages.at(-1);
    if (atEnd || loading || last === undefined) return;
    await this.load(async () => {
      const page = await this.page({ after: last.id });
      this.store.update((now) => {
        if (now.messages.at(-1)?.id !== last.id) return now;
        const all = [...now.messages, ...page];
        const held = all.slice(-MAX_HELD);
        return {
          ...now,
          messages: held,
          atEnd: page.length < PAGE,
          atStart: now.atStart && held.length === all.length,
        };
      });
    });
  }

  /** Goes back to the end, wherever one scrolled to. */
  toEnd(): void {
    this.#at = null;
    this.store.update((now) => ({ ...now, messages: [], atStart: false, atEnd: true, loading: true }));
    this.#refresher.request();
  }

  /** The message was on the screen: it counts as read, and all before it. */
  seen(messageId: string): void {
    if (this.#seen === messageId) return;
    this.#seen = messageId;
    if (this.view.store.get().attentive) this.#reader.request();
  }

  /** Calls back each time that the person looks at the terminal again. */
  private whenBack(back: () => void): () => void {
    let was = this.view.store.get().attentive;
    return this.view.store.subscribe(() => {
      const { attentive } = this.view.store.get();
      if (attentive && !was) back();
      was = attentive;
    });
  }

  close(): void {
    for (const end of this.#unsubscribe) end();
    this.#closing.abort();
    this.view.store.update((state) => ({ ...state, open: null }));
    this.view.refreshConversations();
  }

  private take(event: ControlEvent): void {
    if (event.type === 'resync') this.#refresher.request();
    if (event.type === 'message' && event.messages.some((one) => one.peerId === this.peerId))
      this.#refresher.request();
    // Between any of those that are loaded.
    if (event.type === 'history' && event.peerId === this.peerId) this.toEnd();
    // They may have been accepted: then what was on the screen counts as read.
    if (event.type === 'peer' && event.peer.peerId === this.peerId) this.#refresher.request();
    if (event.type !== 'state' || event.peerId !== this.peerId) return;
    const ids = new Set(event.ids);
    const { state, reason } = event;
    this.store.update((now) => ({
      ...now,
      messages: now.messages.map((one) =>
        ids.has(one.id) ? { ...one, state, ...(reason === undefined ? {} : { reason }) } : one,
      ),
    }));
    // A page that is on its way may still have the state from before.
    this.#refresher.request();
  }

  private refresh(): Promise<void> {
    return this.#at === null ? this.loadEnd() : this.loadAround(this.#at);
  }

  private async loadAround(message: MessageView): Promise<void> {
    const [before, after] = await Promise.all([
      this.page({ before: message.id }),
      this.page({ after: message.id }),
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
    // What came meanwhile.
    this.#refresher.request();
  }

  /** Asks for the end anew, because only the node knows the order of what is new. */
  private async loadEnd(): Promise<void> {
    if (!this.store.get().atEnd) return;
    const limit = this.#firstPage ?? PAGE;
    const isFirst = this.#firstPage !== null;
    const page = await this.page({}, limit);
    this.#firstPage = null;
    this.store.update((now) => {
      const [first] = page;
      const known = first === undefined ? -1 : now.messages.findIndex((one) => one.id === first.id);
      const before = known < 0 ? [] : now.messages.slice(0, known);
      const messages = [...before, ...page].slice(-MAX_HELD);
      const atStart =
        known < 0 ? page.length < limit : now.atStart && messages.length === before.length + page.length;
      const firstUnread = isFirst ? (page.find(isUnread)?.id ?? null) : now.firstUnread;
      return { messages, atStart, atEnd: true, loading: false, firstUnread };
    });
    if (this.#seen !== null) this.#reader.request();
  }

  private async markRead(): Promise<void> {
    // What came while the person looked elsewhere is seen when they are back.
    if (!this.view.store.get().attentive) return;
    const { messages } = this.store.get();
    const seen = messages.findIndex((one) => one.id === this.#seen);
    const last = messages.slice(0, seen + 1).findLast((one) => one.direction === 'in');
    if (last === undefined || !isUnread(last) || last.request === true || last.id === this.#read) return;
    await this.view.client.read(this.peerId, last.id, this.#signal);
    this.#read = last.id;
    this.view.refreshConversations();
  }

  private page(bound: { before?: string; after?: string }, limit = PAGE): Promise<MessageView[]> {
    return this.view.client.history(this.peerId, { ...bound, limit }, this.#signal);
  }

  private async load(task: () => Promise<void>): Promise<void> {
    this.store.update((now) => ({ ...now, loading: true }));
    try {
      await task();
    } catch {
      // The header says that the node is away; scrolling again asks again.
    } finally {
      this.store.update((now) => ({ ...now, loading: false }));
    }
  }
}

function isUnread(message: MessageView): boolean {
  return message.direction === 'in' && message.state !== 'read';
}
