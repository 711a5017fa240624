import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { runCampaign } from './campaign.ts';

const server = process.env['MONGODB_URI_TEST'];
/** Makes some 28 kills and more, and 68 cuts. */
const ROUNDS = 100;
/** Of which it must make so many. */
const MIN_KILLS = 25;
const MIN_CUTS = 65;

describe.each([
  ['SQLite', null, false],
  ['MongoDB (set MONGODB_URI_TEST)', server ?? '', server === undefined],
])('two nodes on %s that are killed and cut off from each other', (_name, mongodb, skip) => {
  it.skipIf(skip)('lose nothing, double nothing and keep the order', async () => {
    const seed = Number(process.env['SEED'] ?? '') || randomInt(1, 2 ** 31);
    console.log(`replay with SEED=${seed}`);
    const result = await runCampaign({ rounds: ROUNDS, seed, mongodb, report: () => undefined });
    console.log(JSON.stringify(result));
    expect(result.findings).toEqual([]);
    expect(result.kills).toBeGreaterThanOrEqual(MIN_KILLS);
    expect(result.cuts).toBeGreaterThanOrEqual(MIN_CUTS);
    expect(result.accepted).toBeGreaterThan(ROUNDS);
  });
});
