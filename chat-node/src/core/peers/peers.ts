import { type Clock, isPeerId, shortPeerId } from '@p2p-chat/shared';
import type { KnownWay } from '../diagnosis/peer-entry.probe.js';
import { ChatError } from '../errors.js';
import type { ChatEvents } from '../events.js';
import type { Change, ConversationStore } from '../ports/conversation.store.js';
import type { DiscoverySink, Sighting } from '../ports/peer-discovery.js';
import type { LinkPeer } from '../ports/peer-link.js';
import { MAX_REMEMBERED_ADDRESSES, type PeerAddress, type PeerRecord } from './peer.js';
import { findPeers } from './peer-finder.js';
import { PeerNames } from './peer-names.js';
import { PeerRecords } from './peer-records.js';
import { isSameAddress, type PeerPresence, Reachability, uniqueAddresses } from './reachability.js';

export type { PeerPresence } from './reachability.js';

/** What is known of a peer now. */
export interface KnownPeer {
  peerId: string;
  user: string;
  online: boolean;
  linked: boolean;
  blocked: boolean;
  verified: boolean;
  /** Whether it signed two messages as one in the conversation with this node. */
  forked: boolean;
  /** Whether somebody here wrote to it or accepted it. */
  contact: boolean;
  /** Whether anything of it is stored: messages came from it, or somebody here wrote, blocked or verified. */
  remembered: boolean;
  /** Where to dial, best first. */
  addresses: PeerAddress[];
  /** Who says that it is online. */
  sources: string[];
  /** Whether its name could be taken for somebody or something else. */
  ambiguous: boolean;
  /** Whose name this other key shows, until the person here has seen that. */
  keyAlarm: { peerId: string; user: string; blocked: boolean; verified: boolean } | null;
  /** How its person is; null where it is offline or has not said. */
  presence: PeerPresence | null;
}

export interface PeersParts {
  /** Own peer id. */
  self: string;
  /** The name of this node's user. */
  ownName: () => string;
  store: Pick<ConversationStore, 'commit' | 'peers'>;
  events: ChatEvents;
  clock: Clock;
  /** Discovery has a newer word about a peer than before. */
  onNews: (peerId: string) => void;
}

// A list of peers is asked for often and changes seldom enough for this.
const LAST_SEEN_RESOLUTION_MS = 60_000;

/** Everyone who is known: stored, seen by discovery, or linked, merged by peer id. */
export class Peers implements DiscoverySink {
  readonly #records: PeerRecords;
  readonly #names: PeerNames;
  readonly #reach = new Reachability();
  /** Everyone of whom there is a record. */
  readonly #remembered = new Set<string>();

  constructor(private readonly parts: PeersParts) {
    this.#records = new PeerRecords({
      store: parts.store,
      draft: (peerId) => this.#draft(peerId),
      onSaved: (record) => this.#saved(record),
    });
    this.#names = new PeerNames({
      self: parts.self,
      ownName: parts.ownName,
      record: (peerId) => this.#records.get(peerId),
      onChanged: (peerId) => this.changed(peerId),
      onAlarm: (peerId) => {
        parts.events.publish({ type: 'key-alarm', peerId });
        this.changed(peerId);
      },
    });
  }

  /** Loads what is stored; once, first. @throws {StorageError} */
  load(): Promise<void> {
    return this.#records.load();
  }

  /** Those online; with `all` everyone who is remembered, or about whom an alarm stands, too. */
  list(all: boolean): KnownPeer[] {
    return this.ids()
      .map((peerId) => this.#view(peerId))
      .filter(({ online, remembered, keyAlarm }) => online || (all && (remembered || keyAlarm !== null)));
  }

  /** Of everyone who is known, in no order. */
  ids(): string[] {
    return [...new Set([...this.#remembered, ...this.#reach.known()])];
  }

  get(peerId: string): KnownPeer | undefined {
    return this.#isKnown(peerId) ? this.#view(peerId) : undefined;
  }

  /** The name that the peer shows; its short id where none is known. */
  nameOf(peerId: string): string {
    return this.#names.of(peerId) || shortPeerId(peerId);
  }

  isContact(peerId: string): boolean {
    return this.#records.get(peerId)?.contact ?? false;
  }

  isBlocked(peerId: string): boolean {
    return this.#records.get(peerId)?.blocked ?? false;
  }

  /** Whether the peer is a contact and not blocked. */
  isTrusted(peerId: string): boolean {
    return this.isContact(peerId) && !this.isBlocked(peerId);
  }

  /** Alarms that nobody has seen. */
  get keyAlarms(): number {
    return this.#names.alarms;
  }

  /** Open links. */
  get links(): number {
    return this.#reach.links;
  }

  /** What changes with each new word of discovery about the peer. */
  news(peerId: string): string {
    return this.#reach.news(peerId);
  }

  /**
   * Finds the peer that a person means.
   * @param reference a peer id, its first characters (8 at least), a label that ends with them, or a name
   * @throws {ChatError} `peer-unknown`, or `peer-ambiguous` with the choices
   */
  resolve(reference: string): KnownPeer {
    const wanted = reference.trim();
    const { self, ownName } = this.parts;
    const found = findPeers(wanted, [self, ...this.ids()], this.#names);
    const [first] = found;
    if (first === undefined || (first === self && found.length === 1)) {
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
          choices: found.map((peerId) => ({
            peerId,
            user: peerId === self ? ownName() : this.nameOf(peerId),
          })),
        },
      );
    }
    return this.#view(first);
  }

  /** What is known of the way to the peer that a person means; throws as {@link resolve}. */
  wayTo(reference: string): KnownWay {
    const { peerId, user, linked, addresses } = this.resolve(reference);
    // The number of an announcement is the time at which it was signed.
    const sightings = this.#reach.sightings(peerId).map(({ source, seq }) => ({ source, signedAt: seq }));
    return {
      peerId,
      user,
      linked,
      addresses,
      sightings,
      lastSeenAt: this.#records.get(peerId)?.lastSeenAt ?? null,
    };
  }

  /**
   * Makes the peer a contact. Durable when it resolves.
   * @throws {ChatError} `peer-is-self`, `peer-blocked`
   * @throws {StorageError}
   */
  async accept(peerId: string): Promise<void> {
    if (peerId === this.parts.self) throw new ChatError('peer-is-self', 'You need not accept yourself.');
    if (this.isBlocked(peerId)) {
      throw new ChatError('peer-blocked', 'You have blocked this person.', {
        hint: 'Unblock them to accept them.',
      });
    }
    await this.commitAsContact(peerId, []);
    await this.sawAlarm(peerId);
  }

  /**
   * Commits changes together with what makes the peer a contact.
   * @returns whether it was none before
   * @throws {StorageError} nothing of all this is done, as far as is known
   */
  async commitAsContact(peerId: string, beside: readonly Change[]): Promise<boolean> {
    if (this.isContact(peerId)) {
      await this.parts.store.commit(beside);
      return false;
    }
    await this.#records.change(peerId, (record) => this.#noted({ ...record, contact: true }), beside);
    this.changed(peerId);
    return true;
  }

  /** Commits changes together with a record of the peer, where there is none. @throws {StorageError} */
  async commitAsKnown(peerId: string, beside: readonly Change[]): Promise<void> {
    if (this.#records.get(peerId) !== null) return this.parts.store.commit(beside);
    await this.#records.change(peerId, () => null, beside);
  }

  /** The person here has seen that this key shows the name of somebody else. @throws {StorageError} */
  async sawAlarm(peerId: string): Promise<void> {
    if (this.#names.alarmOf(peerId) === null) return;
    await this.#records.change(peerId, (record) => this.#noted(record));
    this.changed(peerId);
  }

  /**
   * The peer appears in a history: it is known from now on.
   * @param user what it is called there; counts until the peer says its name itself
   * @throws {StorageError}
   */
  async introduce(peerId: string, user: string | undefined): Promise<void> {
    if (this.#records.get(peerId) !== null) return;
    if (user !== undefined && this.#names.of(peerId) === '') this.#names.set(peerId, user);
    await this.#records.change(peerId, () => null);
    this.changed(peerId);
  }

  /** Blocks or unblocks. Durable when it resolves. @throws {ChatError} `peer-is-self` @throws {StorageError} */
  async setBlocked(peerId: string, blocked: boolean): Promise<void> {
    if (peerId === this.parts.self) throw new ChatError('peer-is-self', 'You cannot block yourself.');
    await this.#records.change(peerId, (record) =>
      record.blocked === blocked ? null : this.#noted({ ...record, blocked }),
    );
    this.changed(peerId);
  }

  /**
   * Notes whether the peer's safety number was compared and found equal. It
   * belongs to the key: another key under the name is not verified. Durable
   * when it resolves.
   * @throws {ChatError} `peer-is-self`
   * @throws {StorageError}
   */
  async setVerified(peerId: string, verified: boolean): Promise<void> {
    if (peerId === this.parts.self) throw new ChatError('peer-is-self', 'You cannot verify yourself.');
    await this.#records.change(peerId, (record) =>
      record.verified === verified ? null : this.#noted({ ...record, verified }),
    );
    this.changed(peerId);
    if (verified) await this.sawAlarm(peerId);
  }

  /** Notes that the peer signed two messages as one. Durable when it resolves. @throws {StorageError} */
  async setForked(peerId: string): Promise<void> {
    if (this.#records.get(peerId)?.forked === true) return;
    await this.#records.change(peerId, (record) => ({ ...record, forked: true }));
    this.changed(peerId);
  }

  /** Something that is shown of the peer has changed. */
  changed(peerId: string): void {
    this.parts.events.publish({ type: 'peer', peerId });
  }

  replace(source: string, sightings: readonly Sighting[]): void {
    const usable = sightings.filter(
      (one) => one.peerId !== this.parts.self && isPeerId(one.peerId) && !this.#isReplayed(one),
    );
    const present = usable.map(({ peerId }) => peerId);
    const before = new Map(
      [...this.#reach.known(), ...present].map((peerId) => [peerId, this.#shown(peerId)]),
    );
    const news = new Map(present.map((peerId) => [peerId, this.#reach.news(peerId)]));
    const left = this.#reach.replace(source, usable);
    for (const { peerId, user } of usable) if (!this.#reach.isLinked(peerId)) this.#names.set(peerId, user);
    for (const peerId of new Set([...present, ...left])) {
      if (before.get(peerId) !== this.#shown(peerId)) this.changed(peerId);
    }
    for (const [peerId, old] of news) if (this.#reach.news(peerId) !== old) this.parts.onNews(peerId);
    for (const peerId of left) this.#forgetIfNothingIsKnown(peerId);
  }

  linkOpened(peer: LinkPeer): void {
    this.#notingChange(peer.peerId, () => {
      this.#reach.linkOpened(peer);
      this.#names.set(peer.peerId, peer.user);
    });
  }

  linkClosed(peer: LinkPeer): void {
    this.#notingChange(peer.peerId, () => this.#reach.linkClosed(peer));
    this.#forgetIfNothingIsKnown(peer.peerId);
  }

  /** See {@link Reachability.isElsewhere}. */
  isElsewhere(peerId: string, instance: string): void {
    this.#notingChange(peerId, () => this.#reach.isElsewhere(peerId, instance));
    this.parts.onNews(peerId);
  }

  /**
   * The peer says over its link how its person is and what they are called now.
   * @throws {StorageError} where a contact's name cannot be stored
   */
  async showed(peer: LinkPeer, { user, ...presence }: PeerPresence & { user: string }): Promise<void> {
    let renamed = false;
    this.#notingChange(peer.peerId, () => {
      if (this.#reach.showed(peer, presence)) renamed = this.#names.set(peer.peerId, user);
    });
    if (renamed) await this.rememberAddress({ ...peer, user });
  }

  /** Stores name, address and time of somebody who is remembered and was linked. @throws {StorageError} */
  async rememberAddress(peer: LinkPeer): Promise<void> {
    if (this.#records.get(peer.peerId) === null) return;
    await this.#records.change(peer.peerId, (record) => {
      const found = peer.address === null ? record.addresses : [peer.address, ...record.addresses];
      const addresses = uniqueAddresses(found).slice(0, MAX_REMEMBERED_ADDRESSES);
      const now = this.parts.clock.now();
      const announcedSeq = Math.max(record.announcedSeq, this.#firstSeq(peer));
      const unchanged =
        record.user === peer.user &&
        record.announcedSeq === announcedSeq &&
        addresses.every((one, index) => isSameAddress(one, record.addresses[index])) &&
        Math.abs(now - record.lastSeenAt) < LAST_SEEN_RESOLUTION_MS;
      return unchanged ? null : { ...record, user: peer.user, addresses, lastSeenAt: now, announcedSeq };
    });
  }

  // The least number that the start was seen with: its sources number on their own.
  #firstSeq({ peerId, instance }: LinkPeer): number {
    const seqs = this.#reach
      .sightings(peerId)
      .filter((one) => one.instance === instance)
      .map(({ seq }) => seq);
    return seqs.length === 0 ? 0 : Math.min(...seqs);
  }

  // What an earlier start announced is worth nothing once a later one was
  // linked: its source has kept it.
  #isReplayed({ peerId, instance, seq }: Sighting): boolean {
    const proved = this.#reach.provedInstance(peerId);
    return instance !== proved && seq < (this.#records.get(peerId)?.announcedSeq ?? 0);
  }

  #isKnown(peerId: string): boolean {
    return this.#remembered.has(peerId) || this.#reach.isOnline(peerId) || this.#names.of(peerId) !== '';
  }

  #saved(record: PeerRecord): void {
    this.#remembered.add(record.peerId);
    if (this.#names.of(record.peerId) === '') this.#names.set(record.peerId, record.user);
    this.#names.look(record.peerId);
  }

  /** The record of a key of which the person here takes note, under the name that it shows now. */
  #noted(record: PeerRecord): PeerRecord {
    return { ...record, knownAs: this.#names.of(record.peerId) || record.user };
  }

  #draft(peerId: string): PeerRecord {
    const now = this.parts.clock.now();
    const [address] = this.#reach.addresses(peerId, []);
    return {
      peerId,
      user: this.nameOf(peerId),
      blocked: false,
      verified: false,
      contact: false,
      knownAs: null,
      addresses: address === undefined ? [] : [address],
      firstSeenAt: now,
      lastSeenAt: now,
      announcedSeq: 0,
    };
  }

  #view(peerId: string): KnownPeer {
    const record = this.#records.get(peerId);
    const known = this.#names.alarmOf(peerId);
    return {
      peerId,
      user: this.nameOf(peerId),
      online: this.#reach.isOnline(peerId),
      linked: this.#reach.isLinked(peerId),
      blocked: record?.blocked ?? false,
      verified: record?.verified ?? false,
      forked: record?.forked ?? false,
      contact: record?.contact ?? false,
      remembered: record !== null,
      addresses: this.#reach.addresses(peerId, record?.addresses ?? []),
      sources: this.#reach.sources(peerId),
      ambiguous: this.#names.isAmbiguous(peerId),
      keyAlarm: known === null ? null : this.#alarm(known),
      presence: this.#reach.presence(peerId),
    };
  }

  #alarm(known: string): KnownPeer['keyAlarm'] {
    const record = this.#records.get(known);
    return {
      peerId: known,
      user: this.nameOf(known),
      blocked: record?.blocked ?? false,
      verified: record?.verified ?? false,
    };
  }

  #shown(peerId: string): string {
    return JSON.stringify([
      this.#reach.isOnline(peerId),
      this.#names.of(peerId),
      this.#reach.presence(peerId),
    ]);
  }

  #notingChange(peerId: string, change: () => void): void {
    const before = this.#shown(peerId);
    change();
    if (this.#shown(peerId) !== before) this.changed(peerId);
  }

  #forgetIfNothingIsKnown(peerId: string): void {
    if (this.#records.get(peerId) !== null || this.#reach.isOnline(peerId)) return;
    // What an alarm is about is shown until somebody has seen it.
    if (this.#names.alarmOf(peerId) !== null || !this.#reach.forgetIfGone(peerId)) return;
    this.#names.forget(peerId);
  }
}
