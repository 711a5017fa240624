import { randomInt } from 'node:crypto';
import { describe, it } from 'vitest';
import { fuzzHttp } from './http.ts';
import { fuzzStored } from './stored.ts';
import { fuzzText } from './text.ts';
import { fuzzWire } from './wire.ts';

/** The long version is `make fuzz`. */
const CASES = 10_000;
const TIMEOUT_MS = 180_000;
const seed = Number(process.env['SEED'] ?? '') || randomInt(1, 2 ** 31);

// A failure names its seed and how to replay it.
describe(`${CASES} mutated cases`, () => {
  it('of frames break nothing', () => fuzzWire(seed, 0, CASES), TIMEOUT_MS);
  it(
    'of frames leave nothing in the storage that is not valid',
    () => fuzzStored(seed, 0, CASES),
    TIMEOUT_MS,
  );
  it('of foreign text leave nothing that drives a terminal', () => fuzzText(seed, 0, CASES), TIMEOUT_MS);
  it(
    'of requests to the discovery service break nothing',
    () => fuzzHttp('discovery', seed, 0, CASES),
    TIMEOUT_MS,
  );
  it('of requests to the control API break nothing', () => fuzzHttp('control', seed, 0, CASES), TIMEOUT_MS);
});
