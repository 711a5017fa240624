import type { Socket } from 'node:net';
import { type Clock, plainAddress, systemInterfaces, type Timer } from '@p2p-chat/shared';

/** How often the machine's addresses are looked at: the system tells nobody here. */
const LOOK_MS = 1_000;

/**
 * Ends connections whose own address the machine has lost. Nothing that is
 * sent on them arrives any more, and without this it would take until
 * LINK_DEAD_MS to notice.
 */
export class AddressWatch {
  readonly #sockets = new Set<Socket>();
  #timer: Timer | undefined;
  #known = '';

  constructor(
    private readonly clock: Clock,
    private readonly ownAddresses: () => readonly string[] = allAddresses,
  ) {}

  /** Watches over a connection until it closes. */
  add(socket: Socket): void {
    if (socket.destroyed) return;
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.stop();
    });
    this.#timer ??= this.clock.setTimeout(() => this.#look(), LOOK_MS);
  }

  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  #look(): void {
    this.#timer = this.clock.setTimeout(() => this.#look(), LOOK_MS);
    const own = new Set(this.ownAddresses());
    const now = [...own].sort().join();
    if (now === this.#known) return;
    this.#known = now;
    for (const socket of this.#sockets) {
      const local = plainAddress((socket.localAddress ?? '').replace(/%.*$/, ''));
      if (local !== '' && !own.has(local)) socket.destroy(addressLost(local));
    }
  }
}

function addressLost(address: string): Error {
  return Object.assign(new Error(`This machine no longer has the address ${address}.`), {
    code: 'EADDRNOTAVAIL',
  });
}

function allAddresses(): string[] {
  return Object.values(systemInterfaces.read()).flatMap((infos = []) => infos.map(({ address }) => address));
}
