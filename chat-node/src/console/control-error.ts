import { ConnectionError } from '@p2p-chat/shared/client';

/** The error of a profile for which no node runs. */
export function nodeNotRunning(home: string, cause?: unknown): ConnectionError {
  return new ConnectionError('node-not-running', `No node is running for the profile in ${home}.`, {
    hint: 'Start one with "p2p-chat console" or "p2p-chat daemon", or choose another profile with --user or --home.',
    cause,
  });
}
