import type { Direction, MessageState } from '@p2p-chat/shared';

/**
 * Direction, state and receipt of a message as one number of its row.
 *
 * Messages mostly come, and are acked, in the order of their clocks. Those
 * have `sent` and `arrived`, in no further index, and the conversation's marks
 * say the rest. What came out of that order has a number up to `receiptDue`
 * while it waits for something, and is in the index `messages_waiting`.
 */
export const Status = {
  /** Outgoing, not acked, written out of order. */
  queued: 1,
  /** Incoming, not read, arrived out of order. */
  unread: 2,
  /** Incoming, read, the author does not know it yet. */
  receiptDue: 3,
  /** Outgoing, acked out of order. */
  delivered: 4,
  /** Outgoing, read by the other one. */
  read: 5,
  /** Outgoing, rejected for good. */
  failed: 6,
  /** Incoming, read, nothing left to do. */
  seen: 7,
  /** Outgoing: acked if its clock is up to `conversations.delivered_to`, otherwise queued. */
  sent: 8,
  /** Incoming, not read; its clock is not before `conversations.unread_from`. */
  arrived: 9,
} as const;
export type Status = (typeof Status)[keyof typeof Status];

/** What the marks of conversation `c` say of message `m`: a status without `sent` and `arrived`, in SQL. */
export const PRESENT_STATUS = `CASE m.status
  WHEN ${Status.sent} THEN CASE WHEN m.clock > c.delivered_to THEN ${Status.queued} ELSE ${Status.delivered} END
  WHEN ${Status.arrived} THEN ${Status.unread}
  ELSE m.status END`;

/** Statuses of incoming messages. */
export const INCOMING = [Status.unread, Status.receiptDue, Status.seen, Status.arrived] as const;

type PresentStatus = Exclude<Status, typeof Status.sent | typeof Status.arrived>;

const MEANING: Readonly<Record<PresentStatus, readonly [Direction, MessageState]>> = {
  [Status.queued]: ['out', 'queued'],
  [Status.unread]: ['in', 'delivered'],
  [Status.receiptDue]: ['in', 'read'],
  [Status.delivered]: ['out', 'delivered'],
  [Status.read]: ['out', 'read'],
  [Status.failed]: ['out', 'failed'],
  [Status.seen]: ['in', 'read'],
};

/** The statuses from which an outgoing message may go to a state. */
export const COMES_FROM: Readonly<Record<'delivered' | 'read' | 'failed', readonly Status[]>> = {
  delivered: [Status.queued],
  read: [Status.delivered, Status.queued],
  failed: [Status.queued],
};

/** What a present status says of a message. */
export function meaningOf(status: PresentStatus): readonly [Direction, MessageState] {
  return MEANING[status];
}
