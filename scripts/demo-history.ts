/* What “You” and Ada have said to each other before the demo begins. */
import { createHash } from 'node:crypto';
import { directConversation, type ImportedMessage, messageId } from '@p2p-chat/shared';

const DAY_MS = 24 * 60 * 60_000;
const DAYS = 12;
const TALKS_A_DAY = 12;

/** Who says what, in turn, beginning with Ada. */
const TALKS: readonly (readonly string[])[] = [
  ['Good morning! The kettle is on.', 'On my way.'],
  ['Does the printer on the second floor work again?', 'Since this morning. It wanted paper, as always.'],
  [
    'Could you look at my change when you have a moment?',
    'Looks good. One name is misspelt.',
    'Fixed, thanks.',
  ],
  ['The build is green.', '🎉'],
  ['Lunch at half past twelve?', 'Gladly. The usual place?', 'The usual place.'],
  ['Who has the projector?', 'It is in the lab, behind the door.'],
  ['I have put the notes of the meeting on the share.', 'Thank you!'],
  ['See you tomorrow.', 'Bye!'],
];
/** Far back, to be found by a search. */
const KEY = [
  'Where is the spare key?',
  'The spare key? Under the blue flower pot, left of the entrance.',
] as const;

/** What the ids of these messages begin with. */
const TAG = 'demo'.padEnd(26, 'a');

/**
 * The history as `p2p-chat import` takes it: JSON Lines, oldest first.
 * @param you peer id, as `ada`
 */
export function demoHistory(you: string, ada: string, now: number): string {
  const conversation = directConversation(you, ada, (bytes) => createHash('sha256').update(bytes).digest());
  const lines: string[] = [];
  let at = now - DAYS * DAY_MS;
  const say = (direction: 'in' | 'out', body: string): void => {
    at += 40_000;
    const time = new Date(at).toISOString();
    const message: ImportedMessage = {
      id: messageId(TAG, lines.length + 1),
      conversation,
      peerId: ada,
      author: direction === 'in' ? ada : you,
      user: direction === 'in' ? 'Ada' : 'You',
      direction,
      kind: 'text',
      body,
      sentAt: time,
      receivedAt: direction === 'in' ? time : null,
      state: 'read',
      clock: at.toString(16).padStart(12, '0') + '0000',
    };
    lines.push(JSON.stringify(message));
  };
  for (let day = 0; day < DAYS; day += 1) {
    const begin = now - (DAYS - day) * DAY_MS;
    for (let talk = 0; talk < TALKS_A_DAY; talk += 1) {
      at = Math.max(at, begin + talk * (DAY_MS / (3 * TALKS_A_DAY)));
      if (day === 1 && talk === 3) {
        say('out', KEY[0]);
        say('in', KEY[1]);
      }
      for (const [turn, body] of (TALKS[(day * 5 + talk) % TALKS.length] ?? []).entries())
        say(turn % 2 === 0 ? 'in' : 'out', body);
    }
  }
  return lines.join('\n');
}
