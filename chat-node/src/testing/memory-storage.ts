import { searchWords } from '@p2p-chat/shared';
import { ChatError, StorageError } from '../chat/errors.js';
import type { ConversationSummary } from '../chat/conversation.js';
import { compareMessages, type Message } from '../chat/message.js';
import type { PeerRecord } from '../chat/peer.js';
import { type HistoryPage, MessageRepository } from '../chat/ports/message.repository.js';
import { MessageSearch, type SearchQuery } from '../chat/ports/message-search.js';
import { PeerRepository } from '../chat/ports/peer.repository.js';

interface Stored extends Message {
  receiptDue: boolean;
}

/** What survives a crash: the "disk". */
export class MemoryDisk {
  readonly messages = new Map<string, Stored>();
  readonly peers = new Map<string, PeerRecord>();
  /** Set by tests: every commit fails while it is. */
  full = false;
}

/**
 * A storage with the durability of the real ones and none of their weight:
 * writes that are made in one turn share a commit, which happens later; a
 * crash before it leaves nothing of them.
 */
export class MemoryStorage {
  readonly messages: MessageRepository;
  readonly peers: PeerRepository;
  readonly search: MessageSearch;
  #group: Step[] = [];
  #state: 'open' | 'crashed' | 'closed' = 'open';

  /** @param later when a commit happens; by default after the current turn of the event loop */
  constructor(
    readonly disk = new MemoryDisk(),
    private readonly later: (commit: () => void) => void = setImmediate,
  ) {
    this.messages = new MemoryMessages(this);
    this.peers = new MemoryPeers(this);
    this.search = new MemorySearch(this);
  }

  /** Loses what is not committed; no promise of it settles any more. */
  crash(): void {
    this.#state = 'crashed';
    this.#group = [];
  }

  /** Finishes what was asked before. */
  async close(): Promise<void> {
    this.#commit();
    this.#state = 'closed';
  }

  /** Runs a change in the next commit. */
  write<T>(change: (disk: MemoryDisk) => T): Promise<T> {
    return this.#ask(change, true);
  }

  /** Reads what is committed by then. */
  read<T>(look: (disk: MemoryDisk) => T): Promise<T> {
    return this.#ask(look, false);
  }

  #ask<T>(run: (disk: MemoryDisk) => T, writes: boolean): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#state === 'closed')
        return reject(new StorageError('storage-failed', 'The storage is closed.'));
      if (this.#state === 'crashed') return;
      if (this.#group.length === 0) this.later(() => this.#commit());
      this.#group.push({ run: () => resolve(run(this.disk)), reject, writes });
    });
  }

  #commit(): void {
    for (const { run, reject, writes } of this.#group.splice(0)) {
      try {
        if (writes && this.disk.full) throw new StorageError('storage-full', 'The disk is full.');
        run();
      } catch (error) {
        reject(error);
      }
    }
  }
}

interface Step {
  run: () => void;
  reject: (error: unknown) => void;
  writes: boolean;
}

class MemoryPeers extends PeerRepository {
  constructor(private readonly storage: MemoryStorage) {
    super();
  }

  all(): Promise<PeerRecord[]> {
    return this.storage.read(({ peers }) => [...peers.values()].map((one) => structuredClone(one)));
  }

  save(record: PeerRecord): Promise<void> {
    const copy = structuredClone(record);
    return this.storage.write(({ peers }) => void peers.set(copy.peerId, copy));
  }

  check(): Promise<void> {
    return this.storage.write(() => undefined);
  }
}

const STATES = ['queued', 'failed', 'delivered', 'read'];

class MemoryMessages extends MessageRepository {
  constructor(private readonly storage: MemoryStorage) {
    super();
  }

  addOutgoing(messages: readonly Message[]): Promise<void> {
    return this.storage.write((disk) => messages.forEach((one) => insert(disk, one)));
  }

  addIncoming(messages: readonly Message[]): Promise<boolean[]> {
    return this.storage.write((disk) => messages.map((one) => insert(disk, one)));
  }

  addImported(messages: readonly Message[]): Promise<boolean[]> {
    return this.storage.write((disk) => messages.map((one) => insert(disk, one)));
  }

  addDropped(): Promise<void> {
    return this.storage.write(() => undefined);
  }

  setState(
    conversationId: string,
    ids: readonly string[],
    state: 'delivered' | 'read' | 'failed',
    reason?: string,
  ): Promise<string[]> {
    return this.storage.write((disk) => {
      const own = new Map(written(disk, conversationId).map((one) => [one.id, one]));
      return [...new Set(ids)].filter((id) => {
        const message = own.get(id);
        if (message === undefined || !isForward(message.state, state)) return false;
        message.state = state;
        if (reason !== undefined) message.reason = reason;
        return true;
      });
    });
  }

  queued(conversationId: string, afterClock: string, limit: number, maxBytes: number): Promise<Message[]> {
    return this.storage.read((disk) => {
      let bytes = 0;
      const page: Message[] = [];
      for (const one of written(disk, conversationId)) {
        if (one.state !== 'queued' || one.clock <= afterClock) continue;
        if (page.length >= limit || bytes >= maxBytes) break;
        bytes += Buffer.byteLength(one.body);
        page.push(toMessage(one));
      }
      return page;
    });
  }

  history(conversationId: string, { before, after, limit }: HistoryPage): Promise<Message[]> {
    return this.storage.read((disk) => {
      const all = ordered(disk, conversationId);
      const place = (id: string): number => {
        const index = all.indexOf(withId(all, id) as Stored);
        if (index === -1)
          throw new ChatError('message-unknown', 'No message of this conversation has that id.');
        return index;
      };
      if (after !== undefined) return all.slice(place(after) + 1, place(after) + 1 + limit).map(toMessage);
      const end = before === undefined ? all.length : place(before);
      return all.slice(Math.max(0, end - limit), end).map(toMessage);
    });
  }

  find(conversationId: string, id: string): Promise<Message | null> {
    return this.storage.read((disk) => {
      const found = withId(ordered(disk, conversationId), id);
      return found === undefined ? null : toMessage(found);
    });
  }

  markRead(
    conversationId: string,
    upToClock: string | null,
    { limit, receipts }: { limit: number; receipts: boolean },
  ): Promise<string[]> {
    return this.storage.write((disk) => {
      const unread = ordered(disk, conversationId)
        .filter((one) => one.direction === 'in' && one.state === 'delivered')
        .filter((one) => upToClock === null || one.clock <= upToClock)
        .slice(0, limit);
      for (const one of unread) {
        one.state = 'read';
        one.receiptDue = receipts;
      }
      return unread.map(({ id }) => id);
    });
  }

  receiptsDue(conversationId: string, limit: number): Promise<string[]> {
    return this.storage.read((disk) =>
      ordered(disk, conversationId)
        .filter((one) => one.receiptDue)
        .slice(0, limit)
        .map(({ id }) => id),
    );
  }

  receiptsSent(conversationId: string, ids: readonly string[]): Promise<void> {
    return this.storage.write((disk) => {
      for (const one of ordered(disk, conversationId)) if (ids.includes(one.id)) one.receiptDue = false;
    });
  }

  conversations(): Promise<ConversationSummary[]> {
    return this.storage.read((disk) => {
      const ids = new Set([...disk.messages.values()].map((one) => one.conversationId));
      return [...ids].map((id) => summary(disk, id)).sort((a, b) => (a.lastClock < b.lastClock ? 1 : -1));
    });
  }

  conversation(conversationId: string): Promise<ConversationSummary | null> {
    return this.storage.read((disk) => {
      const found = summary(disk, conversationId);
      return found.last === null ? null : found;
    });
  }
}

class MemorySearch extends MessageSearch {
  constructor(private readonly storage: MemoryStorage) {
    super();
  }

  search({ words, conversationId, before, limit }: SearchQuery): Promise<Message[]> {
    return this.storage.read((disk) => {
      const saved = [...disk.messages.values()];
      const end = before === undefined ? saved.length : saved.findIndex(({ id }) => id === before);
      if (end === -1) throw new ChatError('message-unknown', `There is no message ${String(before)}.`);
      return saved
        .slice(0, end)
        .filter((one) => conversationId === undefined || one.conversationId === conversationId)
        .filter(({ body }) => {
          const its = [...searchWords(body)];
          return words.every((wanted) => its.some((word) => word.startsWith(wanted)));
        })
        .slice(-limit)
        .reverse()
        .map(toMessage);
    });
  }
}

function insert(disk: MemoryDisk, message: Message): boolean {
  const key = `${message.author} ${message.id}`;
  if (disk.messages.has(key)) return false;
  disk.messages.set(key, { ...message, receiptDue: false });
  return true;
}

function ordered(disk: MemoryDisk, conversationId: string): Stored[] {
  return [...disk.messages.values()]
    .filter((one) => one.conversationId === conversationId)
    .sort(compareMessages);
}

function written(disk: MemoryDisk, conversationId: string): Stored[] {
  return ordered(disk, conversationId).filter(({ direction }) => direction === 'out');
}

// Where an incoming message has the id of an own one, the own one is meant.
function withId(all: readonly Stored[], id: string): Stored | undefined {
  return all.find((one) => one.id === id && one.direction === 'out') ?? all.find((one) => one.id === id);
}

function summary(disk: MemoryDisk, id: string): ConversationSummary {
  const all = ordered(disk, id);
  const last = all.at(-1);
  return {
    id,
    kind: 'direct',
    unread: all.filter((one) => one.direction === 'in' && one.state === 'delivered').length,
    queued: all.filter((one) => one.direction === 'out' && one.state === 'queued').length,
    lastClock: last?.clock ?? '',
    last: last === undefined ? null : toMessage(last),
  };
}

function isForward(from: string, to: string): boolean {
  if (to === 'failed') return from === 'queued';
  return from !== 'failed' && STATES.indexOf(to) > STATES.indexOf(from);
}

function toMessage(stored: Stored): Message {
  const { receiptDue: _, ...message } = stored;
  return { ...message };
}
