/** Long histories, as `p2p-chat import` takes them. */
import { createHash } from 'node:crypto';
import { directConversation, type ImportedMessage, MAX_HISTORY_PAGE, messageId } from '@p2p-chat/shared';
import { controlOf } from './control.ts';
import type { RunningDaemon } from './processes.ts';

/** Between two messages, in milliseconds. */
const APART_MS = 1_000;
/** Messages of one side before the other one answers. */
const TURN = 3;
/** Characters of what the ids of one conversation's messages begin with. */
const TAG_CHARACTERS = 26;
/** Of one to four lines on a screen. */
const FILLER = ' and what else there is to say of it';
const LENGTHS = 7;

/**
 * Gives a node a conversation that was had before it: `line 0`, `line 1` and so
 * on by turns, all read, the last of them just now.
 */
export async function importLines(
  daemon: RunningDaemon,
  peerId: string,
  user: string,
  count: number,
): Promise<void> {
  const self = daemon.peerId;
  const conversation = directConversation(self, peerId, (bytes) =>
    createHash('sha256').update(bytes).digest(),
  );
  const begin = Date.now() - count * APART_MS;
  const line = (n: number): ImportedMessage => {
    const isIn = Math.floor(n / TURN) % 2 === 0;
    const at = begin + n * APART_MS;
    const time = new Date(at).toISOString();
    return {
      id: messageId(peerId.slice(0, TAG_CHARACTERS), n + 1),
      conversation,
      peerId,
      author: isIn ? peerId : self,
      user: isIn ? user : daemon.ready.user,
      direction: isIn ? 'in' : 'out',
      kind: 'text',
      body: `line ${n}${FILLER.repeat((n * n) % LENGTHS)}`,
      sentAt: time,
      receivedAt: isIn ? time : null,
      state: 'read',
      clock: at.toString(16).padStart(12, '0') + '0000',
    };
  };
  const client = controlOf(daemon);
  for (let first = 0; first < count; first += MAX_HISTORY_PAGE) {
    const length = Math.min(MAX_HISTORY_PAGE, count - first);
    await client.import(Array.from({ length }, (_, at) => line(first + at)));
  }
}
