import { blockCount, type BlockRequest } from '@p2p-chat/shared';
import type { BlobStore } from '../ports/blob.store.js';
import type { BlockHandler } from '../ports/block.transport.js';
import type { FileRecord } from './file-record.js';
import type { RateLimit } from './rate-limit.js';

export interface ServingParts {
  blobs: Pick<BlobStore, 'hashes' | 'block'>;
  /** Everyone in a conversation but oneself. */
  members: (conversation: string) => readonly string[];
  isBlocked: (peerId: string) => boolean;
  limit: RateLimit;
  onServed: (record: FileRecord) => void;
  onDone: (record: FileRecord, peerId: string) => void;
}

const NOTHING = new Uint8Array(0);

/**
 * Serves blocks of files to the members of a conversation that has them, and
 * to nobody else. Every other request gets the same answer.
 */
export class Serving implements BlockHandler {
  /** By conversation and root: the ids of the files, of which the first is taken. */
  readonly #files = new Map<string, Map<string, FileRecord>>();
  readonly #conversations = new Set<string>();
  /** By file and peer: which blocks were served. */
  readonly #served = new Map<string, Map<string, { blocks: Uint8Array; count: number }>>();

  constructor(private readonly parts: ServingParts) {}

  /** Adds a file, or takes note of what became of it. */
  add(record: FileRecord): void {
    const key = `${record.conversation} ${record.file.root}`;
    const known = this.#files.get(key) ?? new Map<string, FileRecord>();
    known.set(record.id, record);
    this.#files.set(key, known);
    this.#conversations.add(record.conversation);
  }

  admits(peerId: string): boolean {
    if (this.parts.isBlocked(peerId)) return false;
    return [...this.#conversations].some((id) => this.parts.members(id).includes(peerId));
  }

  async answer(
    peerId: string,
    { kind, conversation, root, index }: BlockRequest,
    into?: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array | null> {
    const { blobs, members, isBlocked, limit } = this.parts;
    if (isBlocked(peerId) || !members(conversation).includes(peerId)) return null;
    const records = [...(this.#files.get(`${conversation} ${root}`)?.values() ?? [])];
    const offered = records.filter(({ problem }) => problem?.code !== 'file-withdrawn');
    const [record] = offered;
    if (record === undefined) return null;
    if (kind === 'hashes') return blobs.hashes(root);
    if (kind === 'done') {
      for (const one of offered) this.parts.onDone(one, peerId);
      return NOTHING;
    }
    for (const one of offered) {
      const block = await blobs.block(one.file, one.source, index, into);
      if (block === null) continue;
      await limit.pass(block.length);
      this.#note(one, peerId, index);
      return block;
    }
    return null;
  }

  /** How much of a file the one has who has got most from here: 0 to 1. */
  progress({ id, file }: FileRecord): number {
    const all = blockCount(file.size);
    if (all === 0) return 0;
    return Math.max(0, ...[...(this.#served.get(id)?.values() ?? [])].map(({ count }) => count / all));
  }

  #note(record: FileRecord, peerId: string, index: number): void {
    const peers = this.#served.get(record.id) ?? new Map<string, { blocks: Uint8Array; count: number }>();
    this.#served.set(record.id, peers);
    const served = peers.get(peerId) ?? { blocks: new Uint8Array(blockCount(record.file.size)), count: 0 };
    peers.set(peerId, served);
    if (served.blocks[index] === 1) return;
    served.blocks[index] = 1;
    served.count += 1;
    this.parts.onServed(record);
  }
}
