import type { FoundMessageView } from '@p2p-chat/shared';
import type { Asker } from '../asker.js';
import { foundLines } from '../found-lines.js';
import type { SearchPromptConfig } from '../prompts/search-prompt.js';
import type { TextPromptConfig } from '../prompts/text-prompt.js';
import type { Store } from '@p2p-chat/shared/client';
import { plainConversation } from './plain-conversation.js';
import { plainList } from './plain-list.js';
import { spoken, type PlainLines } from './plain-lines.js';

const WIDTH = 1_000;

/** The same prompts in lines only, for a screen reader and for terminals that cannot move the cursor: nothing is redrawn. */
export function plainAsker(lines: PlainLines): Asker {
  return {
    list: (config) => plainList(lines, config),
    conversation: (config) => plainConversation(lines, config),
    text: (config) => plainText(lines, config),
    search: (config) => plainSearch(lines, config),
  };
}

async function plainText(lines: PlainLines, config: TextPromptConfig): Promise<string | null> {
  const now = config.initial === '' ? 'empty' : config.initial;
  lines.say(
    '',
    config.message,
    ...spoken(config.intro),
    `It is ${now}. Type a text; /empty for none; Enter alone leaves it.`,
  );
  for (;;) {
    const typed = await lines.next();
    if (typed === null || typed === '' || typed === '/back') return null;
    const text = typed === '/empty' ? '' : typed;
    const wrong = config.check(text);
    if (wrong === null) return text;
    lines.say(wrong);
  }
}

async function plainSearch(lines: PlainLines, config: SearchPromptConfig): Promise<FoundMessageView | null> {
  const help =
    'Type words to search for; a number goes to what was found, + finds more, Enter alone goes back.';
  let said = 0;
  const sayFound = async (): Promise<void> => {
    const { found, query, problem, atEnd } = await settled(config.results);
    if (problem !== null) return lines.say(problem);
    found.slice(said).forEach((one, i) => {
      const [who = '', ...text] = spoken(foundLines(one, query, config.view.get(), WIDTH));
      lines.say(`${said + i + 1}. ${who}`, ...text.map((line) => `  ${line}`));
    });
    said = found.length;
    lines.say(found.length === 0 ? 'Nothing has these words.' : atEnd ? 'That is all.' : 'There is more: +');
  };
  lines.say('', 'Search Messages', help);
  if (config.initial !== '') await sayFound();
  for (;;) {
    const typed = (await lines.next())?.trim();
    if (typed === undefined || typed === '' || typed === '/back') return null;
    const chosen = /^\d+$/u.test(typed) ? config.results.get().found[Number(typed) - 1] : undefined;
    if (chosen !== undefined) return chosen;
    if (typed === '?') lines.say(help);
    else {
      if (typed === '+') config.more();
      else {
        said = 0;
        config.look(typed);
      }
      await sayFound();
    }
  }
}

/** What was found, when it is known. */
async function settled<T extends { searching: boolean }>(store: Store<T>): Promise<T> {
  for (;;) {
    const now = store.get();
    if (!now.searching) return now;
    await new Promise<void>((resolve) => {
      const unsubscribe = store.subscribe(() => {
        unsubscribe();
        resolve();
      });
    });
  }
}
