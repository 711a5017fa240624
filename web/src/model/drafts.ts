import { signal } from '@preact/signals';
import { store, stored } from './storage.ts';

const KEY = 'drafts';

/** Text that was written and not sent, by conversation; kept through reloads. */
export const drafts = signal<Readonly<Record<string, string>>>(stored(KEY, {}));

/** Keeps a draft; an empty one is forgotten. */
export function keepDraft(conversation: string, text: string): void {
  const { [conversation]: before = '', ...others } = drafts.value;
  if (before === text) return;
  drafts.value = text === '' ? others : { ...others, [conversation]: text };
  store(KEY, drafts.value);
}
