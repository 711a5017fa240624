import { newMessageIds } from '@p2p-chat/shared';
import { type MessageRun, sentAtText } from '../chat/message-run.js';

/** A run of messages that somebody wrote here, with clocks that go up from `first`. */
export function aRun(bodies: string | readonly string[], first = 1): MessageRun {
  const list = typeof bodies === 'string' ? [bodies] : bodies;
  const clock = (at: number): string => (first + at).toString(16).padStart(16, '0');
  return {
    conversationId: 'somebody',
    author: 'me',
    kind: 'text',
    receivedAt: null,
    count: list.length,
    ids: newMessageIds(0, list.length),
    clocks: list.map((_, at) => clock(at)).join(''),
    sentAt: sentAtText(1).repeat(list.length),
    bodies: JSON.stringify(list),
  };
}
