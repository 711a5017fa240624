import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { LineFault } from './plan.ts';

/** Up to so many bytes of a chunk leave one by one; what is larger, in pieces of {@link SPLIT_PIECE_BYTES}. */
const SPLIT_EVERY_BYTE_UP_TO = 4_096;
const SPLIT_PIECE_BYTES = 16;
/** How late everything arrives on a line with a delay, in milliseconds. */
const DELAY_MS = 40;

export interface LineEnds {
  /** Where dials arrive. */
  listen: { host: string; port: number };
  /** Where they are handed on to. */
  to: { host: string; port: number };
  /** The address that the far end sees. */
  from: string;
}

/** Who sent something: who dialled, or who was dialled. */
export type LineEnd = 'dialler' | 'listener';

/** A TCP relay in front of a node's gateway that fails in the ways in which networks fail. */
export class UnreliableLine {
  readonly #sockets = new Set<Socket>();
  readonly #dialled = new Set<Socket>();
  readonly #server: Server;
  readonly #ends: LineEnds;
  #fault: LineFault = 'open';
  /** Who waits to hear of the next bytes from either end. */
  readonly #waiting: Record<LineEnd, Set<() => void>> = { dialler: new Set(), listener: new Set() };

  private constructor(ends: LineEnds) {
    this.#ends = ends;
    this.#server = createServer((near) => this.#relay(near));
  }

  static async open(ends: LineEnds): Promise<UnreliableLine> {
    const line = new UnreliableLine(ends);
    line.#server.listen(ends.listen);
    await once(line.#server, 'listening');
    return line;
  }

  /** From now on the line does this, to what is open and to what is dialled. */
  set fault(fault: LineFault) {
    this.#fault = fault;
    if (fault === 'half-close') for (const socket of this.#sockets) socket.end();
    if (fault === 'refuse') this.cut();
    for (const socket of this.#sockets) {
      if (fault === 'stall') socket.pause();
      else socket.resume();
    }
  }

  /** Connections from diallers that are open. */
  get dials(): number {
    return this.#dialled.size;
  }

  /** Ends every connection at once, whatever is on its way. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Calls back once, when bytes from this end have been handed on. @returns what takes that back */
  onceFrom(end: LineEnd, callback: () => void): () => void {
    this.#waiting[end].add(callback);
    return () => this.#waiting[end].delete(callback);
  }

  async close(): Promise<void> {
    this.#server.close();
    this.cut();
    await once(this.#server, 'close');
  }

  #relay(near: Socket): void {
    if (this.#fault === 'refuse') {
      near.destroy();
      return;
    }
    this.#dialled.add(near);
    near.once('close', () => this.#dialled.delete(near));
    const far = connect({ ...this.#ends.to, localAddress: this.#ends.from });
    this.#join(near, far, 'dialler');
    this.#join(far, near, 'listener');
    if (this.#fault === 'stall') for (const socket of [near, far]) socket.pause();
  }

  /** Hands what comes from one on to the other; nothing where the line swallows this direction. */
  #join(from: Socket, to: Socket, end: LineEnd): void {
    const swallow: LineFault = end === 'dialler' ? 'swallow-requests' : 'swallow-answers';
    /** Chunks that are held back: what comes after them waits as well, or it would overtake them. */
    let late = 0;
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on('data', (chunk: Buffer) => {
      if (this.#fault === swallow) return;
      if (this.#fault === 'delay' || late > 0) {
        late += 1;
        // Timers of the same length run in the order in which they were set.
        setTimeout(() => {
          late -= 1;
          if (to.writable) to.write(chunk);
        }, DELAY_MS);
        return;
      }
      if (this.#fault === 'split') writeSplit(to, chunk);
      else to.write(chunk);
      for (const tell of this.#waiting[end]) tell();
      this.#waiting[end].clear();
      if (!to.writableNeedDrain) return;
      from.pause();
      to.once('drain', () => this.#fault !== 'stall' && from.resume());
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}

function writeSplit(to: Socket, chunk: Buffer): void {
  const size = chunk.length <= SPLIT_EVERY_BYTE_UP_TO ? 1 : SPLIT_PIECE_BYTES;
  for (let at = 0; at < chunk.length; at += size) to.write(chunk.subarray(at, at + size));
}
