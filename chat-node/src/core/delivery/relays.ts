import type { Clock, Timer } from '@p2p-chat/shared';
import type { Conversation } from '../conversations/conversation.js';
import type { Exchange } from './exchange.js';

export interface RelaysParts {
  /** Own peer id. */
  self: string;
  clock: Clock;
  /** The exchanges of a group over all links. */
  exchanges: (conversation: Conversation) => Exchange[];
}

/** How long links that open one after the other are waited for, before somebody is asked to stand in for an author. */
const RELAY_DELAY_MS = 1_000;
/** How long after something has changed the ends compare what they hold. */
export const COMPARE_INTERVAL_MS = 60_000;

/**
 * Who passes on the feeds of those to whom there is no link: of each one member at a time is asked. After
 * whatever has changed, digests are compared: who is asked may lack what another one has, nobody is asked of
 * those who went, and one who is linked may tell each something else.
 */
export class Relays {
  /** By conversation and author. */
  readonly #asked = new Map<string, Map<string, Exchange>>();
  readonly #timers = new Map<string, Timer>();
  readonly #compare = new Map<string, Timer>();

  constructor(private readonly parts: RelaysParts) {}

  /** Links, the roster, or what somebody offers have changed. */
  changed(conversation: Conversation): void {
    const { id } = conversation;
    if (conversation.group === null) return;
    if (this.parts.exchanges(conversation).length === 0) {
      for (const timers of [this.#timers, this.#compare]) {
        timers.get(id)?.clear();
        timers.delete(id);
      }
      this.#asked.delete(id);
      return;
    }
    this.compareLater(conversation);
    if (this.#timers.has(id)) return;
    const links = this.parts.exchanges(conversation).length;
    const look = (): void => {
      this.#timers.delete(id);
      // Those whose links have not opened yet are likely to come: what two send crosses the wire twice.
      if (this.parts.exchanges(conversation).length > links) this.changed(conversation);
      else this.#look(conversation);
    };
    this.#timers.set(id, this.parts.clock.setTimeout(look, RELAY_DELAY_MS));
  }

  #look(conversation: Conversation): void {
    const { group, id } = conversation;
    const exchanges = this.parts.exchanges(conversation).filter(({ isActive }) => isActive);
    const linked = new Set(exchanges.map(({ peerId }) => peerId));
    const asked = this.#asked.get(id) ?? new Map<string, Exchange>();
    this.#asked.set(id, asked);
    const authors = (group?.authors() ?? []).filter((author) => author !== this.parts.self);
    authors.forEach((author, nth) => {
      const current = asked.get(author);
      if (current !== undefined && (linked.has(author) || !current.isActive)) {
        if (current.isActive) current.stopAsking(author);
        asked.delete(author);
      }
      if (linked.has(author)) return;
      const offering = exchanges.filter((exchange) => exchange.offers(author));
      const stays = asked.get(author);
      if (stays !== undefined && (offering.length === 0 || offering.includes(stays))) return;
      const spread = group?.isMember(author) === true ? exchanges[nth % exchanges.length] : undefined;
      const next = offering[nth % offering.length] ?? spread;
      if (next === undefined) return;
      stays?.stopAsking(author);
      asked.set(author, next);
      next.askFor(author);
    });
  }

  /** What this node holds of a group has changed, or may be other than what its members hold. */
  compareLater(conversation: Conversation): void {
    const { id } = conversation;
    if (this.#compare.has(id)) return;
    const compare = async (): Promise<void> => {
      this.#compare.delete(id);
      for (const exchange of this.parts.exchanges(conversation)) {
        exchange.tellDigest();
        // A digest of two hundred feeds takes a millisecond: messages go between them.
        await this.parts.clock.sleep(0);
      }
    };
    this.#compare.set(
      id,
      this.parts.clock.setTimeout(() => void compare(), COMPARE_INTERVAL_MS),
    );
  }
}
