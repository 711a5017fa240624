import {
  BLOCK_BYTES,
  BLOCK_HASH_BYTES,
  blockCount,
  blockLength,
  fileRoot,
  type Sha256,
} from '@p2p-chat/shared';
import type { BlobStore, Part } from '../ports/blob.store.js';
import type { BlockConnection, BlockTransport } from '../ports/block.transport.js';
import type { PeerAddress } from '../peers/peer.js';
import type { FileRecord } from './file-record.js';
import type { RateLimit } from './rate-limit.js';

export interface FetchParts {
  blobs: Pick<BlobStore, 'hashes' | 'part' | 'discard'>;
  blocks: Pick<BlockTransport, 'open'>;
  sha256: Sha256;
  /** 0 to 1, as Math.random. */
  random: () => number;
  limit: RateLimit;
  /** Blocks have come, or are there already. */
  onProgress: (bytes: number) => void;
}

/** Somebody who may have the file. */
export interface FileSource {
  peerId: string;
  addresses: readonly PeerAddress[];
}

/** What an attempt came to: all blocks are there, nobody who was asked has more of them, or nobody was reached. */
export type FetchOutcome = 'whole' | 'absent' | 'unreached';

/** What is asked of one member at a time. */
interface Visit {
  /** Blocks that may be asked for. */
  left: number;
  /** Blocks in a row that were not there. */
  absent: number;
  /** From the first to the last; otherwise at random, so that members have different ones for each other. */
  inOrder: boolean;
}

/** Visits after which a member who had nothing new is left out: at first nobody has anything. */
const MAX_VISITS_IN_VAIN = 3;
/** Requests that are open at a time, each with a buffer: they fill a fast wire, and bound the memory. */
const LANES = 4;
/** Blocks in a row that a member does not have, before the next one is asked. */
const MAX_ABSENT = 64;
/** A cut loses what is asked for at that moment: no more than one block and this share of the file. */
const SHARE_IN_FLIGHT = 0.01;

/**
 * Fetches the blocks of one file, from one member after the other until it is
 * whole. A member who gave a wrong block is never asked for this file again.
 */
export class Fetch {
  /** Who gave what is not of the file. */
  readonly liars = new Set<string>();
  #part: Part | null = null;
  #visited: { peerId: string; address: PeerAddress | undefined; connection: BlockConnection } | null = null;

  constructor(
    private readonly record: FileRecord,
    private readonly parts: FetchParts,
  ) {}

  /** The file, once its hashes are known. */
  get part(): Part | null {
    return this.#part;
  }

  /**
   * Asks each of these for what is missing. Where there are others beside the
   * author, each is asked in turn, the author for a share of the file at a time:
   * members who fetch it at the same time get most of it from each other.
   * @param onConnected somebody answers
   * @throws {BlobError} where the disk does not take it
   */
  async attempt(
    sources: readonly FileSource[],
    onConnected: () => void,
    signal: AbortSignal,
  ): Promise<FetchOutcome> {
    await this.#openKnown();
    const { author, file } = this.record;
    let others = this.#shuffled(sources.filter(({ peerId }) => peerId !== author));
    const authors = sources.filter(({ peerId }) => peerId === author);
    const gaveNothing = new Map<string, number>();
    let wasReached = false;
    for (let gained = true; gained && !this.#isWhole();) {
      const before = this.#count;
      const share = others.length === 0 ? Infinity : Math.ceil(blockCount(file.size) / (others.length + 1));
      for (const source of [...others, ...authors]) {
        if (this.#isWhole()) break;
        const had = this.#count;
        const isAuthor = source.peerId === author;
        const visit = { left: isAuthor ? share : Infinity, absent: 0, inOrder: others.length === 0 };
        if (await this.#visit(source, visit, onConnected, signal)) wasReached = true;
        if (this.#count === had) gaveNothing.set(source.peerId, (gaveNothing.get(source.peerId) ?? 0) + 1);
        else gaveNothing.delete(source.peerId);
      }
      others = others.filter(({ peerId }) => (gaveNothing.get(peerId) ?? 0) < MAX_VISITS_IN_VAIN);
      gained = this.#count > before;
    }
    if (this.#isWhole()) return 'whole';
    return wasReached ? 'absent' : 'unreached';
  }

  /** Waits no longer for who went away, or is to be reached elsewhere: a line that is dead is silent. */
  look(sources: readonly FileSource[]): void {
    if (this.#visited === null) return;
    const { peerId, address, connection } = this.#visited;
    const now = sources.find((one) => one.peerId === peerId)?.addresses[0];
    if (now?.host !== address?.host || now?.port !== address?.port) connection.close();
  }

  /** @returns whether somebody answered */
  async #visit(
    { peerId, addresses }: FileSource,
    visit: Visit,
    onConnected: () => void,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (this.liars.has(peerId)) return false;
    signal.throwIfAborted();
    let connection: BlockConnection;
    try {
      connection = await this.parts.blocks.open(peerId, addresses, signal);
    } catch {
      // The next one may be reached.
      return false;
    }
    const stop = (): void => connection.close();
    signal.addEventListener('abort', stop, { once: true });
    this.#visited = { peerId, address: addresses[0], connection };
    try {
      onConnected();
      await this.#fetchFrom(peerId, connection, visit);
    } finally {
      this.#visited = null;
      signal.removeEventListener('abort', stop);
      connection.close();
    }
    signal.throwIfAborted();
    return true;
  }

  async close(): Promise<void> {
    await this.#part?.close();
    this.#part = null;
  }

  #isWhole(): boolean {
    return this.#part !== null && this.#count === blockCount(this.record.file.size);
  }

  get #count(): number {
    return this.#part?.count ?? 0;
  }

  #shuffled<T>(list: readonly T[]): T[] {
    return list
      .map((one) => ({ one, place: this.parts.random() }))
      .sort((a, b) => a.place - b.place)
      .map(({ one }) => one);
  }

  /** Opens the file where its hashes are known from before, or are none. */
  async #openKnown(): Promise<void> {
    if (this.#part !== null) return;
    const { size, root } = this.record.file;
    const hashes = size === 0 ? new Uint8Array(0) : await this.parts.blobs.hashes(root);
    if (hashes !== null && this.#areRight(hashes)) await this.#open(hashes);
  }

  async #open(hashes: Uint8Array): Promise<void> {
    this.#part = await this.parts.blobs.part(this.record.file, hashes);
    this.#tell();
  }

  #areRight(hashes: Uint8Array): boolean {
    const { size, root } = this.record.file;
    return (
      hashes.length === blockCount(size) * BLOCK_HASH_BYTES &&
      fileRoot(size, hashes, this.parts.sha256) === root
    );
  }

  async #fetchFrom(peerId: string, connection: BlockConnection, visit: Visit): Promise<void> {
    const { conversation, file } = this.record;
    const { root, size } = file;
    if (this.#part === null) {
      const hashes = await connection
        .request({ kind: 'hashes', conversation, root, index: 0 }, blockCount(size) * BLOCK_HASH_BYTES)
        .catch(() => null);
      if (hashes === null) return;
      if (!this.#areRight(hashes)) return void this.liars.add(peerId);
      await this.#open(hashes);
    }
    const missing = this.#missing(visit);
    const lanes = Array.from({ length: lanesFor(blockCount(size)) }, () =>
      this.#lane(peerId, connection, visit, missing),
    );
    // All of them end before the file is used otherwise; the first error counts.
    const ended = await Promise.allSettled(lanes);
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
  }

  async #lane(
    peerId: string,
    connection: BlockConnection,
    visit: Visit,
    missing: Iterator<number>,
  ): Promise<void> {
    const { conversation, file } = this.record;
    let buffer: ArrayBuffer | null = null;
    for (let next = missing.next(); next.done !== true; next = missing.next()) {
      const length = blockLength(file.size, next.value);
      await this.parts.limit.pass(length);
      let bytes: Uint8Array<ArrayBuffer> | null;
      try {
        const request = { kind: 'block', conversation, root: file.root, index: next.value } as const;
        buffer ??= new ArrayBuffer(Math.min(file.size, BLOCK_BYTES));
        bytes = await connection.request(request, length, new Uint8Array(buffer));
      } catch {
        // The connection broke, or was closed: another attempt goes on from here.
        return;
      }
      if (bytes === null) {
        visit.absent += 1;
        continue;
      }
      visit.absent = 0;
      let isRight: boolean;
      try {
        const written = await this.#part?.write(next.value, bytes);
        isRight = written?.isRight ?? false;
        buffer = written?.buffer ?? null;
      } catch (error) {
        connection.close();
        throw error;
      }
      if (!isRight) {
        this.liars.add(peerId);
        return connection.close();
      }
      this.#tell();
    }
  }

  *#missing(visit: Visit): Generator<number, void, void> {
    const all = Array.from({ length: blockCount(this.record.file.size) }, (_, index) => index);
    for (const index of visit.inOrder ? all : this.#shuffled(all)) {
      if (visit.left <= 0 || (!visit.inOrder && visit.absent >= MAX_ABSENT)) return;
      if (this.#part?.has(index) !== false) continue;
      visit.left -= 1;
      yield index;
    }
  }

  #tell(): void {
    const { size } = this.record.file;
    const { count } = this.#part ?? { count: 0 };
    const blocks = blockCount(size);
    this.parts.onProgress(blocks === 0 ? 0 : Math.min(size, Math.round((count / blocks) * size)));
  }
}

function lanesFor(blocks: number): number {
  return Math.min(LANES, 1 + Math.floor(blocks * SHARE_IN_FLIGHT));
}
