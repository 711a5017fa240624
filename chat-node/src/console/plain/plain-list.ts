import type { ListRow, LiveListConfig } from '../prompts/live-list.js';
import { spoken, type PlainLines } from './plain-lines.js';

/** As wide as a header needs; nothing is cut to a screen here. */
const WIDTH = 1_000;

const HELP = [
  'A number and Enter chooses.',
  'Some letters and Enter list only what has these letters.',
  'Enter alone lists everything again.',
];

/** A list in lines: each row has a number, and keeps it while the list is open. */
export async function plainList<State, Value>(
  lines: PlainLines,
  config: LiveListConfig<State, Value>,
): Promise<Value> {
  const numbers = new Map<string, number>();
  const rows = (): ListRow<Value>[] => config.rows(config.store.get());
  const numberOf = (row: ListRow<Value>): number => {
    let number = numbers.get(row.key);
    if (number === undefined) numbers.set(row.key, (number = numbers.size + 1));
    return number;
  };
  const sayRow = (row: ListRow<Value>): void => {
    const remark = row.remark === undefined || row.remark === '' ? '' : `, ${row.remark}`;
    lines.say(`${numberOf(row)}. ${row.label}${remark}`);
  };
  const above = (): string[] => spoken(config.header(config.store.get(), WIDTH));
  let known = above();
  const sayAll = (): void => {
    const state = config.store.get();
    known = above();
    lines.say('', ...known, config.message, ...spoken(config.intro?.(state) ?? []));
    rows().forEach(sayRow);
    lines.say(`Type a number${config.back === undefined ? '' : ', /back'}, or ? for help.`);
  };
  const sayNews = (): void => {
    const now = above();
    // The first line only counts; the others are news.
    lines.say(...now.slice(1).filter((line) => !known.includes(line)));
    known = now;
    for (const row of rows()) if (!numbers.has(row.key)) sayRow(row);
  };
  sayAll();
  const unsubscribe = config.store.subscribe(sayNews);
  try {
    for (;;) {
      const typed = (await lines.next())?.trim();
      if (typed === undefined) return config.back as Value;
      const jump = config.jump?.(config.store.get());
      if (typed === '/back' && config.back !== undefined) return config.back;
      if (typed === '/next' && config.jump !== undefined) {
        if (jump !== undefined) return jump;
        lines.say('Nobody has written that you have not read.');
      } else if (typed === '') sayAll();
      else if (typed === '?') {
        lines.say(...HELP);
        if (config.jump !== undefined) lines.say('/next opens the next conversation with unread messages.');
        if (config.back !== undefined) lines.say('/back goes back.');
      } else if (/^\d+$/u.test(typed)) {
        const chosen = rows().find((row) => numbers.get(row.key) === Number(typed));
        if (chosen !== undefined) return chosen.value;
        lines.say(`There is no ${typed} here${Number(typed) <= numbers.size ? ' any more' : ''}.`);
      } else {
        const wanted = typed.toLowerCase();
        const found = rows().filter((row) => row.label.toLowerCase().includes(wanted));
        if (found.length === 0) lines.say('Nothing here is like that.');
        found.forEach(sayRow);
      }
    }
  } finally {
    unsubscribe();
  }
}
