import { MAX_UNAUTHENTICATED, MAX_UNAUTHENTICATED_PER_ADDRESS } from '@p2p-chat/shared';
import { describe, expect, it } from 'vitest';
import { UnauthenticatedConnections } from './unauthenticated.js';

function enterAll(places: UnauthenticatedConnections, count: number, address: (index: number) => string) {
  return Array.from({ length: count }, (_, index) => places.enter(address(index)));
}

describe('UnauthenticatedConnections', () => {
  it(`has ${MAX_UNAUTHENTICATED_PER_ADDRESS} places for one address and leaves the others theirs`, () => {
    const places = new UnauthenticatedConnections();
    const taken = enterAll(places, MAX_UNAUTHENTICATED_PER_ADDRESS + 1, () => 'a');
    expect(taken).toEqual([...Array<boolean>(MAX_UNAUTHENTICATED_PER_ADDRESS).fill(true), false]);
    expect(places.enter('b')).toBe(true);
  });

  it(`has ${MAX_UNAUTHENTICATED} places in all`, () => {
    const places = new UnauthenticatedConnections();
    const taken = enterAll(places, MAX_UNAUTHENTICATED + 1, (index) => `host ${index}`);
    expect(taken).toEqual([...Array<boolean>(MAX_UNAUTHENTICATED).fill(true), false]);
  });

  it('gives a place that was left to the next one, and none for one that was refused', () => {
    const places = new UnauthenticatedConnections();
    enterAll(places, MAX_UNAUTHENTICATED_PER_ADDRESS, () => 'a');
    expect(places.enter('a')).toBe(false);
    places.leave('a');
    expect(places.enter('a')).toBe(true);
    expect(places.enter('a')).toBe(false);
  });
});
