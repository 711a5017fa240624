import type { ErrorRecord } from './error-record.js';
import type { Operations } from './operations.js';

/** A call of one of the operations of the storage thread. */
export interface Call {
  method: keyof Operations;
  args: readonly unknown[];
}

export type Answer = { value: unknown } | { error: ErrorRecord };

/** To the storage thread. `close`: finish what was sent before, then end. */
export type ToWorker = Call | 'close';

/**
 * From the storage thread: first `opened` or `refused`, then answers in the
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
