import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newMessageId } from '@p2p-chat/shared';
import mongoose from 'mongoose';
import type { Message } from '../../chat-node/dist/chat/message.js';
import type { MessageRepository } from '../../chat-node/dist/chat/ports/message.repository.js';
import type { PeerRepository } from '../../chat-node/dist/chat/ports/peer.repository.js';
import type { MessageSearch } from '../../chat-node/dist/chat/ports/message-search.js';
import { MongoStorage } from '../../chat-node/dist/storage/old/mongo/mongo-storage.js';
import { SqliteStorage } from '../../chat-node/dist/storage/old/sqlite/sqlite-storage.js';

/** The other one of every message here. */
export const PEER = `${'p'.repeat(51)}a`;
const ME = `${'m'.repeat(51)}a`;

export interface OpenStore {
  readonly messages: MessageRepository;
  readonly peers: PeerRepository;
  readonly search: MessageSearch;
  close(): Promise<void>;
}

/** Opens the built store: SQLite at a path, MongoDB at a connection string, with the data directory of its profile. */
export function openStore(target: string, folder?: string): Promise<OpenStore> {
  if (!target.startsWith('mongodb')) return SqliteStorage.open({ file: target });
  return MongoStorage.open({ uri: target, ...(folder === undefined ? {} : { folder }) });
}

/** A message that was written here, with this number as its clock. */
export function outgoing(n: number, body = `message ${n}`): Message {
  return {
    id: newMessageId(Date.now()),
    conversationId: PEER,
    author: ME,
    direction: 'out',
    kind: 'text',
    body,
    clock: n.toString(16).padStart(16, '0'),
    sentAt: Date.now(),
    receivedAt: null,
    state: 'queued',
  };
}

/** A message that arrived, with this number as its clock. */
export function incoming(n: number): Message {
  return { ...outgoing(n), author: PEER, direction: 'in', receivedAt: Date.now(), state: 'delivered' };
}

/** A conversation from its start to its end, in pages. */
export async function wholeHistory(messages: MessageRepository): Promise<Message[]> {
  const all: Message[] = [];
  let page = await messages.history(PEER, { limit: 1_000 });
  while (page.length > 0) {
    all.unshift(...page);
    page = await messages.history(PEER, { before: page[0]?.id ?? '', limit: 1_000 });
  }
  return all;
}

/** A relay in front of a TCP server whose line can be cut. */
export class Relay {
  readonly #sockets = new Set<Socket>();
  #mode: 'open' | 'mute' | 'hold' | 'closed' = 'open';
  #heldCollection = '';
  /** What clients sent and the server does not have yet, with the connections that it goes over. */
  readonly #held = new Map<Socket, Buffer[]>();
  readonly #server: Server;

  private constructor(host: string, port: number) {
    this.#server = createServer((client) => {
      if (this.#mode === 'closed') return client.destroy();
      const server = connect(port, host);
      this.#sockets.add(client).add(server);
      client.on('data', (chunk: Buffer) => {
        const held = this.#held.get(server);
        if (held !== undefined) held.push(chunk);
        else if (this.#mode === 'hold' && isWrite(chunk, this.#heldCollection)) {
          this.#mode = 'open';
          this.#held.set(server, [chunk]);
        } else server.write(chunk);
      });
      server.on('data', (chunk) => this.#mode !== 'mute' && client.write(chunk));
      for (const [one, other] of [
        [client, server],
        [server, client],
      ] as const) {
        one.on('error', () => other.destroy());
        one.on('close', () => {
          this.#sockets.delete(one);
          if (!this.#held.has(other)) other.destroy();
        });
      }
      return undefined;
    });
  }

  static async before(host: string, port: number): Promise<Relay> {
    const relay = new Relay(host, port);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the relay does not listen');
    return address.port;
  }

  /** From now on, what the client sends arrives and the answers are lost. */
  mute(): void {
    this.#mode = 'mute';
  }

  /** The next write to the collection does not get to the server, which seems to hang; nor does what follows it on its connection. */
  holdWrite(collection: 'messages' | 'peers' = 'messages'): void {
    this.#mode = 'hold';
    this.#heldCollection = collection;
  }

  /**
   * Now the server gets what was held, as one does that was stopped in its
   * tracks and goes on: it answers, whether or not anybody still listens.
   */
  async letGo(): Promise<void> {
    const held = [...this.#held];
    this.#held.clear();
    await Promise.all(
      held.map(async ([server, chunks]) => {
        const answered = once(server, 'data');
        for (const chunk of chunks) server.write(chunk);
        await answered;
      }),
    );
  }

  /** Ends every connection and takes no new one. What is held stays so. */
  cut(): void {
    this.#mode = 'closed';
    for (const socket of this.#sockets) if (!this.#held.has(socket)) socket.destroy();
  }

  heal(): void {
    this.#mode = 'open';
  }

  async close(): Promise<void> {
    for (const server of this.#held.keys()) server.destroy();
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Whether bytes of a client of MongoDB begin to add to a collection or to change it. */
function isWrite(chunk: Buffer, collection: string): boolean {
  const isOne = chunk.includes('\x02insert\0') || chunk.includes('\x02update\0');
  return isOne && chunk.includes(`${collection}\0`);
}
