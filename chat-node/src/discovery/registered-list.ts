import { MAX_DISCOVERY_ENTRIES } from '@p2p-chat/shared';
import type { ListChanges } from './registry-events.js';

/** The signed entries of one service as far as they were told, by what they say is their peer id. Nothing is checked. */
export class RegisteredList {
  readonly #entries = new Map<string, unknown>();
  #cursor: string | null = null;

  /** Where the list stands; null where it is not known. */
  get cursor(): string | null {
    return this.#cursor;
  }

  get entries(): unknown[] {
    return [...this.#entries.values()];
  }

  /** Takes over changes, up to as many entries as a list may have. */
  apply({ cursor, reset, present, left }: ListChanges): void {
    this.#cursor = cursor;
    if (reset) this.#entries.clear();
    for (const entry of left) {
      const peerId = peerIdOf(entry);
      if (peerId !== null) this.#entries.delete(peerId);
    }
    for (const entry of present) {
      const peerId = peerIdOf(entry);
      if (peerId === null) continue;
      if (this.#entries.size < MAX_DISCOVERY_ENTRIES || this.#entries.has(peerId)) {
        this.#entries.set(peerId, entry);
      }
    }
  }
}

function peerIdOf(entry: unknown): string | null {
  if (typeof entry !== 'object' || entry === null) return null;
  const { PEER_ID } = entry as { PEER_ID?: unknown };
  return typeof PEER_ID === 'string' ? PEER_ID : null;
}
