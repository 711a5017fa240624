import type { LookupAddress, lookup as systemLookup } from 'node:dns';
import { describe, expect, it } from 'vitest';
import { usableLookup } from './usable-lookup.js';

const NAMES: Record<string, string[]> = {
  'anna.lan': ['192.0.2.7', '2001:db8::7'],
  'mixed.lan': ['127.0.0.1', '169.254.169.254', '192.0.2.8', '169.254.3.4', 'fe80::1'],
  'metadata.lan': ['169.254.169.254'],
  'inward.lan': ['127.0.0.1', '::1'],
  'everyone.lan': ['224.0.0.1', '255.255.255.255', '0.0.0.0'],
  localhost: ['127.0.0.1', '192.0.2.9'],
};

const fromTable = ((
  name: string,
  _options: object,
  done: (error: Error | null, found: LookupAddress[]) => void,
) => {
  const found = NAMES[name];
  if (found === undefined) done(Object.assign(new Error('unknown'), { code: 'ENOTFOUND' }), []);
  else
    done(
      null,
      found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
}) as unknown as typeof systemLookup;

function resolve(name: string, all: boolean): Promise<string[] | string> {
  return new Promise((settle) => {
    usableLookup(fromTable)(name, { all }, (error, found) => {
      if (error !== null) settle(String(error.code));
      else settle(typeof found === 'string' ? [found] : found.map(({ address }) => address));
    });
  });
}

describe('the addresses of a name that a stranger announced', () => {
  it.each([
    ['anna.lan', ['192.0.2.7', '2001:db8::7']],
    ['mixed.lan', ['192.0.2.8']],
    ['metadata.lan', 'ENOTFOUND'],
    ['inward.lan', 'ENOTFOUND'],
    ['everyone.lan', 'ENOTFOUND'],
    ['unknown.lan', 'ENOTFOUND'],
    ['localhost', ['127.0.0.1']],
  ])('of %s are %j', async (name, expected) => {
    expect(await resolve(name, true)).toEqual(expected);
    expect(await resolve(name, false)).toEqual(Array.isArray(expected) ? expected.slice(0, 1) : expected);
  });
});
