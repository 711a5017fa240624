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
  me: (text: string) => styleText('cyan', text),
  other: (text: string) => styleText('green', text),
};
