import { errorCode } from '@p2p-chat/shared';
import { ControlError } from '@p2p-chat/shared/client';

/** What the exit status of a command says. */
export const EXIT = {
  done: 0,
  failed: 1,
  /** Wrong use: of an option, of a setting, or of what was given to send. */
  usage: 2,
  /** No such peer, or an ambiguous one. */
  noPeer: 3,
  /** No node is running, and the command does not start one. */
  noNode: 4,
  /** Not in the awaited state in time. */
  notInTime: 5,
  /** Ended by Ctrl-C, as a shell reports it. */
  interrupted: 130,
} as const;

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

const BY_CODE: Readonly<Record<string, ExitStatus>> = {
  'peer-unknown': EXIT.noPeer,
  'peer-ambiguous': EXIT.noPeer,
  'group-unknown': EXIT.noPeer,
  'group-ambiguous': EXIT.noPeer,
  'node-not-running': EXIT.noNode,
  'invalid-setting': EXIT.usage,
  'invalid-input': EXIT.usage,
  'not-in-time': EXIT.notInTime,
  interrupted: EXIT.interrupted,
};

// What the node says of a request that nobody should send again unchanged.
const REFUSED_INPUT: ReadonlySet<number> = new Set([400, 413, 415, 422]);

/** The exit status of a command that ended with this error. */
export function exitStatusOf(error: unknown): ExitStatus {
  const known = BY_CODE[errorCode(error) ?? ''];
  if (known !== undefined) return known;
  if (error instanceof ControlError && REFUSED_INPUT.has(error.status)) return EXIT.usage;
  return EXIT.failed;
}
