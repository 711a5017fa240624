import {
  Backoff,
  type Batch,
  type DigestsFrame,
  errorCode,
  MAX_DIGESTS_PER_FRAME,
  MAX_TAKEN_OPERATIONS,
  operationBytes,
  ProtocolError,
  type RosterFrame,
  type RosterOperation,
  storedOperation,
  verifyBatch,
  verifyOperation,
} from '@p2p-chat/shared';
import type { Conversation } from '../conversations/conversation.js';
import type { IncomingFrame, PeerLink } from '../ports/peer-link.js';
import type { DeliveryParts } from './delivery.js';
import type { Group } from '../roster/group.js';
import { Exchange } from './exchange.js';
import { STORAGE_BACKOFF } from './storage-backoff.js';

/** The frames that concern delivery. */
export type DeliveryFrame = Extract<
  IncomingFrame,
  { type: 'batch' | 'digests' | 'state' | 'want' | 'roster' }
>;

/** Delivery over one link: the conversations that its two ends share. */
export class DeliverySession {
  readonly #exchanges = new Map<string, Exchange>();
  /** Operations of groups that are not known here, until all of them have come. */
  readonly #heard = new Map<string, RosterOperation[]>();
  #ready: Promise<void> = Promise.resolve();
  #hasDigests = false;
  #closed = false;

  constructor(
    private readonly link: PeerLink,
    private readonly parts: DeliveryParts,
    private readonly onClosed: () => void,
  ) {}

  /** The link is open: says what is held. */
  opened(): void {
    this.#ready = this.#open();
  }

  /**
   * A frame of the far end. Resolves when it was dealt with.
   * @throws {ProtocolError} where it breaks the protocol
   */
  async received(frame: DeliveryFrame): Promise<void> {
    // What is malformed ends the link before anything of it is looked at.
    const batch = frame.type === 'batch' ? verifyBatch(frame.bytes, this.parts.keys) : null;
    const operations = frame.type === 'roster' ? this.#verified(frame) : [];
    await this.#ready;
    if (this.#closed) return;
    switch (frame.type) {
      case 'batch':
        return this.#batch(batch as Batch);
      // A conversation that the far end is no member of is answered like one that is not there: not at all.
      case 'state':
        return this.#exchanges.get(frame.conversation)?.state(frame);
      case 'want':
        return this.#exchanges.get(frame.conversation)?.want(frame);
      case 'digests':
        return this.#digests(frame);
      case 'roster':
        return this.#roster(frame, operations);
    }
  }

  closed(): void {
    this.#closed = true;
    for (const exchange of this.#exchanges.values()) exchange.close();
    this.onClosed();
  }

  /** The exchange of a conversation, where there is one. */
  exchange(conversation: string): Exchange | undefined {
    return this.#exchanges.get(conversation);
  }

  appended(conversation: Conversation, batches: readonly Batch[]): void {
    this.#exchanges.get(conversation.id)?.appended(batches);
  }

  readMoved(conversation: Conversation): void {
    this.#exchanges.get(conversation.id)?.readMoved();
  }

  decided(): void {
    for (const exchange of this.#exchanges.values()) exchange.decided();
  }

  /** The roster of a group has changed. @param operations to be told to the far end */
  rosterChanged(conversation: Conversation, operations: readonly RosterOperation[]): void {
    this.#ready = this.#ready.then(() =>
      this.#untilDone(async () => {
        const known = this.#exchanges.get(conversation.id);
        const exchange = known ?? new Exchange(this.link, conversation, this.parts);
        if (known === undefined && !exchange.isShared) return;
        this.#exchanges.set(conversation.id, exchange);
        await exchange.rosterChanged(operations);
      }, 'cannot read what is held of a group'),
    );
  }

  #batch(batch: Batch): Promise<void> {
    const { conversation: id } = batch;
    const exchange = this.#exchanges.get(id);
    const isGroup = Boolean(this.parts.conversations.get(id)?.group);
    if (isGroup ? this.#knownGroup(id) === null : exchange === undefined)
      throw new ProtocolError('batch-malformed', 'The conversation of a batch is not one of this link.');
    // One of a group that the person here has left may still be on its way.
    return exchange?.batch(batch) ?? Promise.resolve();
  }

  async #digests({ conversations }: DigestsFrame): Promise<void> {
    const theirs = new Map(conversations);
    const isFirst = !this.#hasDigests;
    this.#hasDigests = true;
    for (const id of theirs.keys()) await this.#ensure(id);
    // The first frame names all that the far end has; a later one what it names.
    const all = [...this.#exchanges].filter(([id]) => isFirst || theirs.has(id));
    await Promise.all(all.map(([id, exchange]) => exchange.digest(theirs.get(id) ?? null)));
  }

  /** An exchange for a group that only the far end takes for one that both ends are in. */
  async #ensure(id: string): Promise<void> {
    const conversation = this.parts.conversations.get(id);
    if (this.#exchanges.has(id) || !conversation?.group) return;
    const exchange = new Exchange(this.link, conversation, this.parts);
    await exchange.open();
    if (this.#closed) exchange.close();
    else this.#exchanges.set(id, exchange);
  }

  /** The group of a conversation; null where there is none of which the far end may know. */
  #knownGroup(id: string): Group | null {
    const group = this.parts.conversations.get(id)?.group;
    return group?.isKnownTo(this.link.peer.peerId) === true ? group : null;
  }

  #verified({ conversation, operations }: RosterFrame): RosterOperation[] {
    const { keys } = this.parts;
    const group = this.#knownGroup(conversation);
    // In a group each member passes on what is new to it: most of what comes is held already.
    const isHeld = (bytes: Uint8Array): boolean =>
      group?.has(storedOperation(bytes, keys.sha256).hash) === true;
    const verified = operations
      .map(operationBytes)
      .filter((bytes) => !isHeld(bytes))
      .map((bytes) => verifyOperation(bytes, keys));
    if (verified.some((one) => one.conversation !== conversation))
      throw new ProtocolError('operation-malformed', 'A roster operation is of another conversation.');
    // What its author writes may follow at once.
    if (group !== null) for (const { key } of verified) keys.learnMember(key);
    return verified;
  }

  async #roster(frame: RosterFrame, operations: RosterOperation[]): Promise<void> {
    const { rosters } = this.parts;
    const { conversation: id, have, more } = frame;
    // Whom it does not name may have been added meanwhile. Till that shows, a group that is here is answered as one that is not.
    if (this.#knownGroup(id) === null) {
      if (this.parts.admission(this.link.peer.peerId, 0) === 'drop') return;
      const heard = [...(this.#heard.get(id) ?? []), ...operations];
      const count = [...this.#heard.values()].reduce((sum, all) => sum + all.length, operations.length);
      if (count > MAX_TAKEN_OPERATIONS)
        throw new ProtocolError('roster-full', 'There are too many operations of unknown groups.');
      this.#heard.set(id, heard);
      if (more) return;
      this.#heard.delete(id);
      if (heard.length === 0)
        return this.link.send({ type: 'roster', conversation: id, have: [], operations: [], more: false });
      operations = heard;
    }
    if (operations.length > 0) {
      const { peerId } = this.link.peer;
      await this.#untilDone(async () => {
        await rosters.take(id, operations, peerId);
      }, 'cannot save the roster of a group');
    }
    await this.#ready;
    if (have !== undefined && !this.#closed && this.#knownGroup(id) !== null) {
      await this.#ensure(id);
      this.#exchanges.get(id)?.rosterAsked(have);
    }
  }

  async #open(): Promise<void> {
    const { conversations } = this.parts;
    const all = [conversations.direct(this.link.peer.peerId), ...conversations.groups()];
    const digests: [conversation: string, digest: string][] = [];
    await this.#untilDone(async () => {
      digests.length = 0;
      for (const conversation of all) {
        const exchange = new Exchange(this.link, conversation, this.parts);
        if (!exchange.isShared) continue;
        const digest = await exchange.open();
        if (this.#closed) return exchange.close();
        this.#exchanges.set(conversation.id, exchange);
        digests.push([conversation.id, digest]);
      }
    }, 'cannot read what is held of a conversation');
    if (this.#closed) return;
    this.link.send({ type: 'digests', conversations: digests.slice(0, MAX_DIGESTS_PER_FRAME) });
  }

  /** Does something that needs the storage, for as long as it takes and the link is there. */
  async #untilDone(work: () => Promise<void>, problem: string): Promise<void> {
    const { clock, random, log } = this.parts;
    const backoff = new Backoff(STORAGE_BACKOFF, random);
    while (!this.#closed) {
      try {
        return await work();
      } catch (error) {
        if (error instanceof ProtocolError) throw error;
        log.warn({ code: errorCode(error) }, problem);
        await clock.sleep(backoff.next());
      }
    }
  }
}
