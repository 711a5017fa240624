import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP relay in front of an HTTP server that notes when each request came, also while the server is away. */
export class RequestTap {
  /** `PUT /` and the like, each with its time in milliseconds of the monotonic clock. */
  readonly requests: { at: number; line: string }[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect({ host: '127.0.0.1', port });
      near.on('data', (chunk: Buffer) => this.#note(chunk));
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.pipe(to);
        from.on('error', () => to.destroy());
        from.on('close', () => {
          this.#sockets.delete(from);
          to.destroy();
        });
      }
    });
  }

  /** @param port of the server */
  static async before(port: number): Promise<RequestTap> {
    const tap = new RequestTap(port);
    tap.#server.listen(0, '127.0.0.1');
    await once(tap.#server, 'listening');
    return tap;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  // A client waits for its answer before it asks again, so a request begins a chunk.
  #note(chunk: Buffer): void {
    const line = /^([A-Z]+ \S+) HTTP\/1\.1\r\n/.exec(chunk.toString('latin1', 0, 256))?.[1];
    if (line !== undefined) this.requests.push({ at: performance.now(), line });
  }
}
