import { Backoff, type BackoffPolicy, type Clock } from '@p2p-chat/shared';
import type { AttachedNode } from './attached-node.js';

/** A node that crashed may crash again: it must not be started in a tight loop. */
const RESTART: BackoffPolicy = { initialMs: 500, maxMs: 30_000, factor: 2, jitter: 0.3 };

/** Keeps a node running for as long as the console is open: one that crashed is started again. */
export class NodeKeeper {
  #node: AttachedNode | undefined;
  #keeping: Promise<void> = Promise.resolve();
  readonly #released = new AbortController();

  private constructor(
    private readonly startNode: () => Promise<AttachedNode>,
    private readonly clock: Clock,
  ) {}

  /**
   * Starts the node.
   * @throws {P2pChatError} where it could not start
   */
  static async start(startNode: () => Promise<AttachedNode>, clock: Clock): Promise<NodeKeeper> {
    const keeper = new NodeKeeper(startNode, clock);
    keeper.#node = await startNode();
    keeper.#keeping = keeper.keep(keeper.#node);
    return keeper;
  }

  /** Resolves when the node is kept no longer: it was released, or told to end by a logout. */
  get ended(): Promise<void> {
    return this.#keeping;
  }

  /** Lets the node end by itself, and waits until it has. */
  async release(): Promise<void> {
    this.#released.abort();
    await this.#keeping;
    await this.#node?.release();
  }

  private async keep(first: AttachedNode): Promise<void> {
    const backoff = new Backoff(RESTART);
    const released = new Promise<'released'>((resolve) =>
      this.#released.signal.addEventListener('abort', () => resolve('released')),
    );
    let node: AttachedNode | undefined = first;
    for (;;) {
      const end: number | null | 'released' =
        node === undefined ? null : await Promise.race([node.exited, released]);
      // It was told to end, by a logout: that is meant.
      if (end === 'released' || end === 0) return;
      await this.clock.sleep(backoff.next(), this.#released.signal);
      if (this.#released.signal.aborted) return;
      // A node that cannot start says so in its log; the console says that it is away.
      node = await this.startNode().catch(() => undefined);
      this.#node = node;
    }
  }
}
