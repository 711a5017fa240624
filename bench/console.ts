/*
 * `make bench-console`: how long after a key the console shows it, in a real
 * pseudo-terminal, alone and while a thousand messages come, beside the floor:
 * the smallest program that reads keys and draws them. Prints a table, and with
 * --json one object. Checks that no key was lost.
 */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { controlOf, linkedPair } from '../e2e/support/control.ts';
import { type RunningDaemon, waitFor, World } from '../e2e/support/processes.ts';
import { TerminalSession } from '../e2e/support/terminal.ts';

const WIDTHS = [40, 80, 200];
const MESSAGES = 1_000;
const TEXT = 'the quick brown fox jumps over the lazy dog, twice';
/** People type slower than this; what is measured is the answer, not a queue. In milliseconds. */
const BETWEEN_KEYS_MS = 30;
/** Draws each key at the place where the console's text begins. */
const FLOOR = `process.stdin.setRawMode(true); let text = ''; process.stdout.write('\\u001b[2J\\u001b[H> ');
process.stdin.on('data', (keys) => { text += keys; process.stdout.write('\\u001b[H\\u001b[2K> ' + text); });`;

interface Latency {
  /** Milliseconds from the key to the screen. */
  p50: number;
  p95: number;
  max: number;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Types the text and measures each key. `prompt` is as wide as in the console. */
async function type(session: TerminalSession): Promise<Latency> {
  const times: number[] = [];
  let column = 2;
  for (const character of TEXT.slice(0, session.terminal.cols - 4)) {
    column += 1;
    const began = performance.now();
    session.type(character);
    await session.until(() => session.cursor.column === column);
    times.push(performance.now() - began);
    await pause(BETWEEN_KEYS_MS);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN;
  return { p50: at(0.5), p95: at(0.95), max: at(1) };
}

async function measureFloor(columns: number): Promise<Latency> {
  const session = new TerminalSession(['-e', FLOOR], { columns, rows: 24 });
  try {
    await session.until('>');
    return await type(session);
  } finally {
    await session.kill();
  }
}

async function measureConsole(alice: RunningDaemon, bob: RunningDaemon, columns: number) {
  const session = TerminalSession.console(alice.env, { columns, rows: 24 });
  try {
    await session.until(/^❯ Read Messages/m);
    session.type('send\r');
    await session.until('❯ Bob');
    session.press('enter');
    await session.until(/^›$/m);
    const alone = await type(session);
    const written = TEXT.slice(0, columns - 4);
    session.press('enter');
    await session.until(/^›$/m);
    const lines = Array.from({ length: MESSAGES }, (_, i) => `${columns} burst ${i}.`).join('\n');
    const burst = bob.cli(['send', 'Alice', '--lines', '--wait', 'delivered'], { input: lines });
    const inBurst = await type(session);
    assert.equal((await burst).status, 0);
    await session.until(`burst ${MESSAGES - 1}.`);
    session.press('enter');
    await session.until(/^›$/m);
    // A draft that is still there would be the beginning of what the next one types.
    await waitFor('the draft to go', async () => (await readdir(join(alice.home, 'drafts'))).length === 0);
    await waitFor('what was typed, whole', async () => {
      const [last] = await controlOf(alice).history('Bob', { limit: 1 });
      return last?.direction === 'out' && last.body === written;
    });
    return { alone, inBurst };
  } finally {
    await session.kill();
  }
}

const world = new World();
try {
  const { alice, bob } = await linkedPair(world);
  const figures = [];
  for (const columns of WIDTHS) {
    const floor = await measureFloor(columns);
    figures.push({ columns, floor, ...(await measureConsole(alice, bob, columns)) });
  }
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ messages: MESSAGES, figures }));
  } else {
    console.log(`From a key to the screen, milliseconds: p50 / p95 / max (burst: ${MESSAGES} messages)`);
    const row = ({ p50, p95, max }: Latency): string =>
      [p50, p95, max].map((ms) => ms.toFixed(1)).join(' / ');
    for (const { columns, floor, alone, inBurst } of figures) {
      console.log(
        `${columns} columns   floor ${row(floor)}   alone ${row(alone)}   in a burst ${row(inBurst)}`,
      );
    }
  }
} finally {
  await world.close();
}
