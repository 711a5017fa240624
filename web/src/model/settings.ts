import { effect, signal } from '@preact/signals';
import { stored, store } from './storage.ts';

/** What is set in this browser, for this browser. */
export interface PageSettings {
  theme: 'system' | 'light' | 'dark';
  highContrast: boolean;
  /** Tag of a language; empty for the browser's. */
  language: string;
  notify: 'off' | 'sender' | 'text';
  /** Whether keys without Ctrl or Alt do something. */
  singleKeys: boolean;
  /** Whether texts are shown as their marks mean: bold, italic, code. */
  formats: boolean;
}

const KEY = 'settings';

const DEFAULTS: PageSettings = {
  theme: 'system',
  highContrast: false,
  language: '',
  notify: 'off',
  singleKeys: true,
  formats: true,
};

export const settings = signal<PageSettings>({ ...DEFAULTS, ...stored<Partial<PageSettings>>(KEY, {}) });

/** Changes what is given. */
export function changeSettings(change: Partial<PageSettings>): void {
  settings.value = { ...settings.value, ...change };
}

/** Keeps the settings, and shows those of the appearance. */
export function applySettings(root: HTMLElement): void {
  effect(() => {
    const { theme, highContrast } = settings.value;
    store(KEY, settings.value);
    root.dataset['theme'] = theme;
    root.dataset['contrast'] = highContrast ? 'more' : 'system';
  });
}
