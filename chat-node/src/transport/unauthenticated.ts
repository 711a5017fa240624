import { MAX_UNAUTHENTICATED, MAX_UNAUTHENTICATED_PER_ADDRESS } from '@p2p-chat/shared';

/** Counts the connections that have not said who they are, in all and by address. */
export class UnauthenticatedConnections {
  readonly #byAddress = new Map<string, number>();
  #total = 0;

  /** Takes a place. @returns false where none is free; then there is nothing to leave */
  enter(address: string): boolean {
    const count = this.#byAddress.get(address) ?? 0;
    if (this.#total >= MAX_UNAUTHENTICATED || count >= MAX_UNAUTHENTICATED_PER_ADDRESS) return false;
    this.#byAddress.set(address, count + 1);
    this.#total += 1;
    return true;
  }

  /** Gives the place back. */
  leave(address: string): void {
    const count = this.#byAddress.get(address) ?? 0;
    if (count <= 1) this.#byAddress.delete(address);
    else this.#byAddress.set(address, count - 1);
    this.#total -= 1;
  }
}
