import { idAt, MESSAGE_ID_LENGTH, splitIds, WINDOW_BYTES, WINDOW_MESSAGES } from '@p2p-chat/shared';
import type { MessageRun } from './message-run.js';

interface Sent {
  ids: string;
  count: number;
  bytes: number;
  /** Ids that were settled before others of the run. */
  settled: Set<string> | null;
}

/**
 * Runs that were sent and not acked: the window. Acks come in order and for
 * whole runs, so a run is one entry and its ack one comparison; only where one
 * comes otherwise are ids looked up one by one.
 */
export class InFlight {
  /** In the order in which they were sent. */
  readonly #sent = new Set<Sent>();
  #messages = 0;
  #bytes = 0;
  /** Where an id is; made when an ack comes out of order, and kept until nothing is in flight. */
  #index: Map<string, Sent> | null = null;

  get isEmpty(): boolean {
    return this.#sent.size === 0;
  }

  /** Whether the window allows this run; a window that is empty allows any. */
  hasRoomFor(run: MessageRun): boolean {
    if (this.isEmpty) return true;
    return this.#messages + run.count <= WINDOW_MESSAGES && this.#bytes < WINDOW_BYTES;
  }

  add(run: MessageRun): void {
    const sent: Sent = {
      ids: run.ids,
      count: run.count,
      bytes: Buffer.byteLength(run.bodies),
      settled: null,
    };
    this.#sent.add(sent);
    this.#messages += sent.count;
    this.#bytes += sent.bytes;
    if (this.#index !== null) addTo(this.#index, sent);
  }

  has(id: string): boolean {
    const sent = this.#lookUp(id);
    return sent !== undefined && sent.settled?.has(id) !== true;
  }

  /**
   * Takes messages out of the window.
   * @param ids one after the other
   * @returns those that were in it, one after the other
   */
  settle(ids: string): string {
    let ours = '';
    for (let at = 0; at < ids.length;) {
      const first = this.#sent.values().next().value;
      if (first !== undefined && first.settled === null && ids.startsWith(first.ids, at)) {
        this.#remove(first);
        ours += first.ids;
        at += first.ids.length;
      } else {
        const id = idAt(ids, at / MESSAGE_ID_LENGTH);
        if (this.#settleOne(id)) ours += id;
        at += MESSAGE_ID_LENGTH;
      }
    }
    return ours;
  }

  #settleOne(id: string): boolean {
    const sent = this.#lookUp(id);
    if (sent === undefined) return false;
    sent.settled ??= new Set();
    if (sent.settled.has(id)) return false;
    sent.settled.add(id);
    // Its bytes are counted until all of the run is settled: the window is never wider than it may be.
    if (sent.settled.size === sent.count) this.#remove(sent);
    return true;
  }

  #remove(sent: Sent): void {
    this.#sent.delete(sent);
    this.#messages -= sent.count;
    this.#bytes -= sent.bytes;
    if (this.isEmpty) this.#index = null;
    else if (this.#index !== null) for (const id of splitIds(sent.ids)) this.#index.delete(id);
  }

  #lookUp(id: string): Sent | undefined {
    if (this.#index === null) {
      this.#index = new Map();
      for (const sent of this.#sent) addTo(this.#index, sent);
    }
    return this.#index.get(id);
  }
}

function addTo(index: Map<string, Sent>, sent: Sent): void {
  for (const id of splitIds(sent.ids)) index.set(id, sent);
}
