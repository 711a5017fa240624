import { afterEach, describe, expect, it, vi } from 'vitest';
import { withLateDateFormats } from './lean-intl.js';

const original = Intl.DateTimeFormat;
const made = vi.fn();

afterEach(() => {
  Intl.DateTimeFormat = original;
  made.mockReset();
});

function countFormatters(): void {
  Intl.DateTimeFormat = new Proxy(original, {
    construct(target, options) {
      made();
      return Reflect.construct(target, options) as Intl.DateTimeFormat;
    },
  });
}

describe('withLateDateFormats', () => {
  it('has a formatter made when it is first used, once, and then it does what it was made for', async () => {
    countFormatters();
    const options = { timeZone: 'UTC', year: 'numeric' } as const;
    const { formatter } = await withLateDateFormats(async () => ({
      formatter: new Intl.DateTimeFormat('en', options),
    }));
    expect(formatter).toBeInstanceOf(Intl.DateTimeFormat);
    expect(made).not.toHaveBeenCalled();
    expect(formatter.format(0)).toBe('1970');
    expect(formatter.resolvedOptions().timeZone).toBe('UTC');
    expect(made).toHaveBeenCalledTimes(1);
  });

  it('leaves those alone that are made afterwards, also where the loading failed', async () => {
    const failure = new Error('no such module');
    await expect(withLateDateFormats(() => Promise.reject(failure))).rejects.toBe(failure);
    expect(Intl.DateTimeFormat).toBe(original);
  });
});
