import { ManualClock } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { recordingLogger } from '../testing/recording-logger.js';
import { TransportError } from './errors.js';
import { RefusalLog } from './refusal-log.js';

const REFUSAL = new TransportError('tls-failed', 'no TLS 1.3');
const MINUTE_MS = 60_000;

describe('the log of who is refused', () => {
  let clock: ManualClock;
  let log: RefusalLog;
  let records: ReturnType<typeof recordingLogger>['records'];

  beforeEach(() => {
    const recording = recordingLogger();
    records = recording.records;
    clock = new ManualClock();
    log = new RefusalLog(clock, recording.logger);
  });

  it('has one line a minute for each address and fault, however often it knocks', async () => {
    for (let count = 0; count < 1_000; count += 1) log.refused(REFUSAL, '192.0.2.1');
    log.refused(REFUSAL, '192.0.2.2');
    log.refused(new TransportError('handshake-timeout', 'silent'), '192.0.2.1');
    expect(records).toHaveLength(3);
    await clock.advance(MINUTE_MS - 1);
    log.refused(REFUSAL, '192.0.2.1');
    expect(records).toHaveLength(3);
    await clock.advance(1);
    log.refused(REFUSAL, '192.0.2.1');
    expect(records).toHaveLength(4);
  });

  it('remembers 1,000 of them, and starts anew with the next one', () => {
    for (let count = 0; count < 1_000; count += 1) log.refused(REFUSAL, `host ${count}`);
    log.refused(REFUSAL, 'host 0');
    expect(records).toHaveLength(1_000);
    log.refused(REFUSAL, 'host 1000');
    log.refused(REFUSAL, 'host 0');
    expect(records).toHaveLength(1_002);
  });
});
