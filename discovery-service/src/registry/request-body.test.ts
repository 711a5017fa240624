import { MAX_USER_NAME_CHARACTERS } from '@p2p-chat/shared';
import { describe, expect, it } from 'vitest';
import { HttpProblem } from '../problem.js';
import { readRegistration, readWithdrawal } from './request-body.js';

const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const good = { HOST: '192.0.2.1', PORT: 7000, USER: 'Anna' };

function faults(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof HttpProblem) return (error.content.errors ?? []).map(({ field }) => field);
    throw error;
  }
  return [];
}

describe('readRegistration', () => {
  it('takes the three fields, and PORT as a number or a decimal text', () => {
    expect(readRegistration(bytes(good))).toMatchObject(good);
    expect(readRegistration(bytes({ ...good, PORT: '7000' }))).toMatchObject(good);
    expect(readRegistration(bytes({ PORT: 1, USER: 'A' })).HOST).toBeUndefined();
    expect(readRegistration(bytes({ ...good, HOST: null, KEY: null })).KEY).toBeUndefined();
  });

  it('skips a byte order mark', () => {
    expect(readRegistration(Buffer.from(`\ufeff${JSON.stringify(good)}`))).toMatchObject(good);
  });

  it('ignores what it does not know, whatever its name', () => {
    const body = Buffer.from(
      '{"HOST":"","PORT":1,"USER":"A","X":[1],"__proto__":{"KEY":"k"},"constructor":1,"toString":2}',
    );
    expect({ ...readRegistration(body) }).toEqual({ HOST: '', PORT: 1, USER: 'A' });
  });

  it('does not find a field in a prototype', () => {
    expect(faults(() => readRegistration(Buffer.from('{"__proto__":{"USER":"A"},"PORT":1}')))).toEqual([
      'USER',
    ]);
  });

  it.each<[string, unknown]>([
    ['0', 0],
    ['65536', 65_536],
    ['-1', -1],
    ['a fraction', 7000.5],
    ['text 0', '0'],
    ['text 65536', '65536'],
    ['hexadecimal text', '0x10'],
    ['text with a space', ' 80'],
    ['an empty text', ''],
    ['a number past every limit', 1e300],
    ['null', null],
    ['true', true],
    ['an object', { $gt: '' }],
    ['a list', [7000]],
  ])('refuses %s as PORT', (_name, PORT) => {
    expect(faults(() => readRegistration(bytes({ ...good, PORT })))).toEqual(['PORT']);
  });

  it.each([1, 65_535, '1', '65535'])('takes %j as PORT', (PORT) => {
    expect(readRegistration(bytes({ ...good, PORT })).PORT).toBe(Number(PORT));
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['an empty text', ''],
    ['spaces', '   '],
    ['one character too many', 'é'.repeat(MAX_USER_NAME_CHARACTERS + 1)],
    ['an escape sequence', '\u001b[31mAnna'],
    ['a bidi override', 'An\u202ena'],
    ['a lone surrogate', 'A\ud800'],
    ['a number', 5],
    ['an operator', { $gt: '' }],
    ['a list', ['Anna']],
    ['null', null],
  ])('refuses %s as USER', (_name, USER) => {
    expect(faults(() => readRegistration(bytes({ ...good, USER })))).toEqual(['USER']);
  });

  it('takes a USER of the greatest length', () => {
    const USER = '\u{1f600}'.repeat(MAX_USER_NAME_CHARACTERS);
    expect(readRegistration(bytes({ ...good, USER })).USER).toBe(USER);
  });

  it.each<[string, unknown]>([
    ['HOST', { $gt: '' }],
    ['HOST', 5],
    ['HOST', 'a'.repeat(254)],
    ['PEER_ID', { $ne: 1 }],
    ['KEY', ['a']],
    ['INSTANCE', 5],
    ['INSTANCE', 'i'.repeat(65)],
    ['SEQ', '5'],
    ['SEQ', -1],
    ['EXPIRES', {}],
    ['SIGNATURE', true],
    ['ADDRESSES', 'a'],
    ['ADDRESSES', { length: 1 }],
    ['ADDRESSES', [{}]],
    ['ADDRESSES', Array<string>(9).fill('192.0.2.1')],
  ])('refuses %s that is %j', (field, value) => {
    expect(faults(() => readRegistration(bytes({ ...good, [field]: value })))).toEqual([field]);
  });

  it('names every field at fault', () => {
    expect(faults(() => readRegistration(bytes({ HOST: 1, PORT: 0, USER: '' }))).sort()).toEqual([
      'HOST',
      'PORT',
      'USER',
    ]);
  });

  it.each<[string, Buffer | undefined]>([
    ['nothing', undefined],
    ['no bytes', Buffer.alloc(0)],
    ['half of an object', Buffer.from('{"HOST":')],
    ['a list', Buffer.from('[{"PORT":1}]')],
    ['null', Buffer.from('null')],
    ['a text', Buffer.from('"x"')],
    ['a number', Buffer.from('5')],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
  ])('refuses %s as a body', (_name, body) => {
    expect(faults(() => readRegistration(body))).toEqual(['body']);
  });
});

describe('readWithdrawal', () => {
  const withdrawal = { KEY: 'k', INSTANCE: 'i', SEQ: 1, SIGNATURE: 's' };

  it('takes its four fields and no other', () => {
    expect({ ...readWithdrawal(bytes({ ...withdrawal, X: 1 })) }).toEqual(withdrawal);
  });

  it.each(Object.keys(withdrawal))('refuses one without %s, or with an operator in its place', (field) => {
    expect(faults(() => readWithdrawal(bytes({ ...withdrawal, [field]: undefined })))).toEqual([field]);
    expect(faults(() => readWithdrawal(bytes({ ...withdrawal, [field]: { $gt: '' } })))).toEqual([field]);
  });
});
