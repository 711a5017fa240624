import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mongoPlace, type Place } from './places.ts';

const server = process.env['MONGODB_URI_TEST'];

/** What a test runs on, for `describe.each`: a name, the store, and whether there is none. */
export const NODE_STORES = [
  ['SQLite', 'sqlite', false],
  ['MongoDB (set MONGODB_URI_TEST)', 'mongodb', server === undefined],
] as const;

/** Empty stores for the nodes of a test. */
export class NodeStores {
  readonly #kind: 'sqlite' | 'mongodb';
  readonly #places: Place[] = [];
  #socket: ServerSocket | null = null;

  constructor(kind: 'sqlite' | 'mongodb') {
    this.#kind = kind;
  }

  /** @returns the environment of a node on an empty store of its own */
  async env(): Promise<Record<string, string>> {
    if (this.#kind === 'sqlite') return {};
    const place = await mongoPlace(server ?? '');
    this.#places.push(place);
    return { MONGODB_URI: place.target };
  }

  /** As {@link env}, for a node in a network of its own: a socket in the file system leads out of it. */
  async envOfHost(): Promise<Record<string, string>> {
    const { MONGODB_URI: uri } = await this.env();
    if (uri === undefined) return {};
    const { host, pathname } = new URL(uri);
    this.#socket ??= await ServerSocket.before(host);
    return { MONGODB_URI: `mongodb://${encodeURIComponent(this.#socket.path)}${pathname}` };
  }

  /** Removes them. Their nodes have to be stopped. */
  async dispose(): Promise<void> {
    for (const place of this.#places.splice(0)) await place.dispose();
    await this.#socket?.close();
    this.#socket = null;
  }
}

/** A socket in the file system in front of a TCP server. */
class ServerSocket {
  readonly path = join(tmpdir(), `p2p-chat-${randomUUID().slice(0, 8)}.sock`);
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor(host: string, port: number) {
    this.#server = createServer((client) => {
      const upstream = connect(port, host);
      client.pipe(upstream).pipe(client);
      for (const [one, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        this.#sockets.add(one);
        one.on('error', () => other.destroy());
        one.on('close', () => this.#sockets.delete(one));
      }
    });
  }

  /** @param host with its port */
  static async before(host: string): Promise<ServerSocket> {
    const { hostname, port } = new URL(`tcp://${host}`);
    const socket = new ServerSocket(hostname, Number(port));
    await new Promise<void>((resolve) => socket.#server.listen(socket.path, resolve));
    return socket;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.path, { force: true });
  }
}
