import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './support/processes.ts';
import type { Rule } from './support/rule-out.config.ts';

const GROUPS = 'chat-node/src/core/delivery/groups.property.test.ts';
const ROSTER = 'shared/src/protocol/roster.test.ts';
const EXCHANGE = 'chat-node/src/core/delivery/exchange.ts';
const RESOLUTION = 'shared/src/protocol/roster.ts';
const GROUP = 'chat-node/src/core/roster/group.ts';

/** What does not hold without which rule. */
const RULES: (Rule & { without: string; tests: string; fails: string })[] = [
  {
    without: 'saying what is held where digests differ',
    file: EXCHANGE,
    text: 'this.#askRoster(group);\n    if (this.#isActive) this.#sayAll();',
    instead: 'this.#askRoster(group);',
    tests: GROUPS,
    fails: 'has one roster and one order at all members',
  },
  {
    without: 'equal digests being the statement',
    file: EXCHANGE,
    text: 'if (theirs === digest) {',
    instead: "if (theirs === '') {",
    tests: GROUPS,
    fails: 'has one roster and one order at all members',
  },
  {
    without: 'members passing on the feeds of others',
    file: 'chat-node/src/core/delivery/relays.ts',
    text: 'next.askFor(author);',
    instead: '',
    tests: GROUPS,
    fails: 'has what one member got of an author who is gone for good',
  },
  {
    without: 'sending to members alone',
    file: EXCHANGE,
    text: '(group.isMember(this.#self) && group.isMember(this.#peer))',
    instead: 'true',
    tests: GROUPS,
    fails: 'keeps from the removed what is written after',
  },
  {
    without: 'the cutoff of who was removed',
    file: GROUP,
    text: 'return feed.covered(end.tips).get(segment) ?? 0;',
    instead: 'return Infinity;',
    tests: 'chat-node/src/core/delivery/groups.test.ts',
    fails: 'is shown with what the remover held',
  },
  {
    without: 'leaving being an end',
    file: RESOLUTION,
    text: "const END_KINDS: ReadonlySet<string> = new Set(['leave', 'decline', 'remove']);",
    instead: "const END_KINDS: ReadonlySet<string> = new Set(['decline', 'remove']);",
    tests: ROSTER,
    fails: 'has nobody who left or was removed and did not enter since',
  },
  {
    without: 'removals in a circle standing, all of them',
    file: RESOLUTION,
    text: 'if (standing.has(other)) continue;',
    instead: '',
    tests: ROSTER,
    fails: 'has neither of two who removed each other',
  },
  {
    without: 'an heir',
    file: RESOLUTION,
    text: 'const heir = this.#heir(view);',
    instead: 'const heir = null;',
    tests: ROSTER,
    fails: 'has an admin while it has members',
  },
  {
    without: 'one order of the operations',
    file: RESOLUTION,
    text: '(a, b) => compare(a.clock, b.clock) || compare(a.hash, b.hash),',
    instead: '() => 0,',
    tests: ROSTER,
    fails: 'is the same for the same operations, in any order',
  },
  {
    without: 'operations being allowed by what they name',
    file: RESOLUTION,
    text: 'if (!isFirst && !this.permits(operation, { bits: this.#past, at, last, dead })) return;',
    instead: '',
    tests: ROSTER,
    fails: 'is not changed by who was not allowed to',
  },
  {
    without: 'a restored node asking for what it wrote',
    file: EXCHANGE,
    text: 'this.#unplaced.set(author, tips);\n      this.#ask(author);',
    instead: '',
    tests: GROUPS,
    fails: 'is joined again by a restored database',
  },
  {
    without: 'who holds both batches proving the fork',
    file: EXCHANGE,
    text: 'else parts.onFork(conversation, kept.batch, batch);',
    instead: '',
    tests: GROUPS,
    fails: 'proves to all who signed two messages as one',
  },
];

/** Runs some tests on a program without a rule. @returns whether they pass, and what they say */
function run(
  tests: string,
  title: string,
  { file, text, instead }: Rule,
  runs = '200',
): Promise<[boolean, string]> {
  const args = ['vitest', 'run', '--config', 'e2e/support/rule-out.config.ts', tests, '-t', title];
  const env = {
    ...process.env,
    RULE_OUT: JSON.stringify({ file, text, instead }),
    PROPERTY_RUNS: runs,
    NO_COLOR: '1',
  };
  return new Promise((resolve) => {
    execFile('npx', args, { cwd: ROOT, env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
      resolve([error === null, stdout + stderr]),
    );
  });
}

describe('a group', { timeout: 300_000 }, () => {
  it('holds with all its rules', async () => {
    const none: Rule = { file: EXCHANGE, text: '', instead: '' };
    expect(await run(GROUPS, 'has what one member got', none, '20')).toEqual([true, expect.any(String)]);
  });

  it.each(RULES)('without $without fails: it $fails', async (rule) => {
    const { file, text, tests, fails } = rule;
    expect((await readFile(join(ROOT, file), 'utf8')).split(text)).toHaveLength(2);
    const [passes, says] = await run(tests, fails, rule);
    expect(passes).toBe(false);
    expect(says).toMatch(/AssertionError/u);
    expect(says).toContain(`> ${fails}`);
  });
});
