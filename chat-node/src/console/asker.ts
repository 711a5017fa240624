import { Writable } from 'node:stream';
import type { FoundMessageView } from '@p2p-chat/shared';
import inquirer from 'inquirer';
import type { Keyboard } from './keyboard.js';
import {
  conversationPrompt,
  type ConversationPromptConfig,
  type Leaving,
} from './prompts/conversation-prompt.js';
import { liveList, type LiveListConfig } from './prompts/live-list.js';
import { searchPrompt, type SearchPromptConfig } from './prompts/search-prompt.js';
import { textPrompt, type TextPromptConfig } from './prompts/text-prompt.js';
import type { Screen } from './screen.js';

/** Shows a prompt and waits for its answer. The screens ask only through this. */
export interface Asker {
  /** @returns the chosen row's value, or `back` */
  list<State, Value>(config: LiveListConfig<State, Value>): Promise<Value>;
  conversation(config: ConversationPromptConfig): Promise<Leaving>;
  /** @returns the text, or null where the person went back */
  text(config: TextPromptConfig): Promise<string | null>;
  /** @returns the message to go to, or null where the person went back */
  search(config: SearchPromptConfig): Promise<FoundMessageView | null>;
}

/**
 * The prompts of the console, as types of an Inquirer of their own.
 * @param signal ends the prompt that is open, and every later one
 */
export function inquirerAsker(keyboard: Keyboard, screen: Screen, signal: AbortSignal): Asker {
  // The prompts draw by themselves, on the whole screen.
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const input = keyboard as unknown as NodeJS.ReadableStream;
  const ask = inquirer.createPromptModule({ signal, input, output });
  const prompts: Readonly<Record<string, unknown>> = {
    'live-list': liveList,
    conversation: conversationPrompt,
    text: textPrompt,
    search: searchPrompt,
  };
  for (const [type, prompt] of Object.entries(prompts)) {
    ask.registerPrompt(type, prompt as Parameters<typeof ask.registerPrompt>[1]);
  }
  const answer = async (type: string, config: object): Promise<unknown> => {
    const draw = screen.draw.bind(screen);
    const question = { message: '', ...config, draw, type, name: 'answer' };
    const answers = await ask([question as never]);
    return (answers as { answer: unknown }).answer;
  };
  return {
    list: async <State, Value>(config: LiveListConfig<State, Value>) =>
      (await answer('live-list', config)) as Value,
    conversation: async (config) => (await answer('conversation', config)) as Leaving,
    text: async (config) => (await answer('text', config)) as string | null,
    search: async (config) => (await answer('search', config)) as FoundMessageView | null,
  };
}
