import { isPeerId, type Clock, type PresenceState, SHORT_PEER_ID_LENGTH } from '@p2p-chat/shared';
import type { KnownWay } from '../core/diagnosis/peer-entry.probe.js';
import { ChatError } from './errors.js';
import type { ChatEvents } from './events.js';
import { KeyAlarms, type NamedPeer } from './key-alarms.js';
import { NameIndex } from './name-index.js';
import {
  MAX_DIALLED_ADDRESSES,
  MAX_REMEMBERED_ADDRESSES,
  type PeerAddress,
  type PeerRecord,
} from './peer.js';
import type { DiscoverySink, Sighting } from './ports/peer-discovery.js';
import type { LinkPeer } from './ports/peer-link.js';
import type { PeerRepository } from './ports/peer.repository.js';

/** What is known of a peer now. */
export interface KnownPeer {
  peerId: string;
  user: string;
  online: boolean;
  linked: boolean;
  blocked: boolean;
  verified: boolean;
  /** Whether somebody here wrote to it or accepted it. */
  contact: boolean;
  /** Whether anything of it is stored: messages came from it, or somebody here wrote, blocked or verified. */
  remembered: boolean;
  /** Where to dial, best first. */
  addresses: PeerAddress[];
  /** Who says that it is online. */
  sources: string[];
  /** Whether another known peer shows the same name, or one that looks like it. */
  ambiguous: boolean;
  /** Whose name this other key shows, until the person here has seen that. */
  keyAlarm: { peerId: string; user: string; blocked: boolean; verified: boolean } | null;
  /** How its person is; null where it is offline or has not said. */
  presence: PeerPresence | null;
}

/** How a peer's person is, as it says. */
export interface PeerPresence {
  state: PresenceState;
  status: string;
}

interface Entry {
  peerId: string;
  /** What is stored; a peer that was only seen has none. */
  record: PeerRecord | null;
  sightings: Map<string, Sighting>;
  link: LinkPeer | null;
  /** What it said over its link. */
  presence: PeerPresence | null;
  /** The start of the peer that last proved itself by a link, in this run. */
  instance: string | null;
  /** The start of the peer that said bye or broke off: its sightings count again when they are newer. */
  gone: { instance: string; seq: number } | null;
  /** Name of the last sighting or link. */
  user: string;
}

// A list of peers is asked for often and changes seldom enough for this.
const LAST_SEEN_RESOLUTION_MS = 60_000;

/**
 * Everyone who is known: stored, seen by discovery, or linked, merged by peer
 * id. Names are labels here and nothing more.
 */
export class PeerDirectory implements DiscoverySink {
  readonly #entries = new Map<string, Entry>();
  readonly #names = new NameIndex();
  readonly #alarms: KeyAlarms;

  constructor(
    private readonly self: string,
    private readonly peers: PeerRepository,
    private readonly events: ChatEvents,
    private readonly clock: Clock,
  ) {
    this.#alarms = new KeyAlarms((peerId) => {
      this.events.publish({ type: 'key-alarm', peerId });
      this.changed(peerId);
    });
  }

  /**
   * Loads what is stored; call once, first.
   * @param conversations peer ids that have a conversation: they are remembered
   *   even where a crash came before their record was saved
   */
  async load(conversations: readonly string[]): Promise<void> {
    for (const record of await this.peers.all()) this.#loaded(record);
    for (const peerId of conversations) {
      if (!this.#entries.has(peerId)) this.#loaded(this.#newRecord(this.#entry(peerId)));
    }
  }

  #loaded(record: PeerRecord): void {
    const entry = this.#entry(record.peerId);
    entry.record = record;
    this.#rename(entry, record.user);
  }

  /** Everyone, in no order. */
  all(): KnownPeer[] {
    return [...this.#entries.values()].map((entry) => this.#view(entry));
  }

  /** One peer, or undefined. */
  get(peerId: string): KnownPeer | undefined {
    const entry = this.#entries.get(peerId);
    return entry === undefined ? undefined : this.#view(entry);
  }

  /** Whether somebody here wrote to the peer or accepted it. */
  isContact(peerId: string): boolean {
    return this.#entries.get(peerId)?.record?.accepted ?? false;
  }

  isBlocked(peerId: string): boolean {
    return this.#entries.get(peerId)?.record?.blocked ?? false;
  }

  /** Whether the peer was written to or accepted, and is not blocked. */
  isTrusted(peerId: string): boolean {
    const record = this.#entries.get(peerId)?.record ?? null;
    return record !== null && record.accepted && !record.blocked;
  }

  /** Alarms that nobody has seen. */
  get keyAlarms(): number {
    return this.#alarms.count;
  }

  /** Open links. */
  get links(): number {
    let count = 0;
    for (const { link } of this.#entries.values()) if (link !== null) count += 1;
    return count;
  }

  /**
   * Finds the peer that a person means.
   * @param reference a peer id, its first characters (8 at least), or a name
   * @throws {ChatError} `peer-unknown`, or `peer-ambiguous` with the choices
   */
  resolve(reference: string): KnownPeer {
    const wanted = reference.trim();
    const exact = this.#entries.get(wanted.toLowerCase());
    if (exact !== undefined) return this.#view(exact);
    const found = this.#candidates(wanted);
    const [first] = found;
    if (first === undefined) {
      throw new ChatError('peer-unknown', `Nobody is known as ${JSON.stringify(wanted)}.`, {
        hint: 'See who is known: p2p-chat peers --all',
      });
    }
    if (found.length > 1) {
      throw new ChatError(
        'peer-ambiguous',
        `${JSON.stringify(wanted)} could be one of ${found.length} people.`,
        {
          hint: 'Use the peer id.',
          choices: found.map(({ peerId, user }) => ({ peerId, user })),
        },
      );
    }
    return this.#view(first);
  }

  /** What is known of the way to the peer that a person means; throws as {@link resolve}. */
  wayTo(reference: string): KnownWay {
    const { peerId, user, linked, addresses } = this.resolve(reference);
    const entry = this.#entry(peerId);
    // The number of an announcement is the time at which it was signed.
    const sightings = liveSightings(entry).map(({ source, seq }) => ({ source, signedAt: seq }));
    return { peerId, user, linked, addresses, sightings, lastSeenAt: entry.record?.lastSeenAt ?? null };
  }

  /**
   * The peer was accepted, or written to: it is a contact from now on. Durable
   * when it resolves.
   * @throws {ChatError} `peer-is-self`
   * @throws {StorageError}
   */
  async accept(peerId: string): Promise<void> {
    if (peerId === this.self) throw new ChatError('peer-is-self', 'You need not accept yourself.');
    if (this.isContact(peerId)) return;
    await this.#update(peerId, (record) =>
      record.accepted ? null : this.#noted({ ...record, accepted: true }),
    );
    this.changed(peerId);
  }

  /**
   * The person here has seen that this key shows the name of somebody else.
   * Durable when it resolves.
   * @throws {StorageError}
   */
  async sawAlarm(peerId: string): Promise<void> {
    if (this.#alarms.of(peerId) === null) return;
    await this.#update(peerId, (record) => this.#noted(record));
    this.changed(peerId);
  }

  /**
   * The peer appears in a history: it is known from now on.
   * @param user what it is called there; counts until the peer says its name itself
   */
  async introduce(peerId: string, user: string | undefined): Promise<void> {
    const entry = this.#entry(peerId);
    if (entry.record !== null) return;
    if (entry.user === '' && user !== undefined) this.#rename(entry, user);
    await this.remember(peerId);
    this.changed(peerId);
  }

  /** A message came from the peer: it is known from now on. */
  remember(peerId: string): Promise<void> {
    return this.#update(peerId, () => null);
  }

  /**
   * Blocks or unblocks. Durable when it resolves.
   * @throws {StorageError}
   */
  async setBlocked(peerId: string, blocked: boolean): Promise<KnownPeer> {
    if (peerId === this.self) throw new ChatError('peer-is-self', 'You cannot block yourself.');
    await this.#update(peerId, (record) =>
      record.blocked === blocked ? null : this.#noted({ ...record, blocked }),
    );
    this.changed(peerId);
    return this.#view(this.#entry(peerId));
  }

  /**
   * Notes whether the peer's safety number was compared and found equal. It
   * belongs to the key: another key under the name is not verified. Durable
   * when it resolves.
   * @throws {StorageError}
   */
  async setVerified(peerId: string, verified: boolean): Promise<void> {
    if (peerId === this.self) throw new ChatError('peer-is-self', 'You cannot verify yourself.');
    await this.#update(peerId, (record) =>
      record.verified === verified ? null : this.#noted({ ...record, verified }),
    );
    this.changed(peerId);
  }

  /** Something that is shown of the peer has changed. */
  changed(peerId: string): void {
    this.events.publish({ type: 'peer', peerId });
  }

  replace(source: string, sightings: readonly Sighting[]): void {
    const seen = new Set<string>();
    for (const sighting of sightings) {
      if (sighting.peerId === this.self || !isPeerId(sighting.peerId)) continue;
      seen.add(sighting.peerId);
      this.#sighted(source, sighting);
    }
    for (const entry of this.#entries.values()) {
      if (seen.has(entry.peerId) || !entry.sightings.has(source)) continue;
      this.#notingChange(entry, () => entry.sightings.delete(source));
      this.#forgetIfNothingIsKnown(entry);
    }
  }

  /** A link to the peer is open. */
  linkOpened(peer: LinkPeer): void {
    const entry = this.#entry(peer.peerId);
    this.#notingChange(entry, () => {
      entry.link = peer;
      entry.presence = null;
      entry.instance = peer.instance;
      isBack(entry, peer.instance);
      this.#rename(entry, peer.user);
    });
  }

  /** The link is gone; until it is seen anew, the peer counts as offline. */
  linkClosed(peer: LinkPeer): void {
    const entry = this.#entry(peer.peerId);
    if (entry.link !== peer) return;
    this.#notingChange(entry, () => {
      entry.link = null;
      entry.presence = null;
      const seqs = [...entry.sightings.values()]
        .filter((one) => one.instance === peer.instance)
        .map(({ seq }) => seq);
      entry.gone = { instance: peer.instance, seq: Math.max(-1, ...seqs) };
    });
    this.#forgetIfNothingIsKnown(entry);
  }

  /** The link led nowhere any more, and this start of the peer announces itself from elsewhere: it is there. */
  isElsewhere(peerId: string, instance: string): void {
    const entry = this.#entries.get(peerId);
    if (entry === undefined || entry.link !== null || entry.gone?.instance !== instance) return;
    this.#notingChange(entry, () => {
      entry.gone = null;
    });
  }

  /**
   * The peer says over its link how its person is and what they are called now.
   * @throws {StorageError} where a contact's name cannot be stored
   */
  async showed(peer: LinkPeer, { state, status, user }: PeerPresence & { user: string }): Promise<void> {
    const entry = this.#entry(peer.peerId);
    if (entry.link !== peer) return;
    const renamed = entry.user !== user;
    this.#notingChange(entry, () => {
      entry.presence = { state, status };
      this.#rename(entry, user);
    });
    if (renamed) await this.rememberAddress({ ...peer, user });
  }

  /** Stores name, address and time of a contact that was linked. Others are not stored for being linked. */
  async rememberAddress(peer: LinkPeer): Promise<void> {
    if (this.#entries.get(peer.peerId)?.record === null) return;
    await this.#update(peer.peerId, (record) => {
      const addresses = withFirst(record.addresses, peer.address);
      const now = this.clock.now();
      const announcedSeq = Math.max(record.announcedSeq, this.#firstSeq(peer));
      const unchanged =
        record.user === peer.user &&
        record.announcedSeq === announcedSeq &&
        addresses.every((one, index) => isSame(one, record.addresses[index])) &&
        Math.abs(now - record.lastSeenAt) < LAST_SEEN_RESOLUTION_MS;
      return unchanged ? null : { ...record, user: peer.user, addresses, lastSeenAt: now, announcedSeq };
    });
  }

  // The least number that the start was seen with: its sources number on their own.
  #firstSeq({ peerId, instance }: LinkPeer): number {
    const sightings = [...(this.#entries.get(peerId)?.sightings.values() ?? [])];
    const seqs = sightings.filter((one) => one.instance === instance).map(({ seq }) => seq);
    return seqs.length === 0 ? 0 : Math.min(...seqs);
  }

  #candidates(wanted: string): Entry[] {
    const prefix = wanted.toLowerCase();
    const name = wanted.normalize('NFC');
    const byName = this.#names.alike(name, '').map((peerId) => this.#entry(peerId));
    const exact = byName.filter(({ user }) => user === name);
    if (exact.length > 0) return exact;
    const all = [...this.#entries.values()];
    if (prefix.length >= SHORT_PEER_ID_LENGTH) {
      const byId = all.filter(({ peerId }) => peerId.startsWith(prefix));
      if (byId.length > 0) return byId;
    }
    return all.filter(({ user }) => user.toLowerCase() === prefix);
  }

  #sighted(source: string, sighting: Sighting): void {
    if (this.#isReplayed(sighting)) return;
    const entry = this.#entry(sighting.peerId);
    this.#notingChange(entry, () => {
      entry.sightings.set(source, sighting);
      const { gone } = entry;
      if (gone !== null && (sighting.instance !== gone.instance || sighting.seq > gone.seq))
        isBack(entry, sighting.instance);
      if (entry.link === null) this.#rename(entry, sighting.user);
    });
  }

  // What an earlier start announced is worth nothing once a later one was
  // linked: whoever shows it has kept it.
  #isReplayed({ peerId, instance, seq }: Sighting): boolean {
    const entry = this.#entries.get(peerId);
    if (entry === undefined || instance === entry.instance) return false;
    return seq < (entry.record?.announcedSeq ?? 0);
  }

  #entry(peerId: string): Entry {
    let entry = this.#entries.get(peerId);
    if (entry === undefined) {
      entry = {
        peerId,
        record: null,
        sightings: new Map(),
        link: null,
        presence: null,
        instance: null,
        gone: null,
        user: '',
      };
      this.#entries.set(peerId, entry);
    }
    return entry;
  }

  async #update(peerId: string, change: (record: PeerRecord) => PeerRecord | null): Promise<void> {
    const entry = this.#entry(peerId);
    const before = entry.record;
    const next = change(before ?? this.#newRecord(entry));
    if (next === null && before !== null) return;
    const record = next ?? this.#newRecord(entry);
    // In memory at once, so that two changes in flight do not undo each other.
    entry.record = record;
    // Who is known by the peer id alone has no name yet.
    if (entry.user === '') this.#rename(entry, record.user);
    this.#look(entry);
    try {
      await this.peers.save(record);
    } catch (error) {
      if (entry.record === record) entry.record = before;
      this.#look(entry);
      throw error;
    }
  }

  /** The record of a key of which the person here takes note, under the name that it shows now. */
  #noted(record: PeerRecord): PeerRecord {
    const { user } = this.#entry(record.peerId);
    return { ...record, knownAs: user === '' ? record.user : user };
  }

  #newRecord(entry: Entry): PeerRecord {
    const now = this.clock.now();
    return {
      peerId: entry.peerId,
      user: entry.user === '' ? entry.peerId.slice(0, SHORT_PEER_ID_LENGTH) : entry.user,
      blocked: false,
      verified: false,
      accepted: false,
      knownAs: null,
      addresses: entry.link?.address
        ? [entry.link.address]
        : (liveSightings(entry)[0]?.addresses.slice(0, 1) ?? []),
      firstSeenAt: now,
      lastSeenAt: now,
      announcedSeq: 0,
    };
  }

  #view(entry: Entry): KnownPeer {
    const live = liveSightings(entry);
    const linked = entry.link?.address ? [entry.link.address] : [];
    const sighted = live.flatMap(({ addresses }) => addresses);
    return {
      peerId: entry.peerId,
      user: entry.user,
      online: isOnline(entry),
      linked: entry.link !== null,
      blocked: entry.record?.blocked ?? false,
      verified: entry.record?.verified ?? false,
      contact: entry.record?.accepted ?? false,
      remembered: entry.record !== null,
      addresses: unique([...linked, ...sighted, ...(entry.record?.addresses ?? [])]).slice(
        0,
        MAX_DIALLED_ADDRESSES,
      ),
      sources: [...(entry.link === null ? [] : ['link']), ...live.map(({ source }) => source)],
      ambiguous: this.#names.isShared(entry.user),
      keyAlarm: this.#alarmOf(entry),
      presence: entry.presence,
    };
  }

  #notingChange(entry: Entry, change: () => void): void {
    const shown = (): string => JSON.stringify([isOnline(entry), entry.user, entry.presence]);
    const before = shown();
    change();
    if (shown() !== before) this.changed(entry.peerId);
  }

  #rename(entry: Entry, user: string): void {
    if (entry.user === user) return;
    const before = this.#names.alike(entry.user, entry.peerId);
    entry.user = user;
    this.#names.set(entry.peerId, user);
    const now = this.#names.alike(user, entry.peerId);
    this.#look(entry);
    this.#tellOnlyOf(before);
    this.#tellOnlyOf(now);
  }

  /** The first one of a name needs a short id once there is a second, and no more when that has gone. */
  #tellOnlyOf(namesakes: readonly string[]): void {
    const [only, ...others] = namesakes;
    if (only !== undefined && others.length === 0) this.changed(only);
  }

  #look(entry: Entry): void {
    const isKnownAnew = this.#alarms.look(named(entry));
    if (!isKnownAnew) return;
    for (const peerId of this.#names.alike(entry.user, entry.peerId)) {
      this.#alarms.look(named(this.#entry(peerId)));
    }
  }

  #alarmOf({ peerId }: Entry): KnownPeer['keyAlarm'] {
    const known = this.#alarms.of(peerId);
    if (known === null) return null;
    const { user, record } = this.#entry(known);
    return { peerId: known, user, blocked: record?.blocked ?? false, verified: record?.verified ?? false };
  }

  #forgetIfNothingIsKnown(entry: Entry): void {
    if (entry.record !== null || entry.link !== null || entry.sightings.size > 0) return;
    // What an alarm is about is shown until somebody has seen it.
    if (this.#alarms.of(entry.peerId) !== null) return;
    const namesakes = this.#names.alike(entry.user, entry.peerId);
    this.#names.delete(entry.peerId);
    this.#entries.delete(entry.peerId);
    this.#tellOnlyOf(namesakes);
  }
}

function named({ peerId, user, record }: Entry): NamedPeer {
  const isKnown = record !== null && (record.accepted || record.verified || record.blocked);
  return { peerId, user, isKnown, knownAs: record?.knownAs ?? null };
}

function isOnline(entry: Entry): boolean {
  return entry.link !== null || liveSightings(entry).length > 0;
}

/** The peer is there again; what is left of a start that has ended counts no more. */
function isBack(entry: Entry, instance: string): void {
  const { gone, sightings } = entry;
  entry.gone = null;
  if (gone === null || gone.instance === instance) return;
  for (const [source, sighting] of sightings) {
    if (sighting.instance === gone.instance) sightings.delete(source);
  }
}

function liveSightings({ sightings, gone }: Entry): Sighting[] {
  const all = [...sightings.values()];
  return gone === null ? all : all.filter((one) => one.instance !== gone.instance || one.seq > gone.seq);
}

function withFirst(addresses: readonly PeerAddress[], first: PeerAddress | null): PeerAddress[] {
  return unique(first === null ? [...addresses] : [first, ...addresses]).slice(0, MAX_REMEMBERED_ADDRESSES);
}

function unique(addresses: readonly PeerAddress[]): PeerAddress[] {
  return addresses.filter((one, index) => addresses.findIndex((other) => isSame(one, other)) === index);
}

function isSame(a: PeerAddress, b: PeerAddress | undefined): boolean {
  return a.host === b?.host && a.port === b.port;
}
