import { closeSync, openSync } from 'node:fs';
import { expect, it } from 'vitest';
import { descriptorLimit, Descriptors } from './descriptors.js';

it('are scarce when only those that are kept back are left', () => {
  const lowestFree = openSync('/dev/null', 'r');
  closeSync(lowestFree);
  expect(new Descriptors(lowestFree + 7).areScarce).toBe(false);
  expect(new Descriptors(lowestFree + 6).areScarce).toBe(true);
  expect(new Descriptors(Infinity)).toMatchObject({ areScarce: false, connections: undefined });
  expect(descriptorLimit()).toBeGreaterThan(0);
});
