import { idAt, MESSAGE_ID_LENGTH } from '@p2p-chat/shared/message-id';
import { clockAt, lastClock, type MessageRun } from '../../../chat/message-run.js';

/** Ids and clocks of messages in the order in which their acks come. */
export type Stretch = Pick<MessageRun, 'ids' | 'clocks' | 'count'>;

/** What is known of one conversation. */
interface Known {
  stretches: Stretch[];
  /** How many of the first stretch are dealt with. */
  taken: number;
  /** Whether nothing is queued after the last stretch. */
  whole: boolean;
  /** Ids in the stretches that were dealt with out of order. */
  settled: Set<string>;
}

/** Ids that are held for all conversations together, about 100 bytes each. */
const MAX_HELD = 65_536;

/**
 * The messages whose acks come next, for each conversation: where an ack is
 * the next one, the conversation's mark moves and no row is touched. A cache:
 * what is not here is loaded again.
 */
export class PendingAcks {
  readonly #known = new Map<number, Known>();
  #held = 0;

  /** Whether it is known which ack of the conversation comes next. */
  knows(conversation: number): boolean {
    return this.#known.has(conversation);
  }

  /**
   * What is queued in a conversation.
   * @param whole whether that is all of it
   */
  start(conversation: number, stretch: Stretch, whole: boolean): void {
    this.forget(conversation);
    if (this.#held + stretch.count > MAX_HELD) this.clear();
    this.#held += stretch.count;
    const stretches = stretch.count > 0 ? [stretch] : [];
    this.#known.set(conversation, { stretches, taken: 0, whole, settled: new Set() });
  }

  /** These are queued after all others of the conversation; of a run, its bodies are not kept. */
  add(conversation: number, { ids, clocks, count }: Stretch): void {
    const known = this.#known.get(conversation);
    if (known === undefined) return;
    // What is too much is looked up when its turn comes.
    known.whole &&= this.#held + count <= MAX_HELD;
    if (!known.whole) return;
    known.stretches.push({ ids, clocks, count });
    this.#held += count;
  }

  /** This one was dealt with, not by {@link take}. */
  settle(conversation: number, id: string): void {
    this.#known.get(conversation)?.settled.add(id);
  }

  /**
   * Takes acks as far as they are the next ones.
   * @param ids the acked ids, one after the other
   * @param from the place of the first of them that counts
   * @returns how many were the next ones, and the clock of the last of these
   */
  take(conversation: number, ids: string, from: number): { count: number; clock: string } {
    const known = this.#known.get(conversation);
    const total = ids.length / MESSAGE_ID_LENGTH;
    let [count, clock] = [0, ''];
    for (
      let next = known?.stretches[0];
      known !== undefined && next !== undefined;
      next = known.stretches[0]
    ) {
      // Mostly a whole stretch is acked, as it was sent.
      const isWhole = known.taken === 0 && known.settled.size === 0;
      if (isWhole && ids.startsWith(next.ids, (from + count) * MESSAGE_ID_LENGTH)) {
        count += next.count;
        clock = lastClock(next);
        known.stretches.shift();
        this.#held -= next.count;
        continue;
      }
      if (known.settled.size === 0 || !known.settled.delete(idAt(next.ids, known.taken))) {
        const isNext =
          from + count < total &&
          next.ids.startsWith(idAt(ids, from + count), known.taken * MESSAGE_ID_LENGTH);
        if (!isNext) break;
        count += 1;
        clock = clockAt(next, known.taken);
      }
      known.taken += 1;
      if (known.taken < next.count) continue;
      known.stretches.shift();
      known.taken = 0;
      this.#held -= next.count;
    }
    if (known?.stretches.length === 0 && !known.whole) this.#known.delete(conversation);
    return { count, clock };
  }

  /** Forgets one conversation. */
  forget(conversation: number): void {
    for (const { count } of this.#known.get(conversation)?.stretches ?? []) this.#held -= count;
    this.#known.delete(conversation);
  }

  /** Forgets all. */
  clear(): void {
    this.#known.clear();
    this.#held = 0;
  }
}
