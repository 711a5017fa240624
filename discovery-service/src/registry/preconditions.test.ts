import { describe, expect, it } from 'vitest';
import { matchesEtag, wantsMinimal } from './preconditions.js';

describe('wantsMinimal', () => {
  it.each([
    'return=minimal',
    'RETURN=minimal',
    'wait=10, return=minimal',
    'return="minimal"; x',
    'return = minimal',
  ])('sees %s', (prefer) => {
    expect(wantsMinimal(prefer)).toBe(true);
  });

  it.each([undefined, '', 'return=representation', 'return=minimalist', 'noreturn=minimal'])(
    'sees nothing in %s',
    (prefer) => {
      expect(wantsMinimal(prefer)).toBe(false);
    },
  );
});

describe('matchesEtag', () => {
  it.each(['"a-1"', 'W/"a-1"', '"x", "a-1"', '*'])('sees the tag in %s', (header) => {
    expect(matchesEtag(header, '"a-1"')).toBe(true);
  });

  it.each([undefined, '', 'a-1', '"a-11"', '"A-1"'])('does not see it in %s', (header) => {
    expect(matchesEtag(header, '"a-1"')).toBe(false);
  });
});
