import type { MessageRepository } from '../../chat/ports/message.repository.js';
import type { MessageSearch } from '../../chat/ports/message-search.js';
import type { PeerRepository } from '../../chat/ports/peer.repository.js';
import type { ErrorRecord } from './error-record.js';
import type { IndexProgress } from './search-store.js';

/** A port as the worker thread serves it: the same methods, without the waiting. */
export type Synchronous<Port> = {
  [Method in keyof Port]: Port[Method] extends (...args: infer Args) => Promise<infer Result>
    ? (...args: Args) => Result
    : never;
};

/** What the worker thread serves. */
export interface Stores {
  messages: MessageRepository;
  peers: PeerRepository;
  search: MessageSearch & { indexMore(upTo?: number): Promise<IndexProgress> };
}

/** One call of a method of a store. */
export interface Call {
  store: keyof Stores;
  method: string;
  args: readonly unknown[];
}

export type Answer = { value: unknown } | { error: ErrorRecord };

/** To the worker thread. `close`: finish what was sent before, then end. */
export type ToWorker = Call | 'close';

/** From the worker thread: first `opened` or `refused`, then answers in the order of the calls. */
export type FromWorker =
  { type: 'opened' } | { type: 'refused'; error: ErrorRecord } | { type: 'answers'; answers: Answer[] };

export interface WorkerOptions {
  /** Path of the database. */
  file: string;
}

const WRITES: ReadonlySet<string> = new Set([
  'addOutgoing',
  'addIncoming',
  'addDropped',
  'setState',
  'markRead',
  'receiptsSent',
  'save',
  'indexMore',
  'check',
] satisfies (keyof MessageRepository | keyof PeerRepository | keyof Stores['search'])[]);

/** Whether the call needs a commit. */
export function isWrite(call: Call): boolean {
  return WRITES.has(call.method);
}
