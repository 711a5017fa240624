import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { peerIdOfKey } from './node/peer-key.js';
import { safetyNumber } from './safety-number.js';
import { testKeys } from './testing/index.js';

const idOf = (name: string): string => peerIdOfKey(testKeys(name).publicKey);
const [alice, bob, mallory] = ['alice', 'bob', 'mallory'].map(idOf) as [string, string, string];

describe('safetyNumber', () => {
  it('is 12 groups of 5 digits, the same on both sides', () => {
    const number = safetyNumber(alice, bob);
    expect(number).toMatch(/^\d{5}( \d{5}){11}$/);
    expect(safetyNumber(bob, alice)).toBe(number);
    expect(safetyNumber(bob.toUpperCase(), alice)).toBe(number);
  });

  it('is what docs/protocol.md says: another program comes to the same', () => {
    const ids = [alice, bob].sort();
    const hex = createHash('sha512').update(`p2p-chat safety number 1\0${ids[0]}\0${ids[1]}`).digest('hex');
    const groups = (hex.slice(0, 120).match(/.{10}/g) ?? []).map((ten) => BigInt(`0x${ten}`) % 100_000n);
    expect(safetyNumber(alice, bob).split(' ').map(BigInt)).toEqual(groups);
  });

  it('stays the same for good', () => {
    const first = 'a'.repeat(52);
    const second = `${'b'.repeat(51)}q`;
    expect(safetyNumber(first, second)).toMatchInlineSnapshot(
      `"14557 62650 96512 39552 78200 77057 82951 38696 65877 82376 90627 14442"`,
    );
  });

  it('differs as soon as one of the two keys is another one', () => {
    const numbers = [safetyNumber(alice, bob), safetyNumber(alice, mallory), safetyNumber(mallory, bob)];
    expect(new Set(numbers).size).toBe(3);
    const groups = numbers.map((number) => number.split(' '));
    for (let group = 0; group < 12; group += 1) expect(groups[0]?.[group]).not.toBe(groups[1]?.[group]);
  });

  it('is made of peer ids alone', () => {
    expect(() => safetyNumber('Alice', bob)).toThrow(expect.objectContaining({ code: 'invalid-peer-id' }));
  });
});
