import type { ErrorRecord } from './error-record.js';
import type { MessageStore } from './message-store.js';
import type { PeerStore } from './peer-store.js';
import type { SearchStore } from './search-store.js';

/** What the worker thread serves. */
export interface Stores {
  messages: MessageStore;
  peers: PeerStore;
  search: SearchStore;
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

/**
 * From the worker thread: first `opened` or `refused`, then answers in the
 * order of the calls, and between them `disk-failed` when the file was closed
 * until its disk works again.
 */
export type FromWorker =
  | { type: 'opened' }
  | { type: 'refused'; error: ErrorRecord }
  | { type: 'answers'; answers: Answer[] }
  | { type: 'disk-failed' };

export interface WorkerOptions {
  /** Path of the database. */
  file: string;
}

const WRITES: ReadonlySet<string> = new Set([
  'addOutgoing',
  'addIncoming',
  'addImported',
  'addDropped',
  'setState',
  'markRead',
  'receiptsSent',
  'save',
  'indexMore',
  'check',
] satisfies (keyof MessageStore | keyof PeerStore | keyof SearchStore)[]);

/** Whether the call needs a commit. */
export function isWrite(call: Call): boolean {
  return WRITES.has(call.method);
}
