import {
  type Clock,
  encodeMessage,
  MAX_BODY_BYTES,
  newMessageId,
  newMessageIds,
  ProtocolError,
} from '@p2p-chat/shared';
import { directConversationId } from './conversation.js';
import type { ConversationClocks } from './conversation-clocks.js';
import { ChatError } from './errors.js';
import type { ChatEvents } from './events.js';
import { HybridClock } from './hybrid-clock.js';
import { InOrder } from './in-order.js';
import { framed, MAX_RUN_CHARACTERS, MAX_RUN_MESSAGES, type MessageRun, sentAtText } from './message-run.js';
import type { MessageRequests } from './message-requests.js';
import type { Outbox } from './outbox.js';
import type { PeerDirectory } from './peer-directory.js';
import type { MessageRepository } from './ports/message.repository.js';

/** Takes what a person wrote: makes it durable, then gives it to the outbox. */
export class SendMessage {
  readonly #order = new InOrder<string>();

  constructor(
    private readonly self: string,
    private readonly messages: MessageRepository,
    private readonly clocks: ConversationClocks,
    private readonly directory: PeerDirectory,
    private readonly requests: MessageRequests,
    private readonly outbox: Outbox,
    private readonly events: ChatEvents,
    private readonly clock: Clock,
  ) {}

  /**
   * Accepts messages for a peer, in order: when the promise resolves they are
   * durable and in state `queued`. All of them are accepted or none.
   *
   * @throws {ChatError} `peer-is-self`, `peer-blocked`, `body-empty`,
   *   `body-too-large` or `body-malformed`
   * @throws {StorageError} where they could not be made durable
   */
  async send(peerId: string, bodies: readonly string[]): Promise<MessageRun[]> {
    if (peerId === this.self) throw new ChatError('peer-is-self', 'A message to oneself goes nowhere.');
    if (this.directory.isBlocked(peerId)) {
      throw new ChatError('peer-blocked', 'You have blocked this person.', {
        hint: 'Unblock them to write to them.',
      });
    }
    bodies.forEach(checkBody);
    const conversationId = directConversationId(peerId);
    const loaded = this.clocks.get(conversationId);
    const clock = loaded instanceof Promise ? await loaded : loaded;
    const accepted = runLengths(bodies).flatMap(([start, end]) =>
      framed(this.#create(conversationId, bodies.slice(start, end), clock)),
    );
    const saving = Promise.all([this.directory.accept(peerId), this.messages.addOutgoingRuns(accepted)]);
    await this.#order.after(peerId, saving);
    // Who writes to somebody accepts them.
    this.requests.decided(peerId);
    for (const run of accepted) this.events.publish({ type: 'messages', run });
    // After whoever waits for this has gone on: the next part of a stream is
    // made durable while this one is encrypted.
    setImmediate(() => this.outbox.accepted(peerId, accepted));
    return accepted;
  }

  #create(conversationId: string, bodies: readonly string[], clock: HybridClock): MessageRun {
    const now = this.clock.now();
    return {
      conversationId,
      author: this.self,
      kind: 'text',
      receivedAt: null,
      count: bodies.length,
      ids: newMessageIds(now, bodies.length),
      clocks: bodies.map(() => clock.next(now)).join(''),
      sentAt: sentAtText(now).repeat(bodies.length),
      bodies: JSON.stringify(bodies),
    };
  }
}

/** Where runs of these bodies begin and end. */
function runLengths(bodies: readonly string[]): [start: number, end: number][] {
  const lengths: [number, number][] = [];
  let [start, characters] = [0, 0];
  for (const [at, { length }] of bodies.entries()) {
    const isFull = at - start === MAX_RUN_MESSAGES || characters + length > MAX_RUN_CHARACTERS;
    if (at > start && isFull) {
      lengths.push([start, at]);
      [start, characters] = [at, 0];
    }
    characters += length;
  }
  if (start < bodies.length) lengths.push([start, bodies.length]);
  return lengths;
}

/**
 * Checks one body.
 * @throws {ChatError} `body-empty`, `body-too-large` or `body-malformed`
 */
export function checkBody(body: string): void {
  if (body.trim() === '') throw new ChatError('body-empty', 'A message needs some text.');
  if (!body.isWellFormed()) {
    throw new ChatError('body-malformed', 'The message holds half a character (a lone surrogate).');
  }
  // The cheap bound first: UTF-8 takes at most three bytes for a UTF-16 unit.
  if (body.length * 3 <= MAX_BODY_BYTES) return;
  if (Buffer.byteLength(body) > MAX_BODY_BYTES) throw tooLarge();
  // A body within the limit still does not fit a frame where most of it is
  // control characters, which JSON writes with six bytes each.
  try {
    encodeMessage({
      id: newMessageId(0),
      clock: new HybridClock().next(0),
      sentAt: Number.MAX_SAFE_INTEGER,
      kind: 'text',
      body,
    });
  } catch (error) {
    if (error instanceof ProtocolError) throw tooLarge(error);
    throw error;
  }
}

function tooLarge(cause?: unknown): ChatError {
  return new ChatError('body-too-large', `A message has at most ${MAX_BODY_BYTES / 1024} KiB.`, {
    hint: 'Send it in parts.',
    cause,
  });
}
