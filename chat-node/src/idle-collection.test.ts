import { beforeEach, describe, expect, it } from 'vitest';
import { IdleCollection } from './idle-collection.js';

const MiB = 1024 * 1024;

describe('IdleCollection', () => {
  let heap: number;
  let busy: number;
  let collections: number;
  let collection: IdleCollection;
  beforeEach(() => {
    [heap, busy, collections] = [50 * MiB, 0, 0];
    collection = new IdleCollection({
      heapBytes: () => heap,
      busyShare: () => busy,
      collect: () => {
        collections += 1;
        heap = 30 * MiB;
      },
    });
  });

  it('collects once where the thread rests, and again only after it has grown', () => {
    collection.look();
    collection.look();
    expect(collections).toBe(1);
    heap = 32 * MiB - 1;
    collection.look();
    expect(collections).toBe(1);
    heap = 32 * MiB;
    collection.look();
    expect(collections).toBe(2);
  });

  it('leaves a thread alone that has something to do', () => {
    busy = 0.06;
    collection.look();
    expect(collections).toBe(0);
    busy = 0.05;
    collection.look();
    expect(collections).toBe(1);
  });
});
