import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP relay on loopback that counts what passes. */
export class CountingRelay {
  /** Bytes since the start or {@link reset}, both directions. */
  bytes = 0;
  /** When the first of them passed, as `performance.now()`; infinity before that. */
  firstAt = Number.POSITIVE_INFINITY;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor(port: number, from: string) {
    this.#server = createServer({ noDelay: true }, (near) => {
      const far = connect({ host: '127.0.0.1', port, noDelay: true, localAddress: from });
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.on('data', (chunk: Buffer) => {
          this.firstAt = Math.min(this.firstAt, performance.now());
          this.bytes += chunk.length;
        });
        from.pipe(to);
        from.on('error', () => to.destroy());
        from.on('close', () => to.destroy());
      }
    });
  }

  static async before(port: number): Promise<CountingRelay> {
    const relay = new CountingRelay(port, '127.0.0.1');
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  /**
   * At the same port of another loopback address, from which it dials too: what either end remembers of
   * the other leads here, or nowhere.
   */
  static async beside(port: number, host: string): Promise<CountingRelay> {
    const relay = new CountingRelay(port, host);
    relay.#server.listen(port, host);
    await once(relay.#server, 'listening');
    return relay;
  }

  reset(): void {
    this.bytes = 0;
    this.firstAt = Number.POSITIVE_INFINITY;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }
}
