import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '@p2p-chat/shared/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  PROFILE_LOOK_MS,
  PROFILE_RETRY_MS,
  PROFILE_TAKEN_ATTEMPTS,
  ProfileKeeper,
} from './profile-keeper.js';
import { ProfileLock } from './profile-lock.js';
import { recordingLogger } from '../testing/recording-logger.js';

let home: string;
let clock: ManualClock;
let told: string[];
let keeper: ProfileKeeper;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'p2p-chat-keeper-'));
  clock = new ManualClock();
  told = [];
  keeper = new ProfileKeeper({
    lock: ProfileLock.acquire(home),
    clock,
    logger: recordingLogger().logger,
    onBack: () => told.push('back'),
    onTaken: () => told.push('taken'),
  });
});

afterEach(async () => {
  keeper.release();
  await rm(home, { recursive: true, force: true });
});

// What a disk that is unmounted does to the profile.
const takeDiskAway = (): Promise<void> => rename(join(home, 'run'), join(home, 'away'));
const bringDiskBack = (): Promise<void> => rename(join(home, 'away'), join(home, 'run'));

describe('ProfileKeeper', () => {
  it('lets go of the profile while its disk is away, and takes it again', async () => {
    await takeDiskAway();
    keeper.diskFailed();
    keeper.diskFailed();
    await clock.advance(3 * PROFILE_RETRY_MS);
    expect(told).toEqual([]);
    expect(existsSync(join(home, 'run'))).toBe(false);
    await bringDiskBack();
    await clock.advance(PROFILE_RETRY_MS);
    expect(told).toEqual(['back']);
    expect(() => ProfileLock.acquire(home)).toThrow(expect.objectContaining({ code: 'profile-in-use' }));
    expect(clock.timers).toBe(0);
  });

  it('holds on to the profile where its disk works after all', async () => {
    keeper.diskFailed();
    expect(() => ProfileLock.acquire(home)).toThrow(expect.objectContaining({ code: 'profile-in-use' }));
    expect(clock.timers).toBe(0);
  });

  it('gives way to another node that has taken the profile for good', async () => {
    await takeDiskAway();
    keeper.diskFailed();
    await bringDiskBack();
    const other = ProfileLock.acquire(home);
    await clock.advance((PROFILE_TAKEN_ATTEMPTS - 1) * PROFILE_RETRY_MS);
    expect(told).toEqual([]);
    await clock.advance(PROFILE_RETRY_MS);
    expect(told).toEqual(['taken']);
    other.release();
  });

  it('takes nothing again after its release', async () => {
    await takeDiskAway();
    keeper.diskFailed();
    keeper.release();
    await bringDiskBack();
    await clock.advance(PROFILE_RETRY_MS);
    ProfileLock.acquire(home).release();
    expect(told).toEqual([]);
  });

  it('says where the folder was moved to, and goes on when it is back', async () => {
    keeper.watch();
    await rename(home, `${home}-elsewhere`);
    await clock.advance(PROFILE_LOOK_MS);
    expect(keeper.problem).toMatchObject({
      code: 'profile-moved',
      detail: expect.stringContaining(`${home}-elsewhere`) as string,
    });
    // Nor does another node run on it meanwhile, with the same key.
    expect(() => ProfileLock.acquire(`${home}-elsewhere`)).toThrow(
      expect.objectContaining({ code: 'profile-in-use' }),
    );
    // Nor does anybody begin anew in its place.
    expect(() => ProfileLock.acquire(home)).toThrow(expect.objectContaining({ code: 'profile-moved' }));
    await rename(`${home}-elsewhere`, home);
    await clock.advance(PROFILE_RETRY_MS);
    expect(keeper.problem).toBeNull();
    expect(told).toEqual(['back']);
    expect(existsSync(`${home}.moved`)).toBe(false);
  });

  it('keeps the place of a folder that was deleted, so that nobody makes another profile there', async () => {
    await rm(home, { recursive: true });
    keeper.diskFailed();
    expect(keeper.problem).toMatchObject({ code: 'profile-deleted' });
    expect(() => ProfileLock.acquire(home)).toThrow(expect.objectContaining({ code: 'profile-in-use' }));
    expect(told).toEqual(['back']);
  });

  it('gives way to another profile in its place', async () => {
    await rm(home, { recursive: true });
    const other = ProfileLock.acquire(home);
    keeper.diskFailed();
    expect(told).toEqual(['taken']);
    other.release();
  });
});
