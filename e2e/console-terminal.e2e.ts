import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { controlOf, deliver, linkedPair } from './support/control.ts';
import { type RunningDaemon, World } from './support/processes.ts';
import { TerminalSession, type TerminalOptions } from './support/terminal.ts';

let world: World;
let alice: RunningDaemon;
let bob: RunningDaemon;
const sessions: TerminalSession[] = [];

beforeEach(async () => {
  world = new World();
  ({ alice, bob } = await linkedPair(world));
});

afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.kill()));
  await world.close();
});

async function conversation(
  of: RunningDaemon,
  withWhom: string,
  options: TerminalOptions = {},
): Promise<TerminalSession> {
  const session = TerminalSession.console(of.env, { rows: 24, ...options });
  sessions.push(session);
  await session.until(/^❯ Read Messages/m);
  session.type('send\r');
  await session.until(`❯ ${withWhom}`);
  session.press('enter');
  await session.until(/^›$/m);
  return session;
}

/** Each cell of the screen is within it, and no line is longer than it is wide. */
function expectFits(session: TerminalSession, columns: number): void {
  const rule = session.screen.split('\n')[1] ?? '';
  expect(rule).toBe('─'.repeat(columns));
}

describe('two consoles', () => {
  it.each([40, 80, 200, 300])('talk at %i columns, in every script', async (columns) => {
    const [hers, his] = await Promise.all([
      conversation(alice, 'Bob', { columns }),
      conversation(bob, 'Alice', { columns }),
    ]);
    hers.type('How are you? 日本語と🎉 and שלום');
    await hers.until(/› How are you\?/);
    hers.press('enter');
    await his.until(/Alice: *\n? *How are you\?/);
    await his.until('日本語と🎉');
    // Read because it was seen, without another key.
    await hers.until('✓✓');
    // What reorders text is taken out; the letters stay in the order in which they were written.
    await controlOf(bob).send('Alice', 'evil \u202eexe.txt\u2066 مرحبا\u2069 end');
    await hers.until('evil exe.txt مرحبا end');
    const url = `https://example.org/${'path/'.repeat(12)}?q=1#end`;
    await controlOf(bob).send('Alice', `see ${url} now`);
    await hers.until('now');
    const opened = hers.output.split(`\u001b]8;;${url}\u0007`).slice(1);
    // eslint-disable-next-line no-control-regex -- the end of a link
    const shown = opened.map((rest) => /^[^\u001b]*/u.exec(rest)?.[0] ?? '').join('');
    expect(shown).toContain(url);
    expectFits(hers, columns);
    expectFits(his, columns);
  });

  it('follow any change of size while one writes and the other sends', async () => {
    const hers = await conversation(alice, 'Bob', { columns: 80 });
    let typed = '';
    for (const [step, [columns, rows]] of (
      [
        [40, 12],
        [300, 50],
        [20, 6],
        [80, 24],
        [41, 13],
        [200, 8],
        [80, 24],
      ] as const
    ).entries()) {
      typed += `${step}`;
      hers.type(`${step}`);
      hers.resize(columns, rows);
      await controlOf(bob).send('Alice', `at step ${step}.`);
      await hers.until((screen) => screen.includes(`› ${typed}`) && screen.includes(`step ${step}.`));
      await hers.until(() => hers.cursor.column === 2 + typed.length);
    }
    expect(hers.screen.match(/› /g)).toHaveLength(1);
    expectFits(hers, 80);
  });
});

describe('the colours', () => {
  // What an xterm sends: attributes, and the eight colours but yellow, white and black, none of them bright.
  const READABLE = new Set(['0', '1', '2', '4', '7', '22', '24', '27', '31', '32', '34', '35', '36', '39']);

  it('can be read on a dark background and on a light one', async () => {
    const session = await conversation(alice, 'Bob', { env: { COLORTERM: 'truecolor' } });
    await deliver(bob, 'Alice', 'hello');
    session.type('hello\r');
    await session.until('✓');
    await bob.json(['presence', 'away', '--status', 'lunch']);
    await session.until('away: lunch');
    session.press('escape');
    await controlOf(alice).block('Bob');
    await session.choose('Manage Blocked Users');
    await session.until('[BLOCKED]');
    // eslint-disable-next-line no-control-regex -- the sequences that set colours
    const codes = [...session.output.matchAll(/\u001b\[([\d;]*)m/g)].flatMap(([, list = '']) =>
      list.split(';'),
    );
    expect(codes.length).toBeGreaterThan(20);
    expect([...new Set(codes)].filter((code) => !READABLE.has(code))).toEqual([]);
  });
});

describe('a burst of a thousand messages', () => {
  it.each([40, 200])('costs no key at %i columns', async (columns) => {
    const session = await conversation(alice, 'Bob', { columns });
    const lines = Array.from({ length: 1_000 }, (_, i) => `burst ${i}.`).join('\n');
    const burst = bob.cli(['send', 'Alice', '--lines', '--wait', 'delivered'], { input: lines });
    const text = 'the quick brown fox';
    for (const [i, character] of [...text].entries()) {
      session.type(character);
      await session.until(() => session.cursor.column === 3 + i);
    }
    expect(await burst).toMatchObject({ status: 0 });
    await session.until('burst 999.');
    expect(session.screen).toContain(`› ${text}`);
    session.press('enter');
    await session.until(new RegExp(`You: ${text}\\s+✓`));
    expectFits(session, columns);
  });
});
