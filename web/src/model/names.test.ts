import { describe, expect, it } from 'vitest';
import { authorLabel } from './names.ts';

describe('the author of a message', () => {
  const author = 'xmpc2n4k' + 'a'.repeat(44);
  const message = { author, user: 'You' };

  it('has the short id beside a name that could be taken for somebody else, or for a word of the page', () => {
    expect(authorLabel(message, new Map([[author, { ambiguous: true }]]))).toBe('You (xmpc2n4k)');
  });

  it('is the name alone where it is clear, and where nobody of the key is known', () => {
    expect(authorLabel(message, new Map([[author, { ambiguous: false }]]))).toBe('You');
    expect(authorLabel(message, new Map())).toBe('You');
  });
});
