import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import {
  contentText,
  createBatch,
  createOperation,
  directConversation,
  encodeFrame,
  encodeWireFrame,
  FRAME_KIND,
  FrameDecoder,
  hex,
  type NewEntry,
  type OperationSigner,
  parseFrame,
  peerIdOfKey,
  PROTOCOL_VERSION,
  type RosterDetail,
  type RosterOperation,
  type Tip,
  tipOf,
  verifyBatch,
  type WireFrame,
} from '@p2p-chat/shared';
import { rosterFrames } from '../../chat-node/dist/core/delivery/roster-frames.js';
import { createCertificate } from '../../chat-node/dist/profile/certificate.js';
import { NodeIdentityKeys } from '../../chat-node/dist/profile/identity-keys.js';
import { tlsOptions } from '../../chat-node/dist/transport/tls-options.js';
import type { RunningDaemon } from './processes.ts';

const CONTENT = contentText({ kind: 'text', body: 'x'.repeat(128) });

/** Somebody with a key of their own. */
export class LightPerson extends NodeIdentityKeys {
  readonly user: string;
  readonly tls: { keyPem: string; certificatePem: string };

  private constructor(
    user: string,
    keys: { privateKey: KeyObject; publicKey: KeyObject },
    tls: LightPerson['tls'],
  ) {
    super({ peerId: peerIdOfKey(keys.publicKey), ...keys });
    this.user = user;
    this.tls = tls;
  }

  static async named(user: string): Promise<LightPerson> {
    const keys = generateKeyPairSync('ed25519');
    const keyPem = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    return new LightPerson(user, keys, { keyPem, certificatePem: await createCertificate(keys) });
  }
}

/** Operations of a group, each of which names the one before. */
export class LightRoster {
  readonly operations: RosterOperation[] = [];
  #ms: number;

  /** @param at when the group was founded, in milliseconds since 1970 */
  constructor(at = Date.now() - 60_000) {
    this.#ms = at;
  }

  get conversation(): string {
    return this.operations[0]?.conversation ?? '';
  }

  /** @param after what it names; without it, the latest one */
  add(by: OperationSigner, detail: RosterDetail, after = this.operations.slice(-1)): RosterOperation {
    this.#ms += 1;
    const operation = createOperation(
      {
        conversation: this.operations.length === 0 ? null : this.conversation,
        clock: clockAt(this.#ms),
        parents: after.map(({ hash }) => hash),
        detail,
      },
      by,
    );
    this.operations.push(operation);
    return operation;
  }

  found(by: LightPerson, name: string): RosterOperation {
    const nonce = hex(randomBytes(16));
    return this.add(by, { kind: 'found', name, user: by.user, open: false, history: 'join', nonce });
  }

  /** What the first batch of somebody who entered by this names. */
  static entryTip({ hash, clock }: RosterOperation): Tip {
    return { segment: hash.slice(0, 32), seq: 1, clock, hash };
  }
}

/** What a {@link LightPeer} writes to. */
export interface LightConversation {
  id: string;
  /** What the first batch names. */
  follows: readonly Tip[];
}

/**
 * A peer without a node: it answers pings, acknowledges what it is sent, agrees to every digest, and sends
 * batches until they are acknowledged. What it writes is well-formed, unless it is told otherwise.
 */
export class LightPeer {
  /** The code of the error with which the node closed the link; null without one. */
  error: string | null = null;
  /** Frames that came and are neither pings nor of what is exchanged at every opening. */
  readonly said: WireFrame[] = [];
  /** Resolves when the link is closed. */
  readonly closed: Promise<unknown>;
  #now = Date.now();
  #hasAgreed = false;
  #pongs = 0;
  /** The last batch that was sent, and up to where the node said that it has them. */
  #tip: Tip | null = null;
  #held = 0;
  readonly #watchers = new Set<() => void>();
  readonly #segment = hex(randomBytes(16));
  readonly #decoder = new FrameDecoder();
  readonly #conversation: LightConversation;
  readonly person: LightPerson;
  readonly socket: TLSSocket;

  private constructor(person: LightPerson, socket: TLSSocket, conversation: LightConversation) {
    this.person = person;
    this.socket = socket;
    this.#conversation = conversation;
    socket.on('error', () => undefined);
    this.closed = once(socket, 'close');
    void this.closed.then(() => this.#tellWatchers());
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
  }

  /** @param group what it writes to; without it, the conversation of the two */
  static async dial(
    { peerId, ready }: RunningDaemon,
    person: LightPerson,
    { group, port = ready.peerPort }: { group?: LightConversation; port?: number } = {},
  ): Promise<LightPeer> {
    const socket = connect({ host: '127.0.0.1', port, ...tlsOptions(person.tls) });
    await once(socket, 'secureConnect');
    const id = directConversation(person.peerId, peerId, person.sha256);
    const peer = new LightPeer(person, socket, group ?? { id, follows: [] });
    const { user } = person;
    peer.write({
      type: 'hello',
      protocol: PROTOCOL_VERSION,
      user,
      agent: 'light/1',
      instance: user,
      port: 0,
    });
    await once(socket, 'data');
    return peer;
  }

  write(...frames: WireFrame[]): void {
    for (const frame of frames) this.socket.write(encodeWireFrame(frame));
  }

  /** Tells operations of a group, as many to a frame as it takes. */
  tell(operations: readonly RosterOperation[]): void {
    this.write(...rosterFrames(operations[0]?.conversation ?? '', operations));
  }

  /** Waits for something that the node says or does. @throws {Error} where the link closes first */
  async until<T>(what: string, check: () => T | undefined | false): Promise<T> {
    for (;;) {
      const value = check();
      if (value !== undefined && value !== false) return value;
      if (this.socket.destroyed) throw new Error(`The node closed the link (${this.error}) before ${what}`);
      await new Promise<void>((resolve) => this.#watchers.add(resolve));
    }
  }

  /** Waits until both ends have said what they say when a link opens. */
  async settled(): Promise<void> {
    await this.until('its digests came', () => this.#hasAgreed);
    const pongs = this.#pongs;
    this.write({ type: 'ping' });
    await this.until('it answered a ping', () => this.#pongs > pongs);
  }

  /** Sends messages in one batch and waits until the node has saved all of them. */
  async send(count = 1): Promise<void> {
    const { seq } = this.sendBatch(count);
    await this.until('a batch was acknowledged', () => this.#held >= seq);
  }

  /**
   * Sends messages in one batch.
   * @param lies in whose name, and what signs it, in place of the person; `again`: for the place of the first one
   */
  sendBatch(count = 1, lies: { author?: string; sign?: LightPerson['sign']; again?: boolean } = {}): Tip {
    const { author = this.person.peerId, sign = this.person.sign, again = false } = lies;
    const before = again ? null : this.#tip;
    const sentAt = (this.#now += 1);
    const entries = Array.from({ length: count }, (_, nth): NewEntry => ({
      clock: clockAt(sentAt, nth),
      sentAt,
      content: CONTENT,
    }));
    const { id, follows } = this.#conversation;
    const batch = createBatch(
      {
        conversation: id,
        author,
        segment: this.#segment,
        first: (before?.seq ?? 0) + 1,
        follows: before === null ? follows : [before],
      },
      entries,
      { sha256: this.person.sha256, random: this.person.random, sign },
    );
    this.socket.write(encodeFrame(FRAME_KIND.batch, batch.bytes));
    return (this.#tip = tipOf(batch));
  }

  /** Ends the link. */
  close(): void {
    this.socket.destroy();
  }

  #take(chunk: Buffer): void {
    for (const { kind, payload } of this.#decoder.push(chunk)) {
      if (kind === FRAME_KIND.json) this.#takeFrame(parseFrame(payload));
      else this.#acknowledge(payload);
    }
    this.#tellWatchers();
  }

  #takeFrame(frame: WireFrame): void {
    switch (frame.type) {
      case 'ping':
        return this.write({ type: 'pong' });
      case 'digests':
        this.#hasAgreed = true;
        return this.write(frame);
      case 'pong':
        this.#pongs += 1;
        return;
      case 'error':
        this.error = frame.code;
        break;
      case 'state':
        for (const { author, tips = [] } of frame.feeds) {
          if (author === this.person.peerId)
            for (const { seq } of tips) this.#held = Math.max(this.#held, seq);
        }
        break;
      case 'roster':
      case 'want':
        this.said.push(frame);
        break;
      default:
    }
  }

  #acknowledge(bytes: Uint8Array): void {
    const batch = verifyBatch(bytes, { sha256: this.person.sha256, verify: () => true });
    const { conversation, author } = batch;
    this.write({ type: 'state', conversation, feeds: [{ author, tips: [tipOf(batch)] }] });
  }

  #tellWatchers(): void {
    for (const tell of this.#watchers) tell();
    this.#watchers.clear();
  }
}

/** A hybrid logical clock at a time. */
function clockAt(ms: number, count = 0): string {
  return ms.toString(16).padStart(12, '0') + count.toString(16).padStart(4, '0');
}
