import { describe, expect, it } from 'vitest';
import {
  areMessageIds,
  countIds,
  idAt,
  MESSAGE_ID_LENGTH,
  newMessageId,
  newMessageIds,
  splitIds,
} from './message-id.js';
import { isMessageUuid } from './wire/messages.js';

const NOW = Date.UTC(2026, 0, 1);
const MANY = 5_000;

describe('newMessageIds', () => {
  const ids = newMessageIds(NOW, MANY);

  it('makes UUIDs of version 7 and the variant of RFC 9562, with the time in front', () => {
    expect(countIds(ids)).toBe(MANY);
    for (const id of splitIds(ids)) {
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(Number.parseInt(id.replace('-', '').slice(0, 12), 16)).toBe(NOW);
    }
  });

  it('makes no two alike, and uses every digit and variant', () => {
    const list = splitIds(ids);
    expect(new Set(list).size).toBe(MANY);
    for (const at of [15, 16, 17, 20, 21, 22, ...Array.from({ length: 12 }, (_, nth) => 24 + nth)]) {
      expect(new Set(list.map((id) => id[at])).size, `digit ${at}`).toBe(16);
    }
    expect([...new Set(list.map((id) => id[19]))].sort()).toEqual(['8', '9', 'a', 'b']);
  });

  it.each([-1, 0, 0.5, 2 ** 48 - 1, Number.MAX_SAFE_INTEGER])('makes an id at the time %d', (now) => {
    expect(isMessageUuid(newMessageId(now))).toBe(true);
  });
});

describe('ids in one text', () => {
  const [a, b] = [newMessageId(NOW), newMessageId(NOW)];

  it('are found at their places', () => {
    expect([idAt(a + b, 0), idAt(a + b, 1)]).toEqual([a, b]);
    expect(splitIds('')).toEqual([]);
  });

  it.each([
    ['nothing', ''],
    ['half an id', a.slice(1)],
    ['one and a half', a + b.slice(0, MESSAGE_ID_LENGTH / 2)],
    ['a separator', `${a},${b}`],
    ['a digit that is none', a.replace(/.$/, 'g')],
    ['a list', [a]],
  ])('are not %s', (_, value) => {
    expect(areMessageIds(a + b)).toBe(true);
    expect(areMessageIds(value)).toBe(false);
  });
});
