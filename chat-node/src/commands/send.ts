import { P2pChatError, safeLine, type PeerView } from '@p2p-chat/shared';
import type { ControlClient } from '../console/control-client.js';
import { count, peerLabel } from '../console/labels.js';
import type { AWAITED_STATES } from './choices.js';
import { DeliveryTracker, type Outcome } from './delivery-tracker.js';
import { note, print, printJson, type Io } from './io.js';
import { profileClient, type ProfileFlags } from './profile-client.js';
import { checkMessage, InputError, readLines, readMessage } from './text-input.js';

export interface SendFlags extends ProfileFlags {
  lines?: boolean;
  wait: (typeof AWAITED_STATES)[number];
  /** Milliseconds after the last message was accepted. */
  timeout: number;
  json?: boolean;
}

/**
 * `send`: the argument, the whole of stdin, or with `--lines` each line of it.
 * @throws {P2pChatError} `not-in-time` where the awaited state was not reached; `message-refused` where the peer refused one for good
 */
export async function send(io: Io, name: string, text: string | undefined, flags: SendFlags): Promise<void> {
  if (flags.lines === true && text !== undefined) {
    throw new InputError('--lines reads its messages from stdin, so it takes no text.');
  }
  const argument = text === undefined ? undefined : checkMessage(text);
  const client = profileClient(io, flags);
  const peer = await client.peer(name, io.interruption());
  const sending = new Sending(io, client, peer, flags);
  await sending.run(argument);
}

class Sending {
  /** How many reached the awaited state. */
  #settled = 0;
  #printing: Promise<void> = Promise.resolve();
  readonly #failed: Outcome[] = [];
  readonly #signal: AbortSignal;

  constructor(
    private readonly io: Io,
    private readonly client: ControlClient,
    private readonly peer: PeerView,
    private readonly flags: SendFlags,
  ) {
    this.#signal = io.interruption();
  }

  async run(argument: string | undefined): Promise<void> {
    const { client, peer, flags } = this;
    const settle = (outcome: Outcome): void => this.settle(outcome);
    const tracker =
      flags.wait === 'queued'
        ? undefined
        : await DeliveryTracker.open(client, peer.peerId, flags.wait, settle, this.#signal);
    try {
      const accept = (results: Outcome[]): void => {
        if (tracker === undefined) results.forEach(settle);
        else tracker.add(results);
      };
      try {
        await this.hand(argument, accept);
      } finally {
        // Also where the sending stopped half-way: what was accepted is on its way.
        if (tracker !== undefined) await this.waitFor(tracker);
        await this.#printing;
      }
      await this.summarize(tracker?.pending ?? []);
    } finally {
      await tracker?.close();
    }
  }

  /** Hands the messages to the node. */
  private async hand(argument: string | undefined, accept: (results: Outcome[]) => void): Promise<void> {
    const { client, peer, io, flags } = this;
    if (flags.lines === true) return this.handLines(accept);
    if (argument === undefined && io.stdin.isTTY === true) {
      note(io, `Write to ${peerLabel(peer)}; Ctrl-D on a line of its own sends it.`);
    }
    const body = argument ?? (await readMessage(io.stdin));
    accept([await client.send(peer.peerId, body, this.#signal)]);
  }

  private async handLines(accept: (results: Outcome[]) => void): Promise<void> {
    let accepted = 0;
    try {
      for await (const results of this.client.sendAll(
        this.peer.peerId,
        readLines(this.io.stdin),
        this.#signal,
      )) {
        accepted += results.length;
        accept(results);
        // A slow reader of our output slows the sending, so that neither fills the memory.
        await this.#printing;
      }
    } catch (error) {
      note(this.io, `${count(accepted, 'message')} accepted before it stopped.`);
      throw error;
    }
  }

  private async waitFor(tracker: DeliveryTracker): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = this.io.clock.setTimeout(late.resolve, this.flags.timeout);
    this.#signal.addEventListener('abort', () => late.resolve(), { once: true });
    await Promise.race([tracker.settled(), late.promise]);
    timer.clear();
    this.#signal.throwIfAborted();
    if (tracker.pending.length > 0) await tracker.lookUp().catch(() => undefined);
  }

  private settle(outcome: Outcome): void {
    if (outcome.state === 'failed') this.#failed.push(outcome);
    else this.#settled += 1;
    if (this.flags.json === true) this.show(outcome);
  }

  private show(outcome: Outcome): void {
    this.#printing = this.#printing.then(() => printJson(this.io, outcome));
  }

  private async summarize(pending: readonly Outcome[]): Promise<void> {
    const { io, flags, peer } = this;
    const label = peerLabel(peer);
    if (flags.json === true) {
      pending.forEach((outcome) => this.show(outcome));
      await this.#printing;
    } else if (this.#settled > 0) {
      const what = flags.lines === true ? count(this.#settled, 'message') : 'The message';
      const is = this.#settled === 1 ? 'is' : 'are';
      const states = {
        queued: `queued for ${label}`,
        delivered: `delivered to ${label}`,
        read: `read by ${label}`,
      };
      await print(io, `${what} ${is} ${states[flags.wait]}.\n`);
    }
    const [refused] = this.#failed;
    if (refused !== undefined) {
      throw new P2pChatError(
        'message-refused',
        `${label} refused ${count(this.#failed.length, 'message')}: ${safeLine(refused.reason ?? 'no reason given')}.`,
      );
    }
    if (pending.length > 0) {
      const hint = pending.some((one) => one.state === 'queued')
        ? `Nothing is lost: what is queued is sent as soon as ${label} can be reached.`
        : `It was delivered; ${label} has not read it yet.`;
      throw new P2pChatError(
        'not-in-time',
        `${count(pending.length, 'message')} not ${flags.wait} within ${flags.timeout / 1000} s.`,
        { hint },
      );
    }
    if (flags.lines === true && this.#settled === 0)
      throw new InputError('There is nothing to send: no line has text.');
  }
}
