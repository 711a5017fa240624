import { styleText } from 'node:util';

/** What a colour means. All of them come from here; `NO_COLOR` and pipes switch them off. */
export const theme = {
  title: (text: string) => styleText(['bold', 'cyan'], text),
  strong: (text: string) => styleText('bold', text),
  faint: (text: string) => styleText('dim', text),
  active: (text: string) => styleText('cyan', text),
  good: (text: string) => styleText('green', text),
  news: (text: string) => styleText(['bold', 'yellow'], text),
  warning: (text: string) => styleText('yellow', text),
  problem: (text: string) => styleText('red', text),
  match: (text: string) => styleText(['bold', 'underline', 'yellow'], text),
  found: (text: string) => styleText('inverse', text),
  me: (text: string) => styleText('cyan', text),
};

const PEOPLE = [
  'green',
  'magenta',
  'yellow',
  'blue',
  'red',
  'greenBright',
  'magentaBright',
  'blueBright',
] as const;

/** A person's name in their colour, which is the same everywhere and at all times. */
export function inPersonsColour(peerId: string, name: string): string {
  let sum = 0;
  for (const character of peerId) sum = (sum * 31 + character.charCodeAt(0)) >>> 0;
  return styleText(PEOPLE[sum % PEOPLE.length] ?? 'green', name);
}
