import { randomUUID } from 'node:crypto';
import { type ConversationView, errorCode, P2pChatError } from '@p2p-chat/shared';
import { isUnsettled } from '@p2p-chat/shared/client';
import type { ControlClient } from '../console/control-client.js';
import { conversationLabel, count } from '../console/labels.js';
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
  /** The caller's own key of the message. */
  key?: string;
  /** Whether those who read it are asked to confirm it. */
  confirm?: boolean;
  json?: boolean;
}

/** Attempts at one message whose answer was lost, and the wait between them: its key makes that safe. */
const MAX_ATTEMPTS = 3;
const RETRY_MS = 500;

/**
 * `send`: the argument, the whole of stdin, or with `--lines` each line of it.
 * @throws {P2pChatError} `not-in-time` where the awaited state was not reached
 */
export async function send(io: Io, name: string, text: string | undefined, flags: SendFlags): Promise<void> {
  if (flags.lines === true && text !== undefined) {
    throw new InputError('--lines reads its messages from stdin, so it takes no text.');
  }
  if (flags.lines === true && flags.key !== undefined) {
    throw new InputError('--key is the key of one message, so it does not go together with --lines.');
  }
  if (flags.lines === true && flags.confirm === true) {
    throw new InputError('--confirm is for one message, so it does not go together with --lines.');
  }
  const argument = text === undefined ? undefined : checkMessage(text);
  const client = profileClient(io, flags);
  const conversation = await client.conversation(name, io.interruption());
  const sending = new Sending(io, client, conversation, flags);
  await sending.run(argument);
}

class Sending {
  /** How many reached the awaited state. */
  #settled = 0;
  #printing: Promise<void> = Promise.resolve();
  /** The reader of what is printed has gone; what is there is sent all the same. */
  #isUnread = false;
  readonly #signal: AbortSignal;

  constructor(
    private readonly io: Io,
    private readonly client: ControlClient,
    private readonly conversation: ConversationView,
    private readonly flags: SendFlags,
  ) {
    this.#signal = io.interruption();
  }

  async run(argument: string | undefined): Promise<void> {
    const { client, conversation, flags } = this;
    const settle = (outcome: Outcome): void => this.settle(outcome);
    const tracker =
      flags.wait === 'queued'
        ? undefined
        : await DeliveryTracker.open(client, conversation.id, flags.wait, settle, this.#signal);
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
    const { conversation, io, flags } = this;
    if (flags.lines === true) return this.handLines(accept);
    if (argument === undefined && io.stdin.isTTY === true) {
      note(io, `Write to ${conversationLabel(conversation)}; Ctrl-D on a line of its own sends it.`);
    }
    const body = argument ?? (await readMessage(io.stdin));
    accept([await this.sendOne(body)]);
  }

  /** A key of its own makes a message whose answer was lost the same when it is sent again. */
  private async sendOne(body: string): Promise<Outcome> {
    const { client, conversation, io, flags } = this;
    const key = flags.key ?? randomUUID();
    const extras = flags.confirm === true ? { confirm: true } : {};
    for (let attempt = 1; ; attempt += 1) {
      try {
        const {
          id,
          conversation: where,
          state,
        } = await client.send(conversation.id, body, this.#signal, key, extras);
        return { id, conversation: where, state };
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || errorCode(error) !== 'node-silent' || !isUnsettled(error))
          throw error;
        await io.clock.sleep(RETRY_MS, this.#signal);
      }
    }
  }

  private async handLines(accept: (results: Outcome[]) => void): Promise<void> {
    let accepted = 0;
    try {
      for await (const results of this.client.sendAll(
        this.conversation.id,
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
    this.#settled += 1;
    if (this.flags.json === true) this.show(outcome);
  }

  private show(outcome: Outcome): void {
    this.#printing = this.#printing
      .then(() => (this.#isUnread ? undefined : printJson(this.io, outcome)))
      .catch((error: unknown) => {
        if (errorCode(error) !== 'EPIPE') throw error;
        this.#isUnread = true;
      });
  }

  private async summarize(pending: readonly Outcome[]): Promise<void> {
    const { io, flags, conversation } = this;
    const label = conversationLabel(conversation);
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
