import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import base from '../../vitest.config.ts';

/** A rule of the program, as text of one of its files, and what stands there without it. */
export interface Rule {
  file: string;
  text: string;
  instead: string;
}

const { file, text, instead } = JSON.parse(process.env['RULE_OUT'] ?? '{}') as Rule;

/** The unit tests, on a program without one of its rules. */
export default defineConfig({
  resolve: base.resolve,
  ssr: base.ssr,
  plugins: [
    {
      name: 'rule-out',
      enforce: 'pre',
      transform: (code, id) => (id.endsWith(`/${file}`) ? code.replace(text, instead) : null),
    },
  ],
  // What was transformed without a rule is for this run alone.
  test: {
    include: ['{shared,chat-node}/src/**/*.test.ts'],
    setupFiles: [fileURLToPath(new URL('one-seed.ts', import.meta.url))],
    fsModuleCache: false,
  },
});
