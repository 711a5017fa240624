import { collectDefaultMetrics, Counter, Gauge, Registry } from '@prometheus-io/client';
import type { Chat } from '../core/chat.js';
import type { ChatEvents } from '../core/events.js';

const NAMES = 'p2p_chat_node_';
type Labels = Record<string, string>;

/** What the node counts, for Prometheus. It says nothing of who writes to whom. */
export class NodeMetrics {
  readonly #registry = new Registry();

  constructor(chat: Chat, events: ChatEvents) {
    const messages = { in: 0, out: 0 };
    events.subscribe((event) => {
      if (event.type !== 'messages') return;
      const { batch } = event.kept;
      messages[batch.author === chat.self ? 'out' : 'in'] += batch.count;
    });
    const gauge = (name: string, help: string, read: () => number | Promise<number>): void =>
      this.#gauge(name, help, [], async () => [[{}, await read()]]);
    gauge('links', 'Open links to peers.', () => chat.peers.links);
    gauge('peers_online', 'Peers that are online.', () => chat.peers.list(false).length);
    gauge('outbox_queued', 'Messages written here that were not delivered.', () => chat.list.queued());
    gauge('requests', 'Strangers who wait to be accepted or blocked.', () => chat.requests.count);
    gauge('key_alarms', 'Other keys under the name of somebody known.', () => chat.peers.keyAlarms);
    gauge('storage_up', 'Whether messages can be saved: 1 or 0.', () => Number(chat.storageProblem === null));
    this.#gauge('discovery_up', 'Whether a way to find peers works: 1 or 0.', ['source'], () =>
      chat
        .discoveryHealth()
        .filter(({ state }) => state !== 'off')
        .map(({ source, state }) => [{ source }, Number(state !== 'failing')]),
    );
    new Counter({
      name: `${NAMES}messages_total`,
      help: 'Entries of conversations that were saved, written here (out) or received (in).',
      labelNames: ['direction'],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [direction, count] of Object.entries(messages)) this.inc({ direction }, count);
      },
    });
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Everything in Prometheus' text format, and its content type. */
  async expose(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #gauge(
    name: string,
    help: string,
    labelNames: string[],
    read: () => [Labels, number][] | Promise<[Labels, number][]>,
  ): void {
    new Gauge({
      name: `${NAMES}${name}`,
      help,
      labelNames,
      registers: [this.#registry],
      async collect() {
        this.reset();
        for (const [labels, value] of await read()) this.set(labels, value);
      },
    });
  }
}
