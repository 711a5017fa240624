import { styleText } from 'node:util';

/**
 * What a colour means. All of them come from here; `NO_COLOR` and pipes switch
 * them off. None is bright, white or yellow: on a light background nobody sees those.
 */
export const theme = {
  title: (text: string) => styleText(['bold', 'cyan'], text),
  strong: (text: string) => styleText('bold', text),
  italic: (text: string) => styleText('italic', text),
  faint: (text: string) => styleText('dim', text),
  active: (text: string) => styleText('cyan', text),
  good: (text: string) => styleText('green', text),
  news: (text: string) => styleText(['bold', 'magenta'], text),
  warning: (text: string) => styleText('magenta', text),
  problem: (text: string) => styleText('red', text),
  match: (text: string) => styleText(['bold', 'underline', 'magenta'], text),
  found: (text: string) => styleText('inverse', text),
  me: (text: string) => styleText('cyan', text),
};

const PEOPLE = ['green', 'magenta', 'blue', 'red'] as const;

/** A person's name in their colour, which is the same everywhere and at all times. */
export function inPersonsColour(peerId: string, name: string): string {
  let sum = 0;
  for (const character of peerId) sum = (sum * 31 + character.charCodeAt(0)) >>> 0;
  return styleText(PEOPLE[sum % PEOPLE.length] ?? 'green', name);
}
