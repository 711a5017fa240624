import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A relay in front of a TCP server whose line can be cut. */
export class Relay {
  readonly #sockets = new Set<Socket>();
  #mode: 'open' | 'mute' | 'mute-write' | 'hold' | 'closed' = 'open';
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
        } else {
          if (this.#mode === 'mute-write' && isWrite(chunk, 'batches')) this.#mode = 'mute';
          server.write(chunk);
        }
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

  /** From the next write of a batch on, what the client sends arrives and the answers are lost. */
  muteFromWrite(): void {
    this.#mode = 'mute-write';
  }

  /** The next write to the collection does not get to the server, which seems to hang; nor does what follows it on its connection. */
  holdWrite(collection: 'batches' | 'watermarks' | 'peers'): void {
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
