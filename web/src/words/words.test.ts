import { describe, expect, it } from 'vitest';
import { de } from './de.ts';
import { en } from './en.ts';

type Tree = Readonly<Record<string, unknown>>;

describe('German', () => {
  it('says everything that English says, with as many parts', () => {
    for (const [name, text] of Object.entries(en as Tree)) {
      const other = (de as Tree)[name];
      expect(typeof other, name).toBe(typeof text);
      if (typeof text === 'function') expect((other as () => void).length, name).toBe(text.length);
      if (Array.isArray(text)) expect(other, name).toHaveLength(text.length);
    }
  });

  it('says nothing in English by mistake', () => {
    const same = Object.entries(en as Tree).filter(
      ([name, text]) => typeof text === 'string' && text === (de as Tree)[name],
    );
    const alike = ['appName', 'letInCommand', 'chats', 'online', 'offline', 'emoji', 'name', 'version'];
    expect(same.map(([name]) => name).filter((name) => !alike.includes(name))).toEqual([]);
  });
});
