import { collectDefaultMetrics, Counter, Gauge, Registry } from '@prometheus-io/client';
import type { EventStreams } from './events/event-streams.js';
import type { LeaseRegistry, RegistrationOutcome } from './registry/lease-registry.js';

const NAMES = 'p2p_chat_discovery_';

/** What the service counts, for Prometheus. */
export class Metrics {
  readonly #registry = new Registry();
  // Plain numbers that are read when they are asked for: a labelled counter
  // costs more than the rest of a renewal.
  readonly #registrations: Record<RegistrationOutcome, number> = { joined: 0, changed: 0, renewed: 0 };
  #withdrawals = 0;
  readonly #refused: Counter<'code'>;

  constructor(leases: LeaseRegistry, streams: Pick<EventStreams, 'size'>) {
    const registers = [this.#registry];
    const registrations = this.#registrations;
    const withdrawals = (): number => this.#withdrawals;
    new Gauge({
      name: `${NAMES}entries`,
      help: 'Entries that hold a lease, by kind.',
      labelNames: ['kind'],
      registers,
      collect() {
        const { signed, plain } = leases.size();
        this.set({ kind: 'signed' }, signed);
        this.set({ kind: 'plain' }, plain);
      },
    });
    new Gauge({
      name: `${NAMES}event_streams`,
      help: 'Open event streams.',
      registers,
      collect() {
        this.set(streams.size);
      },
    });
    new Gauge({
      name: `${NAMES}store_up`,
      help: 'Whether the place where the entries are kept answers: 1 or 0.',
      labelNames: ['kind'],
      registers,
      collect() {
        const { kind, state } = leases.storeHealth();
        this.set({ kind }, state === 'ok' ? 1 : 0);
      },
    });
    new Gauge({
      name: `${NAMES}store_unsaved`,
      help: 'Leases and withdrawals that the shared store does not have yet.',
      registers,
      collect() {
        this.set(leases.storeHealth().unsaved);
      },
    });
    new Counter({
      name: `${NAMES}registrations_total`,
      help: 'Accepted registrations, by what they did.',
      labelNames: ['outcome'],
      registers,
      collect() {
        this.reset();
        for (const [outcome, count] of Object.entries(registrations)) this.inc({ outcome }, count);
      },
    });
    new Counter({
      name: `${NAMES}withdrawals_total`,
      help: 'Accepted withdrawals.',
      registers,
      collect() {
        this.reset();
        this.inc(withdrawals());
      },
    });
    this.#refused = new Counter({
      name: `${NAMES}refused_total`,
      help: 'Requests that were refused, by the code of the problem.',
      labelNames: ['code'],
      registers,
    });
    collectDefaultMetrics({ register: this.#registry });
  }

  registered(outcome: RegistrationOutcome): void {
    this.#registrations[outcome] += 1;
  }

  withdrawn(): void {
    this.#withdrawals += 1;
  }

  refused(code: string): void {
    this.#refused.inc({ code });
  }

  /** Everything in Prometheus' text format, and its content type. */
  async expose(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}
