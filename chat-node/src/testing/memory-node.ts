import { Chat } from '../core/chat.js';
import { type ChatEvent, ChatEvents } from '../core/events.js';
import type { Message } from '../core/conversations/message.js';
import type { ContactsPolicy } from '../core/peers/requests.js';
import { type ProfileSettings, ProfileStore } from '../core/ports/profile.store.js';
import { OwnProfile } from '../core/presence/own-profile.js';
import { MemoryDisk, MemoryStore } from '../storage/memory/memory-store.js';
import type { MemoryNetwork } from './memory-network.js';
import { TestKeys } from './test-keys.js';

const silent = { debug: () => undefined, warn: () => undefined };

/** A node of the real core over a network and a disk in memory; it can crash and start again. */
export class MemoryNode {
  readonly disk = new MemoryDisk();
  readonly keys: TestKeys;
  /** The settings as they are kept. */
  profile: ProfileSettings;
  /** Every event since the last start. */
  events: ChatEvent[] = [];
  #chat: Chat | null = null;
  #store: MemoryStore | null = null;
  #starts = 0;

  constructor(
    readonly user: string,
    private readonly network: MemoryNetwork,
    private readonly options: { receipts?: boolean; contacts?: ContactsPolicy; random?: () => number } = {},
  ) {
    this.keys = new TestKeys(user);
    this.profile = { user, presence: 'online', status: '', receipts: options.receipts ?? true, typing: true };
  }

  get peerId(): string {
    return this.keys.peerId;
  }

  get chat(): Chat {
    if (this.#chat === null) throw new Error(`${this.user} does not run`);
    return this.#chat;
  }

  get running(): boolean {
    return this.#chat !== null;
  }

  async start(): Promise<this> {
    const instance = `${this.user} ${(this.#starts += 1)}`;
    const { transport, discovery } = this.network.node(this.peerId, this.user, instance);
    this.#store = new MemoryStore(this.disk);
    this.events = [];
    const events = new ChatEvents((error) => {
      throw error;
    });
    const seen = this.events;
    events.subscribe((event) => seen.push(event));
    const chat = new Chat({
      keys: this.keys,
      profile: new OwnProfile(this.profile, this.#profiles(), events),
      instance,
      host: '',
      staticAddresses: [],
      contacts: this.options.contacts ?? 'all',
      store: this.#store,
      transport,
      discovery: [discovery],
      events,
      clock: this.network.clock,
      random: this.options.random ?? (() => 0.5),
      log: silent,
    });
    this.#chat = chat;
    await chat.start();
    return this;
  }

  /** Writes to somebody. */
  send(to: { peerId: string }, ...bodies: string[]): Promise<Message[]> {
    return this.chat.messages.send(this.chat.conversations.direct(to.peerId).id, bodies);
  }

  /** The latest messages with somebody, oldest first. */
  history(with_: { peerId: string }): Promise<Message[]> {
    return this.chat.messages.history(this.chat.conversations.direct(with_.peerId).id, { limit: 1_000 });
  }

  /** The texts of {@link history}. */
  async texts(with_: { peerId: string }): Promise<string[]> {
    return (await this.history(with_)).map(({ content }) =>
      content.kind === 'text' ? content.body : content.kind,
    );
  }

  /** Has seen all that somebody wrote. */
  read(from: { peerId: string }): Promise<number> {
    return this.chat.messages.markRead(this.chat.conversations.direct(from.peerId).id);
  }

  /** As by SIGKILL: what is not committed is lost, and it hears nothing more. */
  crash(): void {
    this.#store?.crash();
    this.network.crash(this.peerId);
    this.#chat = null;
  }

  async stop(): Promise<void> {
    await this.#chat?.stop();
    await this.#store?.close();
    this.#chat = null;
  }

  #profiles(): ProfileStore {
    const save = (settings: ProfileSettings): void => void (this.profile = settings);
    return new (class extends ProfileStore {
      async save(settings: ProfileSettings): Promise<void> {
        save(settings);
      }
    })();
  }
}
