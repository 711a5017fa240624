import {
  Backoff,
  type Clock,
  DISCOVERY_BACKOFF,
  DISCOVERY_REQUEST_TIMEOUT_MS,
  type DiscoverySourceView,
  errorMessage,
  hostKind,
  type Interfaces,
  isUnspecifiedHost,
  LEASE_SECONDS,
  MAX_ANNOUNCED_ADDRESSES,
  MIN_DISCOVERY_GAP_MS,
  type PeerEntry,
  peerIdOfKey,
  systemInterfaces,
  type Timer,
} from '@p2p-chat/shared';
import {
  type DiscoverySink,
  PeerDiscovery,
  type SelfAnnouncement,
  type Sighting,
} from '../core/ports/peer-discovery.js';
import type { Logger } from '../runtime/logger.js';
import { AnnouncementSequence } from './announcement-sequence.js';
import type { KeyWatch } from './key-watch.js';
import { localAddresses } from './local-addresses.js';
import { localAddressToward } from './local-route.js';
import { RegisteredList } from './registered-list.js';
import { type RegistryAnswer, RegistryClient, type RegistryQuestion } from './registry-client.js';
import { isRefusedConnection, NONE_ASKED_FOR, RegistryFailure } from './registry-failure.js';
import { RegistryStream } from './registry-stream.js';
import { type AnnouncedHosts, SelfAnnouncer, type SigningKeys } from './self-announcer.js';
import { type ReadContext, SightingReader } from './sighting-reader.js';

export interface HttpRegistryOptions {
  /** Of the discovery service; also the source's name. */
  url: string;
  /** Whether nobody asked for it, so that it is no fault where nobody listens there. */
  optional?: boolean;
  keys: SigningKeys;
  clock: Clock;
  /** 0 to 1, as Math.random. */
  random: () => number;
  logger: Logger;
  /** One for all sources of a node; without it, one of its own. */
  sequence?: AnnouncementSequence;
  /** Told of others that use the own key. */
  keyWatch?: KeyWatch;
  interfaces?: Interfaces;
  /** Which own address leads to a server; null where none does. */
  route?: (url: URL, signal: AbortSignal) => Promise<string | null>;
}

/** Share by which a renewal is sooner or later, so that many nodes do not come at once. */
const RENEWAL_JITTER = 0.2;
/** What a correction of the clock must exceed before a person is told of it. */
const NOTABLE_CLOCK_OFFSET_MS = 60_000;

/** A running registration; gone after stop(). */
interface Run {
  self: SelfAnnouncement;
  sink: DiscoverySink;
  client: RegistryClient;
  announcer: SelfAnnouncer;
  reader: SightingReader;
  list: RegisteredList;
  stream: RegistryStream;
  /** Settles when nothing is followed any more; null until the list is known once. */
  following: Promise<void> | null;
  /** How the list is read; null until the service has answered once. */
  context: Omit<ReadContext, 'now'> | null;
  /** Others that were passed on last. */
  sighted: number;
  reading: boolean;
  readAgain: boolean;
  ended: AbortController;
  /** Settles when the loop is over. */
  loop: Promise<void>;
}

/**
 * Peers by one discovery service over HTTP: registers this node, renews, and
 * passes on the others, as the service pushes them or else as its answers to
 * the renewals tell. While the service is away, who was seen last stays
 * as long as a lease lasts.
 */
export class HttpRegistryDiscovery extends PeerDiscovery {
  readonly #options: HttpRegistryOptions;
  readonly #backoff: Backoff;
  readonly #sequence: AnnouncementSequence;
  readonly #peerId: string;
  #health: Omit<DiscoverySourceView, 'source'> = { state: 'off', detail: 'not started' };
  #run: Run | null = null;
  #leaseEnd: Timer | undefined;
  #wake: AbortController | null = null;
  #askAgain = false;
  #registryId: string | null = null;
  /** Monotonic time before which the service is not asked again, whatever happens. */
  #notBefore = 0;

  constructor(options: HttpRegistryOptions) {
    super();
    this.#options = options;
    this.#backoff = new Backoff(DISCOVERY_BACKOFF, options.random);
    this.#sequence = options.sequence ?? new AnnouncementSequence(options.clock);
    this.#peerId = peerIdOfKey(options.keys.publicKey);
  }

  /** Which list the service has, as it said last; null while it is not known. */
  get registryId(): string | null {
    return this.#registryId;
  }

  start(self: SelfAnnouncement, sink: DiscoverySink): void {
    if (this.#run !== null) return;
    const { url, keys, clock, random, logger } = this.#options;
    this.#health = { state: 'starting', detail: `asking ${url}` };
    const client = new RegistryClient(url);
    const list = new RegisteredList();
    const run: Run = {
      self,
      sink,
      client,
      announcer: new SelfAnnouncer(self, keys, clock, this.#sequence),
      reader: new SightingReader(url, this.#peerId, (entry) => this.#heardOwn(run, entry)),
      list,
      stream: new RegistryStream({
        client,
        clock,
        random,
        logger,
        cursor: () => list.cursor,
        onChanges: (changes) => {
          list.apply(changes);
          void this.#readList(run);
        },
      }),
      following: null,
      context: null,
      sighted: 0,
      reading: false,
      readAgain: false,
      ended: new AbortController(),
      loop: Promise.resolve(),
    };
    this.#run = run;
    run.loop = this.#keepRegistered(run);
  }

  async stop(signal: AbortSignal): Promise<void> {
    const run = this.#run;
    if (run === null) return;
    this.#run = null;
    this.#health = { state: 'off', detail: 'stopped' };
    this.#leaseEnd?.clear();
    run.ended.abort();
    await Promise.all([run.loop, run.following]);
    try {
      if (!signal.aborted) await run.client.withdraw(this.#peerId, run.announcer.withdraw(), signal);
    } catch (error) {
      // The lease ends by itself soon.
      this.#options.logger.debug({ source: this.#options.url, reason: errorMessage(error) }, 'not withdrawn');
    }
    run.client.close();
  }

  health(): DiscoverySourceView[] {
    return [{ source: this.#options.url, ...this.#health }];
  }

  refresh(): void {
    this.#askAgain = true;
    this.#wake?.abort();
  }

  /**
   * Renews at once, without the list.
   * @throws {RegistryFailure}
   */
  async announce(signal: AbortSignal): Promise<void> {
    const run = this.#run;
    if (run === null) throw new RegistryFailure('registry-unreachable', 'The node does not announce itself.');
    const { hosts } = await this.#reachable(run);
    const either = AbortSignal.any([signal, run.ended.signal]);
    await registerCorrected(run, hosts, { minimal: true }, either);
  }

  async #keepRegistered(run: Run): Promise<void> {
    const { signal } = run.ended;
    while (!signal.aborted) {
      this.#askAgain = false;
      this.#notBefore = this.#options.clock.monotonic() + MIN_DISCOVERY_GAP_MS;
      const waitMs = await this.#register(run);
      await this.#pause(waitMs, signal);
    }
  }

  /** @returns the wait before the next time, in milliseconds */
  async #register(run: Run): Promise<number> {
    try {
      const renewAfterMs = await this.#ask(run);
      this.#backoff.reset();
      const jitter = 1 + RENEWAL_JITTER * (2 * this.#options.random() - 1);
      return renewAfterMs * jitter;
    } catch (error) {
      if (!run.ended.signal.aborted) this.#fail(error);
      if (error instanceof RegistryFailure && error.retryAfterMs > 0) {
        this.#notBefore = this.#options.clock.monotonic() + error.retryAfterMs;
      }
      return this.#backoff.next();
    }
  }

  /** @returns when the service would like to be asked again, in milliseconds */
  async #ask(run: Run): Promise<number> {
    const { own, toward, hosts } = await this.#reachable(run);
    const question = { minimal: run.stream.live, since: run.list.cursor };
    const { signal } = run.ended;
    const { changes, renewAfterMs, registryId } = await registerCorrected(run, hosts, question, signal);
    this.#registryId = registryId;
    if (changes !== null) run.list.apply(changes);
    const overLoopback = toward !== null && hostKind(toward) === 'loopback';
    run.context = { overLoopback, localAddresses: own };
    await this.#readList(run);
    if (run.list.cursor !== null) run.following ??= run.stream.follow(run.ended.signal);
    this.#registered(run);
    return renewAfterMs;
  }

  // The next renewal takes the place of the other one, who then hears of this node.
  #heardOwn({ announcer }: Run, entry: PeerEntry): void {
    if (this.#options.keyWatch?.heard(entry, announcer.now()) === true) announcer.supersede(entry.SEQ ?? 0);
  }

  // One reading at a time: what changes meanwhile is read after it, together.
  async #readList(run: Run): Promise<void> {
    run.readAgain = true;
    if (run.reading) return;
    run.reading = true;
    while (run.readAgain && run.context !== null) {
      run.readAgain = false;
      const sightings = await run.reader.read(run.list.entries, {
        ...run.context,
        now: run.announcer.now(),
      });
      if (run.ended.signal.aborted) break;
      this.#seen(run, sightings);
    }
    run.reading = false;
  }

  async #reachable(run: Run): Promise<{ own: string[]; toward: string | null; hosts: AnnouncedHosts }> {
    const own = localAddresses(this.#options.interfaces ?? systemInterfaces.read);
    const toward = await this.#route(run);
    return { own, toward, hosts: announcedHosts(run.self.host, toward, own) };
  }

  #route(run: Run): Promise<string | null> {
    const signal = AbortSignal.any([run.ended.signal, AbortSignal.timeout(DISCOVERY_REQUEST_TIMEOUT_MS)]);
    return (this.#options.route ?? localAddressToward)(run.client.url, signal);
  }

  #seen(run: Run, sightings: readonly Sighting[]): void {
    run.sink.replace(this.#options.url, sightings);
    run.sighted = sightings.length;
    if (this.#health.state === 'ok') this.#healthy(run);
  }

  #healthy(run: Run): void {
    this.#health = { state: 'ok', detail: describe(run.sighted, run.announcer.clockOffsetMs) };
  }

  #registered(run: Run): void {
    if (run.ended.signal.aborted) return;
    const { clock, logger, url } = this.#options;
    if (this.#health.state !== 'ok') logger.info({ source: url }, 'registered');
    this.#healthy(run);
    this.#leaseEnd?.clear();
    this.#leaseEnd = clock.setTimeout(() => run.sink.replace(url, []), LEASE_SECONDS * 1_000);
  }

  #fail(error: unknown): void {
    const { logger, url, optional = false } = this.#options;
    if (optional && error instanceof RegistryFailure && isRefusedConnection(error.cause)) {
      this.#health = { state: 'off', detail: NONE_ASKED_FOR };
      return;
    }
    const detail = errorMessage(error);
    if (this.#health.state !== 'failing') logger.warn({ source: url, detail }, 'discovery service fails');
    if (!(error instanceof RegistryFailure)) logger.error({ err: error }, 'discovery failed');
    this.#health = { state: 'failing', detail };
  }

  // A refresh ends the pause, but nothing makes this node ask sooner than the service can bear.
  async #pause(ms: number, ended: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    if (!this.#askAgain) {
      this.#wake = new AbortController();
      await clock.sleep(ms, AbortSignal.any([ended, this.#wake.signal]));
      this.#wake = null;
    }
    const early = this.#notBefore - clock.monotonic();
    if (early > 0) await clock.sleep(early, ended);
  }
}

// What the service knows better, the time or our last SEQ, is taken over once.
async function registerCorrected(
  { client, announcer }: Run,
  hosts: AnnouncedHosts,
  question: RegistryQuestion,
  signal: AbortSignal,
): Promise<RegistryAnswer> {
  try {
    return await client.register(announcer.announce(hosts), signal, question);
  } catch (error) {
    if (!(error instanceof RegistryFailure) || !correct(announcer, error)) throw error;
    return client.register(announcer.announce(hosts), signal, question);
  }
}

/** Takes over what a refusal tells. @returns whether it told anything */
function correct(announcer: SelfAnnouncer, { problem: { code, seq, now } }: RegistryFailure): boolean {
  if (code === 'announcement-stale' && seq !== undefined) {
    announcer.supersede(seq);
    return true;
  }
  if ((code === 'announcement-expired' || code === 'announcement-too-far-ahead') && now !== undefined) {
    announcer.correctClock(now);
    return true;
  }
  return false;
}

/**
 * What to announce as HOST and ADDRESSES.
 * @param configured the gateway's host where it was set to one; '' for all
 * @param toward the own address that leads to the service
 * @param own all of this machine
 */
function announcedHosts(configured: string, toward: string | null, own: readonly string[]): AnnouncedHosts {
  if (!isUnspecifiedHost(configured)) return { host: configured, addresses: [] };
  const leads = toward !== null && hostKind(toward) === 'usable' ? toward : undefined;
  const host = leads ?? own[0] ?? toward ?? '127.0.0.1';
  return { host, addresses: own.filter((one) => one !== host).slice(0, MAX_ANNOUNCED_ADDRESSES) };
}

function describe(others: number, clockOffsetMs: number): string {
  const listed = others === 0 ? 'nobody else is listed' : `${others} other${others === 1 ? '' : 's'} listed`;
  if (Math.abs(clockOffsetMs) < NOTABLE_CLOCK_OFFSET_MS) return listed;
  const minutes = Math.round(Math.abs(clockOffsetMs) / 60_000);
  return `${listed}; this machine's clock is ${minutes} min ${clockOffsetMs > 0 ? 'behind' : 'ahead'}`;
}
