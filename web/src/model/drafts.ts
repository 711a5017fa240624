import { signal } from '@preact/signals';
import { Shelf } from './storage.ts';

const shelf = new Shelf<string>('draft');

/** Text that was written and not sent, by conversation; kept through reloads. */
export const drafts = signal<Readonly<Record<string, string>>>(Object.fromEntries(shelf.all()));

/** Keeps a draft; an empty one is forgotten. */
export function keepDraft(conversation: string, text: string): void {
  const { [conversation]: before = '', ...others } = drafts.value;
  if (before === text) return;
  drafts.value = text === '' ? others : { ...others, [conversation]: text };
  shelf.put(conversation, text === '' ? undefined : text);
}
