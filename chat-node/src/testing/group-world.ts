import {
  type Batch,
  contentText,
  createBatch,
  entriesOf,
  hex,
  type HistoryPolicy,
  readContent,
  tipOf,
} from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import { MemoryDisk, MemoryStore } from '../storage/memory/memory-store.js';
import { TestKeys } from './test-keys.js';
import type { Conversation } from '../core/conversations/conversation.js';
import { Conversations } from '../core/conversations/conversations.js';
import { Erasing } from '../core/conversations/erasing.js';
import { Outgoing } from '../core/conversations/outgoing.js';
import { type MessageItem, Timeline, type TimelineItem } from '../core/conversations/timeline.js';
import { ChatError, StorageError } from '../core/errors.js';
import { ChatEvents } from '../core/events.js';
import { Mutex } from '../core/mutex.js';
import type { OutgoingFrame, PeerLink } from '../core/ports/peer-link.js';
import type { Group } from '../core/roster/group.js';
import { Rosters } from '../core/roster/rosters.js';
import { Delivery } from '../core/delivery/delivery.js';
import type { DeliveryFrame, DeliverySession } from '../core/delivery/delivery-session.js';
import { COMPARE_INTERVAL_MS } from '../core/delivery/relays.js';
import { StorageHealth } from '../core/delivery/storage-health.js';

const silent = { debug: () => undefined, warn: () => undefined };

/** Lets what is ready happen, without time passing. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** One start of a node: the real core over a disk in memory. */
class Start {
  readonly store: MemoryStore;
  readonly conversations: Conversations;
  readonly outgoing: Outgoing;
  readonly delivery: Delivery;
  readonly rosters: Rosters;
  isAlive = true;

  constructor(name: string, keys: TestKeys, disk: MemoryDisk, clock: ManualClock) {
    const store = (this.store = new MemoryStore(disk));
    const events = new ChatEvents((error) => {
      throw error;
    });
    const mutex = new Mutex<string>();
    this.conversations = new Conversations({ store, keys });
    const { conversations } = this;
    const commit = (_: Conversation, changes: Parameters<MemoryStore['commit']>[0]): Promise<void> =>
      store.commit(changes);
    const mayDelete = () => (by: string, author: string) => by === author;
    const erasing = new Erasing({
      store,
      sha256: keys.sha256,
      mayDelete,
      self: keys.peerId,
    });
    const common = {
      store,
      keys,
      events,
      clock,
      random: () => 0.5,
      log: silent,
      mutex,
      erasing,
      commitAsContact: commit,
    };
    this.rosters = new Rosters({
      ...{ store, keys, conversations, events, clock, mutex, ownName: () => name },
      onChanged: (conversation, operations, from) => {
        this.delivery.rosterChanged(conversation, operations, from);
        this.outgoing.writeForkedAnew(conversation).catch(() => undefined);
      },
    });
    this.delivery = new Delivery({
      ...common,
      conversations,
      mayDelete,
      rosters: this.rosters,
      noteForked: () => Promise.resolve(),
      health: new StorageHealth(clock),
      admission: () => 'take',
      commitAsKnown: commit,
      append: async (conversation, contents) => {
        await this.outgoing.append(conversation, contents.map(contentText), null);
      },
      onOwnReceived: (conversation, batch) => {
        if (batch.segment === this.outgoing.segment(conversation)) this.outgoing.leaveSegment(conversation);
      },
    });
    this.outgoing = new Outgoing({
      ...common,
      onAppended: (conversation, batches) => this.delivery.appended(conversation, batches),
    });
  }

  crash(): void {
    this.isAlive = false;
    this.store.crash();
  }
}

/** One end of a line in memory: frames arrive in order in a later turn, as long as it is not cut. */
export class End implements PeerLink {
  session: DeliverySession | null = null;
  far: End | null = null;
  isCut = false;
  readonly sent: DeliveryFrame[] = [];
  readonly peer;
  #delivering: Promise<unknown> = Promise.resolve();

  constructor(
    readonly start: Start,
    peerId: string,
    private readonly onError: (error: unknown) => void,
  ) {
    this.peer = { peerId, user: peerId, instance: '', agent: '', address: null };
  }

  send(frame: OutgoingFrame): void {
    if (frame.type === 'presence' || frame.type === 'typing') return;
    this.#carry(structuredClone(frame));
  }

  sendBatch({ bytes }: { bytes: Uint8Array }): void {
    this.#carry({ type: 'batch', bytes });
  }

  isAlive(): Promise<boolean> {
    return Promise.resolve(true);
  }

  close(): void {
    this.cut();
  }

  cut(): void {
    for (const end of [this, this.far]) {
      if (end === null || end.isCut) continue;
      end.isCut = true;
      end.session?.closed();
    }
  }

  #carry(frame: DeliveryFrame): void {
    this.sent.push(frame);
    this.#delivering = this.#delivering.then(async () => {
      await turns(1);
      const { far } = this;
      if (this.isCut || far === null || !far.start.isAlive || !this.start.isAlive) return;
      void far.session?.received(frame).catch((error: unknown) => {
        this.onError(error);
        far.cut();
      });
    });
  }
}

/** Several people, each with a machine, in one group. */
export class GroupWorld {
  readonly clock = new ManualClock();
  readonly keys: TestKeys[];
  readonly disks: MemoryDisk[];
  readonly starts: (Start | null)[];
  /** Texts that were accepted, with who wrote them and whom they knew as members then. */
  readonly accepted = new Map<string, { author: number; members: readonly string[] }>();
  readonly links = new Map<string, [End, End]>();
  /** What ended links that should not have. */
  readonly errors: unknown[] = [];
  readonly pending = new Set<Promise<void>>();
  /** Who never comes back. */
  readonly gone = new Set<number>();
  group = '';
  #texts = 0;

  constructor(readonly names: readonly string[]) {
    this.keys = names.map((name) => new TestKeys(name));
    this.disks = names.map(() => new MemoryDisk());
    this.starts = names.map(() => null);
  }

  peerId(nth: number): string {
    return (this.keys[nth] as TestKeys).peerId;
  }

  async start(nth: number): Promise<Start | null> {
    if (this.gone.has(nth)) return null;
    const running = this.starts[nth];
    if (running) return running;
    const disk = this.disks[nth] as MemoryDisk;
    const start = new Start(this.names[nth] as string, this.keys[nth] as TestKeys, disk, this.clock);
    await start.conversations.load();
    this.starts[nth] = start;
    return start;
  }

  crash(nth: number): void {
    this.starts[nth]?.crash();
    this.starts[nth] = null;
    for (const other of this.names.keys()) this.cut(nth, other);
  }

  /** @param isDeaf whether what the first one is told goes nowhere */
  connect(one: number, other: number, isDeaf = false): void {
    const [a, b] = [this.starts[one], this.starts[other]];
    const key = [one, other].sort().join();
    if (one === other || this.links.has(key) || !a || !b) return;
    const onError = (error: unknown): void => void this.errors.push(error);
    const ends: [End, End] = [new End(a, this.peerId(other), onError), new End(b, this.peerId(one), onError)];
    [ends[0].far, ends[1].far] = [ends[1], ends[0]];
    for (const end of isDeaf ? ends.slice(1) : ends) end.session = end.start.delivery.open(end);
    for (const end of ends) end.session?.opened();
    this.links.set(key, ends);
  }

  cut(one: number, other: number): void {
    const key = [one, other].sort().join();
    this.links.get(key)?.[0].cut();
    this.links.delete(key);
  }

  cutAll(): void {
    for (const [first] of this.links.values()) first.cut();
    this.links.clear();
  }

  /** Founds the group, with everybody in it. */
  async found(history: HistoryPolicy = 'all', open = false): Promise<void> {
    const everyone = [...this.names.keys()];
    for (const nth of everyone) await this.start(nth);
    const people = everyone.slice(1).map((nth) => ({
      peerId: this.peerId(nth),
      user: this.names[nth] as string,
    }));
    const founder = this.starts[0] as Start;
    const conversation = await founder.rosters.found('Team', { open, history }, open ? [] : people);
    this.group = conversation.id;
    await this.meet();
    for (const nth of everyone.slice(1)) await this.act(nth, (one, it) => one.rosters.enter(it));
    await this.meet();
  }

  conversation(nth: number): Conversation | undefined {
    return this.starts[nth]?.conversations.get(this.group);
  }

  roster(nth: number): Group['roster'] {
    return (this.conversation(nth)?.group as Group).roster;
  }

  /** Does something with the roster; what is refused is passed over. */
  async act(
    nth: number,
    what: (start: Start, conversation: Conversation) => Promise<unknown>,
  ): Promise<void> {
    const start = this.starts[nth];
    const conversation = this.conversation(nth);
    if (!start || !conversation) return;
    try {
      await Promise.race([what(start, conversation), turns(50)]);
    } catch (error) {
      if (!(error instanceof StorageError) && !(error instanceof ChatError)) throw error;
    }
  }

  write(nth: number, count: number): void {
    const start = this.starts[nth];
    const conversation = this.conversation(nth);
    if (!start || !conversation) return;
    const bodies = Array.from({ length: count }, () => `${this.names[nth] as string} ${(this.#texts += 1)}`);
    const contents = bodies.map((body) => contentText({ kind: 'text', body }));
    const members = conversation.members();
    const sent = start.outgoing.append(conversation, contents, null).then(
      () => {
        for (const body of bodies) this.accepted.set(body, { author: nth, members });
      },
      (error: unknown) => {
        if (!(error instanceof StorageError) && !(error instanceof ChatError)) throw error;
      },
    );
    this.pending.add(sent);
    void sent.finally(() => this.pending.delete(sent));
  }

  /**
   * A member signs branches for the next place of their feed, and tells each to somebody else.
   * @param apart nobody else is linked then, and their own node hears nothing of it
   * @returns what they signed
   */
  async fork(
    nth: number,
    branches: readonly { to: number; length: number }[],
    apart: boolean,
  ): Promise<Batch[]> {
    await this.start(nth);
    const keys = this.keys[nth] as TestKeys;
    const conversation = this.conversation(nth) as Conversation;
    const membership = conversation.group?.current(keys.peerId) ?? null;
    if (membership === null) return [];
    const signed: Batch[] = [];
    const feed = await conversation.feed(keys.peerId);
    const [tip = null] = conversation.group?.tips(keys.peerId, feed) ?? [];
    const segment = tip?.segment ?? hex(keys.random(16));
    for (const { to, length } of branches) {
      if (apart) this.cutAll();
      await this.start(to);
      this.connect(nth, to, apart);
      await turns(20);
      const ends = this.links.get([nth, to].sort().join()) as [End, End];
      const end = ends.find(({ peer }) => peer.peerId === this.peerId(to)) as End;
      let before = tip ?? (conversation.group as Group).entryTip(membership);
      for (let at = 1; at <= length; at += 1) {
        const body = `${this.names[nth] as string} lies ${(this.#texts += 1)}`;
        const first = (tip?.seq ?? 0) + at;
        const header = { conversation: this.group, author: keys.peerId, segment, first, follows: [before] };
        const clock = conversation.nextClock(this.clock.now());
        const entry = { clock, sentAt: 1, content: contentText({ kind: 'text', body }) };
        const batch = createBatch(header, [entry], keys);
        end.sendBatch(batch);
        signed.push(batch);
        before = tipOf(batch);
      }
      await turns(20);
      if (apart) this.cutAll();
    }
    return signed;
  }

  /** Everybody runs and is linked to everybody, until nothing more happens. */
  async meet(rounds = 3): Promise<void> {
    for (const disk of this.disks) disk.full = false;
    for (const nth of this.names.keys()) await this.start(nth);
    for (let round = 0; round < rounds; round += 1) {
      for (const one of this.names.keys()) for (const other of this.names.keys()) this.connect(one, other);
      await turns(60);
      await this.clock.advance(COMPARE_INTERVAL_MS + 6_000);
      await turns(20);
    }
  }

  /** All that somebody's disk has, whether it counts or not. */
  texts(nth: number): string[] {
    return (this.disks[nth] as MemoryDisk).rows
      .flatMap(({ batch }) => entriesOf(batch))
      .map(({ content }) => {
        const read = readContent(content);
        return read.kind === 'text' ? read.body : read.kind;
      });
  }

  /** The messages that somebody's screen shows, in order. */
  async shown(nth: number): Promise<string[]> {
    return (await this.#page(nth)).flatMap((item) => ('operation' in item ? [] : [said(item)]));
  }

  /** All that somebody's screen shows: of changes of the group their kinds. */
  async lines(nth: number): Promise<string[]> {
    return (await this.#page(nth)).map((item) =>
      'operation' in item ? item.operation.detail.kind : said(item),
    );
  }

  async #page(nth: number): Promise<TimelineItem[]> {
    const start = this.starts[nth] as Start;
    const timeline = new Timeline(start.store, (this.keys[nth] as TestKeys).sha256);
    const conversation = this.conversation(nth) as Conversation;
    const page = timeline.page(conversation, { side: 'before', from: null, limit: 10_000 });
    await turns(20);
    return page;
  }

  /** Who is a member, as the first member that is not gone knows it. */
  members(): number[] {
    const knowing = [...this.names.keys()].find(
      (nth) => !this.gone.has(nth) && this.conversation(nth)?.group?.isMember(this.peerId(nth)),
    );
    if (knowing === undefined) return [];
    const { members } = this.roster(knowing);
    return [...this.names.keys()].filter(
      (nth) => !this.gone.has(nth) && members.get(this.peerId(nth))?.state === 'member',
    );
  }
}

function said(item: MessageItem): string {
  const read = readContent('imported' in item ? item.imported.content : item.entry.content);
  return read.kind === 'text' ? read.body : read.kind;
}
