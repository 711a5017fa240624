import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { runCampaign } from './campaign.ts';

const server = process.env['MONGODB_URI_TEST'];

/** Campaigns, and so many kills and cuts as each must make: with 70 rounds it makes 20 kills or more, and 48 cuts. */
const CAMPAIGNS = [
  { name: 'two nodes', members: 2, rounds: 70, minKills: 18, minCuts: 46 },
  { name: 'five members of a group', members: 5, rounds: 20, minKills: 4, minCuts: 13 },
];

describe.each([
  ['SQLite', null, false],
  ['MongoDB (set MONGODB_URI_TEST)', server ?? '', server === undefined],
])('on %s', (_name, mongodb, skip) => {
  it.skipIf(skip).each(CAMPAIGNS)(
    '$name that are killed, cut off from each other and away lose nothing, double nothing and keep the order',
    async ({ members, rounds, minKills, minCuts }) => {
      const seed = Number(process.env['SEED'] ?? '') || randomInt(1, 2 ** 31);
      console.log(`replay with SEED=${seed}`);
      const result = await runCampaign({ rounds, members, seed, mongodb, report: () => undefined });
      console.log(JSON.stringify(result));
      expect(result.findings).toEqual([]);
      expect(result.kills).toBeGreaterThanOrEqual(minKills);
      expect(result.cuts).toBeGreaterThanOrEqual(minCuts);
      expect(result.accepted).toBeGreaterThan(rounds);
    },
  );
});
