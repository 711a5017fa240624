import { describe, expect, it } from 'vitest';
import { localAddressToward } from './local-route.js';

const toward = (url: string): Promise<string | null> =>
  localAddressToward(new URL(url), AbortSignal.timeout(5_000));

describe('localAddressToward', () => {
  it.each([
    ['http://127.0.0.1:7777', '127.0.0.1'],
    ['http://[::1]:7777/', '::1'],
    ['http://127.0.0.9', '127.0.0.1'],
  ])('finds the way to %s', async (url, address) => {
    expect(await toward(url)).toBe(address);
  });

  it('gives null for a name that is not known, and where it is stopped', async () => {
    expect(await toward('http://name.invalid:7777')).toBeNull();
    expect(await localAddressToward(new URL('http://127.0.0.1'), AbortSignal.abort())).toBeNull();
  });
});
