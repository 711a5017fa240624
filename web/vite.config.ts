import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { defaultClientConditions, defineConfig, type Plugin } from 'vite';

interface EmojiData {
  unicode: string;
  label: string;
  tags?: string[];
  group?: number;
  order?: number;
}

const VIRTUAL = 'virtual:emoji/';
/** Skin tones and the like, which are no emoji of their own. */
const COMPONENTS = 2;

/** `virtual:emoji/en`: what the picker needs of the emoji data of a language, in the order of Unicode. */
function emoji(): Plugin {
  const require = createRequire(import.meta.url);
  return {
    name: 'emoji',
    resolveId: (id) => (id.startsWith(VIRTUAL) ? `\0${id}` : undefined),
    load: (id) => {
      if (!id.startsWith(`\0${VIRTUAL}`)) return undefined;
      const language = id.slice(VIRTUAL.length + 1);
      const path = require.resolve(`emojibase-data/${language}/compact.json`);
      const all = JSON.parse(readFileSync(path, 'utf8')) as EmojiData[];
      const kept = all
        .filter(({ group }) => group !== undefined && group !== COMPONENTS)
        .sort((a, b) => (a.order ?? 0) - (b.order ?? 0))
        .map(({ unicode, label, tags = [], group }) => [unicode, group, label, tags.join(' ')]);
      return `export default JSON.parse(${JSON.stringify(JSON.stringify(kept))});`;
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  plugins: [emoji()],
  resolve: {
    conditions: ['source', ...defaultClientConditions],
    alias: {
      react: 'preact/compat',
      'react-dom': 'preact/compat',
      'react/jsx-runtime': 'preact/jsx-runtime',
    },
  },
  build: {
    target: 'es2024',
    // Everything is a file of this origin: the policy of the page allows nothing else.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      // `use client` of a library for servers that draw pages, which this is none.
      onLog: (level, log, handle) => {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handle(level, log);
      },
    },
  },
});
