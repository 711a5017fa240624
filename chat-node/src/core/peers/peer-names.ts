import { shortPeerId } from '@p2p-chat/shared';
import { KeyAlarms } from './key-alarms.js';
import { isMisleading } from './misleading-name.js';
import { NameIndex } from './name-index.js';
import type { PeerRecord } from './peer.js';

export interface PeerNamesParts {
  /** Own peer id. */
  self: string;
  /** The name of this node's user. */
  ownName: () => string;
  /** What is stored of a peer. */
  record: (peerId: string) => PeerRecord | null;
  /** Something that is shown of a peer has changed, because of its name or somebody else's. */
  onChanged: (peerId: string) => void;
  /** A key shows the name of somebody else who is known. */
  onAlarm: (peerId: string) => void;
}

/** What peers are called. Names are labels and nothing more: they are shown apart where they could be taken for another. */
export class PeerNames {
  readonly #names = new Map<string, string>();
  /** Everyone by their short id, this node's user included. */
  readonly #byShortId = new Map<string, Set<string>>();
  readonly #index = new NameIndex();
  readonly #alarms: KeyAlarms;

  constructor(private readonly parts: PeerNamesParts) {
    this.#alarms = new KeyAlarms((peerId) => parts.onAlarm(peerId));
    this.#byShortId.set(shortPeerId(parts.self), new Set([parts.self]));
  }

  /** The name that the peer shows; '' where none is known. */
  of(peerId: string): string {
    return this.#names.get(peerId) ?? '';
  }

  /** Alarms that nobody has seen. */
  get alarms(): number {
    return this.#alarms.count;
  }

  /** Whose name this key shows, while that is an alarm. */
  alarmOf(peerId: string): string | null {
    return this.#alarms.of(peerId);
  }

  /** The peer shows this name from now on. @returns whether it is another one than before */
  set(peerId: string, name: string): boolean {
    if (this.of(peerId) === name) return false;
    const before = this.#index.alike(this.of(peerId), peerId);
    this.#names.set(peerId, name);
    this.#index.set(peerId, name);
    const short = shortPeerId(peerId);
    this.#byShortId.set(short, (this.#byShortId.get(short) ?? new Set()).add(peerId));
    const now = this.#index.alike(name, peerId);
    this.look(peerId);
    this.#tellOnlyOf(before);
    this.#tellOnlyOf(now);
    return true;
  }

  /** Looks for alarms anew: what is known of the peer has changed. */
  look(peerId: string): void {
    if (!this.#alarms.look(this.#named(peerId))) return;
    for (const other of this.#index.alike(this.of(peerId), peerId)) this.#alarms.look(this.#named(other));
  }

  forget(peerId: string): void {
    const namesakes = this.#index.alike(this.of(peerId), peerId);
    this.#index.delete(peerId);
    this.#names.delete(peerId);
    const short = shortPeerId(peerId);
    const others = this.#byShortId.get(short);
    others?.delete(peerId);
    if (others?.size === 0) this.#byShortId.delete(short);
    this.#tellOnlyOf(namesakes);
  }

  /** Peers with exactly this name; where there are none, those who have it in another case. */
  named(name: string): string[] {
    const exact = this.#index.alike(name, '').filter((peerId) => this.of(peerId) === name);
    if (exact.length > 0) return exact;
    const folded = name.toLowerCase();
    return Array.from(this.#names).flatMap(([peerId, one]) => (one.toLowerCase() === folded ? [peerId] : []));
  }

  /** Whether the name could be taken for somebody or something else: the short id belongs beside it. */
  isAmbiguous(peerId: string): boolean {
    const name = this.of(peerId);
    if (name === '') return false;
    return (
      this.#index.isShared(name) ||
      isMisleading(name, {
        ownName: this.parts.ownName(),
        startsId: (text) =>
          [...(this.#byShortId.get(shortPeerId(text)) ?? [])].some((one) => one.startsWith(text)),
      })
    );
  }

  #named(peerId: string): Parameters<KeyAlarms['look']>[0] {
    const record = this.parts.record(peerId);
    const isKnown = record !== null && (record.contact || record.verified || record.blocked);
    return { peerId, user: this.of(peerId), isKnown, knownAs: record?.knownAs ?? null };
  }

  /** The first one of a name needs a short id once there is a second, and no more when that has gone. */
  #tellOnlyOf(namesakes: readonly string[]): void {
    const [only, ...others] = namesakes;
    if (only !== undefined && others.length === 0) this.parts.onChanged(only);
  }
}
