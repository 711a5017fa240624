import type { Tip } from './batch.js';
import { type Fork, provenFork } from './fork.js';
import { CLOCK_OPERATION_LIMIT, MAX_GROUP_MEMBERS, MAX_OWN_ENTRIES } from './limits.js';
import type { GroupPolicy, HistoryPolicy, RosterOperation } from './roster-operation.js';

export type MemberState = 'invited' | 'member' | 'left' | 'removed';
export type MemberRole = 'admin' | 'member';

/** Somebody whom the roster of a group names. */
export interface RosterMember {
  peerId: string;
  /** A label: the name that they gave when they entered, or that whoever added them gave. */
  user: string;
  role: MemberRole;
  state: MemberState;
  /** Who added them last; null where nobody did. */
  addedBy: string | null;
}

/**
 * The time of one person in a group, from an entry (`found`, `accept` or
 * `join`) to its end. Who comes back begins another one.
 */
export interface Membership {
  peerId: string;
  /** Hash of the entry: what the first batch of each segment of this time names. */
  entry: string;
  /** Clock of the entry: messages are written for the person from then on. */
  clock: string;
  /** The person gets the batches that are over after this clock. */
  historyFrom: string;
  /** Null while it lasts. What the author wrote beyond the tips does not count. */
  end: { clock: string; tips: readonly Tip[] } | null;
}

/** Who is in a group, as a set of operations says. */
export interface Roster {
  /** Null where the set has no valid `found`. */
  name: string | null;
  policy: GroupPolicy;
  /** Everyone who was ever named, by peer id. */
  members: ReadonlyMap<string, RosterMember>;
  /** By the hash of the entry, in order. */
  memberships: ReadonlyMap<string, Membership>;
  /** Who signed two batches for one place of a segment: the earliest such place of each segment, by peer id and segment. */
  forks: ReadonlyMap<string, ReadonlyMap<string, Fork>>;
  /** The operations that count, in order. */
  counted: readonly RosterOperation[];
  /** Hashes of the operations that were allowed by what they name: of the others none ever counts. */
  valid: ReadonlySet<string>;
  /** Hashes of the valid operations that no other valid one names: what the next one names. */
  heads: readonly string[];
  /** The greatest clock of the operations; '' for none. */
  lastClock: string;
}

/** Whether an operation would be allowed; see {@link mayOperate}. */
export interface RosterAct {
  author: string;
  detail: Pick<RosterOperation['detail'], 'kind'> & { person?: string };
}

/**
 * Who is in a group: a pure function of the set of operations, whatever their order.
 *
 * An operation counts if it was allowed by exactly those that it names and what they name, and if no removal
 * of its author that stands is concurrent with it. What was allowed only by one that does not count does not
 * count either. The order is (clock, hash), in which causes come first.
 */
export function resolveRoster(operations: Iterable<RosterOperation>): Roster {
  return new Resolution(operations).roster();
}

/** Whether an operation that names all of the set would count. */
export function mayOperate(operations: Iterable<RosterOperation>, act: RosterAct): boolean {
  const resolution = new Resolution(operations);
  return resolution.permits(act, resolution.all());
}

/** Operations that are looked at together: those that a set holds, less the ones that do not count there. */
interface View {
  /** Index of the first word of the set. */
  bits: Uint32Array;
  at: number;
  /** No operation of the set comes after this one. */
  last: number;
  dead: ReadonlySet<number> | null;
}

const ENTRY_KINDS: ReadonlySet<string> = new Set(['found', 'accept', 'join']);
const END_KINDS: ReadonlySet<string> = new Set(['leave', 'decline', 'remove']);

/** The work of one {@link resolveRoster}. Operations are numbers: their places in the order. */
class Resolution {
  readonly #operations: RosterOperation[];
  readonly #index = new Map<string, number>();
  readonly #words: number;
  /** For each operation a row of bits: all that it names, directly or not. */
  readonly #past: Uint32Array;
  readonly #valid: Uint8Array;
  /** What does not count in the past of each operation. */
  readonly #deadBefore: (ReadonlySet<number> | null)[] = [];
  readonly #entries: number[] = [];
  /** By person: what is about their being in, and about their role. */
  readonly #about = new Map<string, number[]>();
  readonly #grants = new Map<string, number[]>();
  readonly #renames: number[] = [];
  readonly #policies: number[] = [];
  readonly #forks: number[] = [];
  readonly #byAuthor = new Map<string, number[]>();
  readonly #removals = new Map<string, number[]>();
  /** A removal, and something that the removed person did without knowing of it. */
  readonly #conflicts: [removal: number, other: number][] = [];
  /** Hashes of what valid operations name. */
  readonly #named = new Set<string>();

  constructor(operations: Iterable<RosterOperation>) {
    const unique = new Map(Array.from(operations, (one) => [one.hash, one]));
    this.#operations = [...unique.values()].sort(
      (a, b) => compare(a.clock, b.clock) || compare(a.hash, b.hash),
    );
    const count = this.#operations.length;
    this.#words = Math.ceil(count / 32) || 1;
    this.#past = new Uint32Array(this.#words * count);
    this.#valid = new Uint8Array(count);
    this.#operations.forEach((one, nth) => this.#add(one, nth));
  }

  /** All that are valid. */
  all(): View {
    const bits = new Uint32Array(this.#words);
    this.#valid.forEach((valid, nth) => {
      if (valid === 1) setBit(bits, 0, nth);
    });
    return { bits, at: 0, last: this.#valid.length, dead: this.#deadIn(bits, 0) };
  }

  roster(): Roster {
    const view = this.all();
    const memberships = new Map<string, Membership>();
    for (const entry of this.#entries) {
      if (this.#has(view, entry)) memberships.set(this.#operation(entry).hash, this.#membership(view, entry));
    }
    const { name, policy } = this.#settings(view);
    return {
      name,
      policy,
      members: this.#members(view),
      memberships,
      forks: this.#provenForks(view),
      counted: this.#operations.filter((_, nth) => this.#has(view, nth)),
      valid: new Set(this.#operations.flatMap(({ hash }, nth) => (this.#valid[nth] === 1 ? [hash] : []))),
      heads: this.#operations.flatMap(({ hash }, nth) =>
        this.#valid[nth] === 1 && !this.#named.has(hash) ? [hash] : [],
      ),
      lastClock: this.#operations.at(-1)?.clock ?? '',
    };
  }

  /** Whether an operation with the view as its past is allowed. */
  permits({ author, detail }: RosterAct, view: View): boolean {
    const person = detail.person ?? '';
    switch (detail.kind) {
      case 'found':
        return false;
      case 'accept':
      case 'decline':
        return this.#liveEntry(view, author) < 0 && this.#liveAdd(view, author) >= 0;
      case 'join':
        return this.#mayJoin(view, author);
      case 'leave':
        return this.#liveEntry(view, author) >= 0;
      case 'add':
        return (
          this.#isAdmin(view, author) && this.#liveEntry(view, person) < 0 && this.#liveAdd(view, person) < 0
        );
      case 'remove':
        return (
          person !== author &&
          this.#isAdmin(view, author) &&
          (this.#liveEntry(view, person) >= 0 || this.#liveAdd(view, person) >= 0)
        );
      case 'promote':
        return (
          this.#isAdmin(view, author) &&
          this.#liveEntry(view, person) >= 0 &&
          !this.#isExplicitAdmin(view, person)
        );
      case 'demote':
        return this.#isAdmin(view, author) && this.#isExplicitAdmin(view, person);
      case 'rename':
      case 'policy':
        return this.#isAdmin(view, author);
      case 'fork':
        return this.#liveEntry(view, author) >= 0 && this.#hasEntered(view, person);
    }
  }

  #operation(nth: number): RosterOperation {
    return this.#operations[nth] as RosterOperation;
  }

  #add(operation: RosterOperation, nth: number): void {
    this.#index.set(operation.hash, nth);
    const parents = operation.parents.map((hash) => this.#index.get(hash) ?? -1);
    this.#deadBefore.push(null);
    // One that names what is not here, or is not later than that, counts for nothing.
    if (parents.some((parent) => parent < 0 || this.#operation(parent).clock >= operation.clock)) return;
    if (operation.clock >= CLOCK_OPERATION_LIMIT) return;
    const at = nth * this.#words;
    for (const parent of parents) {
      const from = parent * this.#words;
      for (let word = 0; word < this.#words; word += 1)
        this.#past[at + word] = (this.#past[at + word] as number) | (this.#past[from + word] as number);
      setBit(this.#past, at, parent);
    }
    // What rests on a void operation is void.
    if (parents.some((parent) => this.#valid[parent] === 0)) return;
    const [only] = parents;
    const dead =
      parents.length === 1 ? (this.#deadBefore[only as number] ?? null) : this.#deadIn(this.#past, at);
    this.#deadBefore[nth] = dead;
    const { kind } = operation.detail;
    const isFirst = kind === 'found' && this.#entries.length === 0;
    const last = Math.max(-1, ...parents);
    if (!isFirst && !this.permits(operation, { bits: this.#past, at, last, dead })) return;
    this.#valid[nth] = 1;
    for (const parent of operation.parents) this.#named.add(parent);
    this.#list(operation, nth);
  }

  #list({ author, detail }: RosterOperation, nth: number): void {
    const person = 'person' in detail ? detail.person : author;
    const { kind } = detail;
    if (ENTRY_KINDS.has(kind)) this.#entries.push(nth);
    if (ENTRY_KINDS.has(kind) || END_KINDS.has(kind) || kind === 'add') push(this.#about, person, nth);
    if (kind === 'found' || kind === 'promote' || kind === 'demote') push(this.#grants, person, nth);
    if (kind === 'found' || kind === 'rename') this.#renames.push(nth);
    if (kind === 'found' || kind === 'policy') this.#policies.push(nth);
    if (kind === 'remove') {
      for (const other of this.#byAuthor.get(person) ?? [])
        if (!this.#isPast(other, nth)) this.#conflicts.push([nth, other]);
      push(this.#removals, person, nth);
    }
    if (kind === 'fork') this.#forks.push(nth);
    // Who goes by themselves goes, removed or not; and a proof is one, whoever has found it.
    if (kind === 'leave' || kind === 'decline' || kind === 'fork') return;
    for (const removal of this.#removals.get(author) ?? [])
      if (!this.#isPast(removal, nth)) this.#conflicts.push([removal, nth]);
    push(this.#byAuthor, author, nth);
  }

  /** Whether `earlier` is named by `later`, directly or not. */
  #isPast(earlier: number, later: number): boolean {
    return hasBit(this.#past, later * this.#words, earlier);
  }

  #has({ bits, at, dead }: View, nth: number): boolean {
    return hasBit(bits, at, nth) && this.#valid[nth] === 1 && dead?.has(nth) !== true;
  }

  /**
   * What does not count of a set, because a removal stands against it. Removals that are in a cycle all
   * stand; one that is struck by a standing one from outside its cycle does not.
   */
  #deadIn(bits: Uint32Array, at: number): ReadonlySet<number> | null {
    const isIn = (nth: number): boolean => hasBit(bits, at, nth) && this.#valid[nth] === 1;
    const conflicts = this.#conflicts.filter(([removal, other]) => isIn(removal) && isIn(other));
    if (conflicts.length === 0) return null;
    const strikes = Map.groupBy(conflicts, ([removal]) => removal);
    const undecided = new Set(strikes.keys());
    const standing = new Set<number>();
    const dead = new Set<number>();
    while (undecided.size > 0) {
      const next = sources(undecided, (removal) => (strikes.get(removal) ?? []).map(([, other]) => other));
      for (const removal of next) {
        undecided.delete(removal);
        standing.add(removal);
      }
      for (const removal of next) {
        for (const [, other] of strikes.get(removal) ?? []) {
          if (standing.has(other)) continue;
          dead.add(other);
          undecided.delete(other);
        }
      }
      this.#strikeDependent({ bits, at, last: this.#valid.length, dead: null }, dead, standing, undecided);
    }
    return dead;
  }

  /** What was allowed only by operations that do not count does not count. */
  #strikeDependent(
    set: View,
    dead: Set<number>,
    standing: ReadonlySet<number>,
    undecided: Set<number>,
  ): void {
    const first = Math.min(...dead);
    for (let nth = first + 1; nth < this.#valid.length; nth += 1) {
      if (!this.#has(set, nth) || dead.has(nth) || standing.has(nth)) continue;
      const at = nth * this.#words;
      if (![...dead].some((one) => hasBit(this.#past, at, one))) continue;
      if (this.permits(this.#operation(nth), { bits: this.#past, at, last: nth, dead })) continue;
      dead.add(nth);
      undecided.delete(nth);
    }
  }

  #provenForks(view: View): Map<string, Map<string, Fork>> {
    const forks = new Map<string, Map<string, Fork>>();
    for (const nth of this.#forks) {
      const { detail } = this.#operation(nth);
      if (detail.kind !== 'fork' || !this.#has(view, nth)) continue;
      const fork = provenFork(detail.batches);
      const all = forks.get(detail.person) ?? new Map<string, Fork>();
      if (fork.first < (all.get(fork.segment)?.first ?? Infinity)) all.set(fork.segment, fork);
      forks.set(detail.person, all);
    }
    return forks;
  }

  #hasEntered(view: View, person: string): boolean {
    const about = this.#about.get(person) ?? [];
    return about.some((nth) => ENTRY_KINDS.has(this.#operation(nth).detail.kind) && this.#has(view, nth));
  }

  /** Ends of a person's being in that `nth` did not know of. */
  #endsOf(view: View, person: string, nth: number): number[] {
    return (this.#about.get(person) ?? []).filter(
      (end) =>
        END_KINDS.has(this.#operation(end).detail.kind) && this.#has(view, end) && !this.#isPast(end, nth),
    );
  }

  /** What is about somebody's being in, without a flood that comes after all of a view. */
  #aboutIn({ last }: View, person: string): readonly number[] {
    const about = this.#about.get(person) ?? [];
    if ((about.at(-1) ?? 0) <= last) return about;
    return about.slice(
      0,
      about.findIndex((nth) => nth > last),
    );
  }

  #isEnded(view: View, person: string, nth: number): boolean {
    for (const end of this.#aboutIn(view, person)) {
      if (END_KINDS.has(this.#operation(end).detail.kind) && this.#has(view, end) && !this.#isPast(end, nth))
        return true;
    }
    return false;
  }

  /** The entry by which a person is in; -1 where they are not. */
  #liveEntry(view: View, person: string): number {
    for (const nth of this.#aboutIn(view, person)) {
      const { kind } = this.#operation(nth).detail;
      if (ENTRY_KINDS.has(kind) && this.#has(view, nth) && !this.#isEnded(view, person, nth)) return nth;
    }
    return -1;
  }

  /** The invitation that a person may accept; -1 where there is none. */
  #liveAdd(view: View, person: string): number {
    const about = this.#aboutIn(view, person);
    for (const nth of about) {
      if (this.#operation(nth).detail.kind !== 'add' || !this.#has(view, nth)) continue;
      const isUsed = about.some(
        (entry) =>
          ENTRY_KINDS.has(this.#operation(entry).detail.kind) &&
          this.#has(view, entry) &&
          this.#isPast(nth, entry),
      );
      if (!isUsed && !this.#isEnded(view, person, nth)) return nth;
    }
    return -1;
  }

  #mayJoin(view: View, person: string): boolean {
    if (!this.#settings(view).policy.open || this.#liveEntry(view, person) >= 0) return false;
    const about = (this.#about.get(person) ?? []).filter((nth) => this.#has(view, nth));
    const adds = about.filter((nth) => this.#operation(nth).detail.kind === 'add');
    const isAddedAfter = (nth: number): boolean => adds.some((add) => this.#isPast(nth, add));
    const own = about.filter(
      (nth) => ENTRY_KINDS.has(this.#operation(nth).detail.kind) && !isAddedAfter(nth),
    );
    const isBarred = about.some((nth) => this.#operation(nth).detail.kind === 'remove' && !isAddedAfter(nth));
    return !isBarred && own.length < MAX_OWN_ENTRIES;
  }

  #isAdmin(view: View, person: string): boolean {
    if (this.#liveEntry(view, person) < 0) return false;
    return this.#isExplicitAdmin(view, person) || this.#heir(view) === person;
  }

  #isExplicitAdmin(view: View, person: string): boolean {
    const last = (this.#grants.get(person) ?? []).findLast((nth) => this.#has(view, nth));
    if (last === undefined || this.#operation(last).detail.kind === 'demote') return false;
    return this.#liveEntry(view, person) >= 0 && !this.#isEnded(view, person, last);
  }

  /** Who is admin because nobody else is: the member who came first; null where there is an admin, or nobody. */
  #heir(view: View): string | null {
    for (const person of this.#grants.keys()) if (this.#isExplicitAdmin(view, person)) return null;
    for (const nth of this.#entries) {
      const { author } = this.#operation(nth);
      if (this.#has(view, nth) && !this.#isEnded(view, author, nth)) return author;
    }
    return null;
  }

  #settings(view: View): { name: string | null; policy: GroupPolicy } {
    const last = (list: readonly number[]): RosterOperation['detail'] | undefined => {
      const nth = list.findLast((one) => this.#has(view, one));
      return nth === undefined ? undefined : this.#operation(nth).detail;
    };
    const [named, policy] = [last(this.#renames), last(this.#policies)];
    const isPolicy = policy?.kind === 'found' || policy?.kind === 'policy';
    return {
      name: named !== undefined && 'name' in named ? named.name : null,
      policy: isPolicy ? { open: policy.open, history: policy.history } : { open: false, history: 'join' },
    };
  }

  #membership(view: View, entry: number): Membership {
    const { author, hash, clock } = this.#operation(entry);
    const dead = this.#deadBefore[entry] ?? null;
    const past = { bits: this.#past, at: entry * this.#words, last: entry, dead };
    const ends = this.#endsOf(view, author, entry).map((nth) => this.#operation(nth));
    const tips = ends.flatMap(({ detail }) => ('tips' in detail ? detail.tips : []));
    const isFound = this.#operation(entry).detail.kind === 'found';
    return {
      peerId: author,
      entry: hash,
      clock,
      historyFrom: isFound ? '' : historyFrom(clock, this.#settings(past).policy.history),
      end: ends[0] === undefined ? null : { clock: ends[0].clock, tips },
    };
  }

  #members(view: View): Map<string, RosterMember> {
    const members = new Map<string, RosterMember>();
    const heir = this.#heir(view);
    const isIn = new Set<string>();
    for (const nth of this.#entries) {
      const { author } = this.#operation(nth);
      if (isIn.size < MAX_GROUP_MEMBERS && this.#has(view, nth) && !this.#isEnded(view, author, nth))
        isIn.add(author);
    }
    for (const [person, about] of this.#about) {
      const counted = about.filter((nth) => this.#has(view, nth)).map((nth) => this.#operation(nth));
      if (counted.length === 0) continue;
      const entered = counted.findLast(({ detail }) => ENTRY_KINDS.has(detail.kind));
      const added = counted.findLast(({ detail }) => detail.kind === 'add');
      const named = (entered ?? added)?.detail;
      const isAdmin = isIn.has(person) && (heir === person || this.#isExplicitAdmin(view, person));
      members.set(person, {
        peerId: person,
        user: named !== undefined && 'user' in named ? named.user : '',
        role: isAdmin ? 'admin' : 'member',
        state: isIn.has(person) ? 'member' : this.#stateOutside(view, person),
        addedBy: added?.author ?? null,
      });
    }
    return members;
  }

  #stateOutside(view: View, person: string): MemberState {
    // Who has entered beyond the greatest number of members waits, as who was asked does.
    if (this.#liveEntry(view, person) >= 0 || this.#liveAdd(view, person) >= 0) return 'invited';
    // A removal shows also where they left concurrently: who did not know of it may bring that any time later.
    const about = (this.#about.get(person) ?? []).filter((nth) => this.#has(view, nth));
    const last = about.findLast((nth) => !END_KINDS.has(this.#operation(nth).detail.kind)) ?? 0;
    const isRemoved = about.some(
      (nth) => this.#operation(nth).detail.kind === 'remove' && !this.#isPast(nth, last),
    );
    return isRemoved ? 'removed' : 'left';
  }
}

const DAY_MS = 24 * 60 * 60_000;
const MS_DIGITS = 12;

/** The clock from which on somebody who enters gets what was written. */
function historyFrom(clock: string, history: HistoryPolicy): string {
  if (history === 'all') return '';
  if (history === 'join') return clock;
  const ms = Number.parseInt(clock.slice(0, MS_DIGITS), 16) - history * DAY_MS;
  return Math.max(0, ms).toString(16).padStart(MS_DIGITS, '0') + clock.slice(MS_DIGITS);
}

/** Those of the nodes to which no path leads from a node that they do not lead to: the first strong components (Tarjan, 1972). */
function sources(nodes: ReadonlySet<number>, edges: (node: number) => number[]): number[] {
  const order = new Map<number, number>();
  const low = new Map<number, number>();
  const component = new Map<number, number>();
  const open: number[] = [];
  for (const root of nodes) {
    if (order.has(root)) continue;
    const path: { node: number; next: number[] }[] = [];
    const enter = (node: number): void => {
      order.set(node, order.size);
      low.set(node, order.size - 1);
      open.push(node);
      path.push({ node, next: edges(node).filter((one) => nodes.has(one)) });
    };
    enter(root);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { node, next } = top;
      const to = next.pop();
      if (to !== undefined) {
        if (!order.has(to)) enter(to);
        else if (!component.has(to))
          low.set(node, Math.min(low.get(node) as number, order.get(to) as number));
        continue;
      }
      path.pop();
      const above = path.at(-1)?.node;
      if (above !== undefined) low.set(above, Math.min(low.get(above) as number, low.get(node) as number));
      if (low.get(node) !== order.get(node)) continue;
      for (let one = open.pop(); one !== undefined; one = open.pop()) {
        component.set(one, node);
        if (one === node) break;
      }
    }
  }
  const reached = new Set<number>();
  for (const node of nodes) {
    for (const to of edges(node)) {
      if (nodes.has(to) && component.get(to) !== component.get(node))
        reached.add(component.get(to) as number);
    }
  }
  return [...nodes].filter((node) => !reached.has(component.get(node) as number));
}

function setBit(bits: Uint32Array, at: number, nth: number): void {
  const word = at + (nth >>> 5);
  bits[word] = (bits[word] as number) | (1 << (nth & 31));
}

function hasBit(bits: Uint32Array, at: number, nth: number): boolean {
  return (((bits[at + (nth >>> 5)] as number) >>> (nth & 31)) & 1) === 1;
}

function push(map: Map<string, number[]>, key: string, value: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
