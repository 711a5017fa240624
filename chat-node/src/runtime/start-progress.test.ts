import { ManualClock } from '@p2p-chat/shared/testing';
import { expect, it } from 'vitest';
import { START_NOTICE_MS, StartProgress } from './start-progress.js';
import { recordingLogger } from '../testing/recording-logger.js';

it('says every few seconds what a start waits for, until it is over', async () => {
  const clock = new ManualClock();
  const { logger, records } = recordingLogger();
  const progress = new StartProgress(clock, logger);
  progress.waitsFor('the profile');
  progress.waitsFor('the message database');
  await clock.advance(START_NOTICE_MS - 1);
  expect(records).toEqual([]);
  await clock.advance(START_NOTICE_MS + 1);
  progress.done();
  await clock.advance(10 * START_NOTICE_MS);
  expect(records.map(({ fields }) => fields)).toEqual([
    { waitsFor: 'the message database', seconds: START_NOTICE_MS / 1_000 },
    { waitsFor: 'the message database', seconds: (2 * START_NOTICE_MS) / 1_000 },
  ]);
});
