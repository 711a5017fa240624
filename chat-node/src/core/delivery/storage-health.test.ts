import { ManualClock } from '@p2p-chat/shared/testing';
import { expect, it } from 'vitest';
import { StorageError } from '../errors.js';
import { STORAGE_PROBLEM_MS, StorageHealth } from './storage-health.js';

it('what the storage refused is known until it works again, or a while is over', async () => {
  const clock = new ManualClock();
  const health = new StorageHealth(clock);
  expect(health.problem).toBeNull();
  const full = new StorageError('storage-full', 'There is no space left.');
  health.failed(full);
  health.failed(new Error('something else'));
  expect(health.problem).toBe(full);
  health.worked();
  expect(health.problem).toBeNull();
  health.failed(full);
  await clock.advance(STORAGE_PROBLEM_MS - 1);
  expect(health.problem).toBe(full);
  await clock.advance(1);
  expect(health.problem).toBeNull();
});
