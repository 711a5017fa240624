import { computed } from '@preact/signals';
import { settings } from '../model/settings.ts';
import { de } from './de.ts';
import { en, type Words } from './en.ts';

/** The languages, by their tags. */
export const LANGUAGES: Readonly<Record<string, Words>> = { en, de };

/** The tag of the language that is shown: the one that was set, or the browser's, or English. */
export const language = computed<string>(() => {
  const wanted = [settings.value.language, ...navigator.languages].map((one) => one.split('-')[0] ?? '');
  return wanted.find((one) => one in LANGUAGES) ?? 'en';
});

/** How dates and times are written: in that language, as the browser's user is used to. */
export const locale = computed<string>(
  () => navigator.languages.find((one) => one.split('-')[0] === language.value) ?? language.value,
);

/** Every text of the page, in that language. */
export const words = computed<Words>(() => LANGUAGES[language.value] ?? en);

/** A sentence that the node or its client said, in that language where it is known. */
export function said(sentence: string): string {
  return words.value.said[sentence] ?? sentence;
}
