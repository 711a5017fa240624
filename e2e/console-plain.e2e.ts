import { spawn } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { controlOf, deliver, linkedPair } from './support/control.ts';
import {
  baseEnvironment,
  CHAT_MAIN,
  type RunningDaemon,
  RunningProcess,
  waitFor,
  World,
} from './support/processes.ts';
import { TerminalSession } from './support/terminal.ts';

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

describe('a console in lines', () => {
  it('is what a terminal that cannot move the cursor gets, and redraws nothing', async () => {
    const session = TerminalSession.console(alice.env, { env: { TERM: 'dumb' }, columns: 120, rows: 200 });
    sessions.push(session);
    await session.until('1. Read Messages');
    session.type('2\n');
    await session.until('1. Bob');
    session.type('1\n');
    await session.until('Write the first one.');
    session.type('Hello Bob\n');
    await session.until(/Hello Bob \(delivered\)|Now delivered: Hello Bob/);
    await deliver(bob, 'Alice', 'مرحبا 日本 🎉 https://example.org/a?b=c');
    await session.until('Bob: مرحبا 日本 🎉 https://example.org/a?b=c');
    await waitFor('reading', async () => (await controlOf(alice).peer('Bob')).unread === 0);
    session.type('\n');
    await session.until(/Type a number[^]*Type a number[^]*Type a number/);
    session.type('logout\n');
    const number = /^(\d+)\. Logout$/m.exec(session.screen)?.[1] ?? '';
    session.type(`${number}\n`);
    expect(await session.exited).toBe(0);
    expect(session.screen).toContain('Goodbye, Alice.');
    // Not one sequence: no colour, no cursor, no screen of its own.
    expect(session.output).not.toContain('\u001b');
    expect(await controlOf(bob).history('Alice', {})).toMatchObject([{ body: 'Hello Bob' }, {}]);
  });

  it('works in a pipe, from the first line to the last', async () => {
    const child = spawn(process.execPath, [CHAT_MAIN, 'console', '--plain'], {
      env: { ...baseEnvironment(), ...alice.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const run = world.track(new RunningProcess('console --plain', child));
    child.stdin.end('2\n1\nfrom a pipe\\\nin two lines\n/back\n');
    expect(await run.exited).toBe(0);
    expect(await controlOf(bob).history('Alice', {})).toMatchObject([{ body: 'from a pipe\nin two lines' }]);
  });
});
