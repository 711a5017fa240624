import { peerIdOfKey } from '@p2p-chat/shared';
import { testKeys } from '@p2p-chat/shared/testing';
import { Chat } from '../chat/chat.js';
import { type ChatEvent, ChatEvents } from '../chat/events.js';
import { OwnProfile } from '../chat/own-profile.js';
import { type ProfileSettings, ProfileStore } from '../chat/ports/profile.store.js';
import { MemoryDisk, MemoryStorage } from './memory-storage.js';
import type { MemoryNetwork } from './memory-network.js';

const silent = { debug: () => undefined, warn: () => undefined };

/** A node of the real core over a network and a disk in memory; it can crash and start again. */
export class MemoryNode {
  readonly disk = new MemoryDisk();
  readonly peerId: string;
  /** The settings as they are kept. */
  profile: ProfileSettings;
  /** Every event since the last start. */
  events: ChatEvent[] = [];
  #chat: Chat | null = null;
  #storage: MemoryStorage | null = null;
  #starts = 0;

  constructor(
    readonly user: string,
    private readonly network: MemoryNetwork,
    private readonly random: () => number = () => 0.5,
    private readonly options: { receipts?: boolean; contactsOnly?: boolean } = {},
  ) {
    this.peerId = peerIdOfKey(testKeys(user).publicKey);
    this.profile = { user, presence: 'online', status: '', receipts: options.receipts ?? true, typing: true };
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
    this.#storage = new MemoryStorage(this.disk);
    this.events = [];
    const events = new ChatEvents((error) => {
      throw error;
    });
    const seen = this.events;
    events.subscribe((event) => seen.push(event));
    const chat = new Chat({
      self: this.peerId,
      profile: new OwnProfile(this.profile, this.#profiles(), events),
      instance,
      host: '',
      staticAddresses: [],
      contactsOnly: this.options.contactsOnly ?? false,
      messages: this.#storage.messages,
      search: this.#storage.search,
      peers: this.#storage.peers,
      transport,
      discovery: [discovery],
      events,
      clock: this.network.clock,
      random: this.random,
      log: silent,
    });
    this.#chat = chat;
    await chat.start();
    return this;
  }

  #profiles(): ProfileStore {
    const save = (settings: ProfileSettings): void => void (this.profile = settings);
    return new (class extends ProfileStore {
      async save(settings: ProfileSettings): Promise<void> {
        save(settings);
      }
    })();
  }

  /** As by SIGKILL: what is not committed is lost, and it hears nothing more. */
  crash(): void {
    this.#storage?.crash();
    this.network.crash(this.peerId);
    this.#chat = null;
  }

  async stop(): Promise<void> {
    await this.#chat?.stop();
    await this.#storage?.close();
    this.#chat = null;
  }
}
