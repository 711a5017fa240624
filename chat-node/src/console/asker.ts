import inquirer from 'inquirer';
import { conversationPrompt, type ConversationPromptConfig } from './prompts/conversation-prompt.js';
import { liveList, type LiveListConfig } from './prompts/live-list.js';

/** Shows a prompt and waits for its answer. The screens ask only through this. */
export interface Asker {
  /** @returns the chosen row's value, or `back` */
  list<State, Value>(config: LiveListConfig<State, Value>): Promise<Value>;
  /** @returns the text that was left in the line */
  conversation(config: ConversationPromptConfig): Promise<string>;
}

/**
 * The prompts of the console, as types of an Inquirer of their own.
 * @param beforeEach called before each prompt is drawn
 * @param signal ends the prompt that is open, and every later one
 */
export function inquirerAsker(beforeEach: () => void, signal: AbortSignal): Asker {
  const ask = inquirer.createPromptModule({ signal, clearPromptOnDone: true });
  const prompts: Readonly<Record<string, unknown>> = {
    'live-list': liveList,
    conversation: conversationPrompt,
  };
  for (const [type, prompt] of Object.entries(prompts)) {
    ask.registerPrompt(type, prompt as Parameters<typeof ask.registerPrompt>[1]);
  }
  const answer = async (type: string, config: object): Promise<unknown> => {
    beforeEach();
    const question = { message: '', ...config, type, name: 'answer' };
    const answers = await ask([question as never]);
    return (answers as { answer: unknown }).answer;
  };
  return {
    list: async <State, Value>(config: LiveListConfig<State, Value>) =>
      (await answer('live-list', config)) as Value,
    conversation: async (config) => (await answer('conversation', config)) as string,
  };
}
