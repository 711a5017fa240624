import { Duplex } from 'node:stream';
import { type Clock } from '../clock.js';

export interface MemoryDuplexOptions {
  /** With `delayMs`, chunks arrive after that much time of this clock. */
  clock?: Clock;
  delayMs?: number;
  /** Largest chunk that arrives; 1 splits every byte. */
  maxChunk?: number;
}

/** What a test does to the line between two ends. */
export interface MemoryLine {
  /** From now on, bytes are accepted and lost, in both directions. */
  drop(): void;
  /** From now on, nothing is accepted: writers see back-pressure. */
  block(): void;
  /** Ends `drop` and `block`; what was blocked arrives. */
  heal(): void;
  /** Both ends see a broken connection. */
  cut(): void;
}

type Mode = 'open' | 'drop' | 'block';

class End extends Duplex {
  peer!: End;
  readonly #held: (() => void)[] = [];

  constructor(
    private readonly line: { mode: Mode },
    private readonly options: MemoryDuplexOptions,
  ) {
    super({ allowHalfOpen: false });
  }

  override _read(): void {
    // Chunks are pushed when they arrive.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.line.mode === 'block') {
      this.#held.push(() => this._write(chunk, _encoding, done));
      return;
    }
    if (this.line.mode === 'open') this.#arrive(() => this.peer.#take(chunk));
    done();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#arrive(() => this.peer.push(null));
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#arrive(() => {
      if (!this.peer.destroyed) this.peer.destroy();
    });
    done(error);
  }

  release(): void {
    for (const write of this.#held.splice(0)) write();
  }

  #arrive(run: () => void): void {
    const { clock, delayMs = 0 } = this.options;
    if (clock !== undefined && delayMs > 0) clock.setTimeout(run, delayMs);
    else setImmediate(run);
  }

  #take(chunk: Buffer): void {
    if (this.destroyed || this.readableEnded) return;
    const size = this.options.maxChunk ?? chunk.length;
    for (let at = 0; at < chunk.length; at += size) this.push(chunk.subarray(at, at + size));
  }
}

/** Two connected in-memory streams, and the line between them. */
export function memoryDuplexPair(options: MemoryDuplexOptions = {}): {
  a: Duplex;
  b: Duplex;
  line: MemoryLine;
} {
  const state: { mode: Mode } = { mode: 'open' };
  const a = new End(state, options);
  const b = new End(state, options);
  a.peer = b;
  b.peer = a;
  const line: MemoryLine = {
    drop: () => (state.mode = 'drop'),
    block: () => (state.mode = 'block'),
    heal: () => {
      state.mode = 'open';
      a.release();
      b.release();
    },
    cut: () => {
      const reset = Object.assign(new Error('connection reset'), { code: 'ECONNRESET' });
      a.destroy(reset);
      b.destroy(reset);
    },
  };
  return { a, b, line };
}
