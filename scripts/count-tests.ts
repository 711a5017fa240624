/*
 * Adds up Vitest's JSON reports:
 *
 *   node scripts/count-tests.ts STEPS REPORT...
 *
 * STEPS is the number of steps that failed without a failed test of their own.
 * A test that ran in several of the runs counts once: failed where it failed
 * in any, else passed where it passed in any. Prints `N passed, N failed, N
 * skipped` and exits with 1 where anything failed.
 */
import { existsSync, readFileSync } from 'node:fs';

interface Report {
  success: boolean;
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { fullName: string; status: string }[];
  }[];
}
type Outcome = 'passed' | 'failed' | 'skipped';

const rank: Record<Outcome, number> = { skipped: 0, passed: 1, failed: 2 };
const outcomes = new Map<string, Outcome>();

function note(test: string, outcome: Outcome): void {
  const before = outcomes.get(test);
  if (before === undefined || rank[outcome] > rank[before]) outcomes.set(test, outcome);
}

const [steps = '0', ...paths] = process.argv.slice(2);
for (const path of paths.filter((name) => existsSync(name))) {
  const report = JSON.parse(readFileSync(path, 'utf8')) as Report;
  for (const file of report.testResults) {
    for (const { fullName, status } of file.assertionResults) {
      note(`${file.name} ${fullName}`, status === 'passed' || status === 'failed' ? status : 'skipped');
    }
    // A file that could not be loaded, or a hook that failed, has no failed test.
    const told = file.assertionResults.some(({ status }) => status === 'failed');
    if (file.status === 'failed' && !told) note(`${file.name} as a whole`, 'failed');
  }
}

const count = (outcome: Outcome): number => [...outcomes.values()].filter((one) => one === outcome).length;
const failed = count('failed') + Number(steps);
console.log(`${count('passed')} passed, ${failed} failed, ${count('skipped')} skipped`);
process.exitCode = failed === 0 ? 0 : 1;
