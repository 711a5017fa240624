import type { Direction, MessageState } from '@p2p-chat/shared';

/**
 * Direction, state and receipt of a message as one number of its row. Up to
 * `receiptDue` the message waits for something and is in the index
 * `messages_waiting`.
 */
export const Status = {
  /** Outgoing, not acked. */
  queued: 1,
  /** Incoming, not read. */
  unread: 2,
  /** Incoming, read, the author does not know it yet. */
  receiptDue: 3,
  /** Outgoing, acked. */
  delivered: 4,
  /** Outgoing, read by the other one. */
  read: 5,
  /** Outgoing, rejected for good. */
  failed: 6,
  /** Incoming, read, nothing left to do. */
  seen: 7,
} as const;
export type Status = (typeof Status)[keyof typeof Status];

const MEANING: Readonly<Record<Status, readonly [Direction, MessageState]>> = {
  [Status.queued]: ['out', 'queued'],
  [Status.unread]: ['in', 'delivered'],
  [Status.receiptDue]: ['in', 'read'],
  [Status.delivered]: ['out', 'delivered'],
  [Status.read]: ['out', 'read'],
  [Status.failed]: ['out', 'failed'],
  [Status.seen]: ['in', 'read'],
};

/** The statuses from which an outgoing message may go to a state, the likeliest first. */
export const COMES_FROM = {
  delivered: [Status.queued],
  read: [Status.delivered, Status.queued],
  failed: [Status.queued],
} as const;

/** What a status says of a message. */
export function meaningOf(status: Status): readonly [Direction, MessageState] {
  return MEANING[status];
}
