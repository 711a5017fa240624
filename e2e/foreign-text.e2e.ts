import type { PeerView } from '@p2p-chat/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeNode } from '../chat-node/src/console/testing/fake-node.js';
import { CHAT_MAIN, type CommandResult, runCli, waitFor } from './support/processes.ts';
import { TerminalSession } from './support/terminal.ts';

/*
 * A node that passes on the worst that strangers can write, in every field
 * that is a text, and what of it reaches the terminal.
 */

/** What must not arrive, each with the word that shows that its place was printed. */
const ATTACKS = [
  '\u001b[5;5H',
  '\u001b[7;35m',
  '\u001b[3J',
  '\u001b]8;;http://evil.example\u0007',
  '\u001b]52;c;aGk=\u0007',
  '\u001bP1;2|x\u001b\\',
  '\u009b35m',
  '\u009d0;title\u009c',
  '\u0090x\u009c',
  '\b\b\b',
  'seen\rhidden',
  '\u202etxet',
  '\u2066x\u2069',
  '\u200b',
  'pay\u200dpal',
  '\ufeff',
  '\u0007',
];
const evil = (word: string): string => `${word}${ATTACKS.join('')}`;

let node: FakeNode;
let mallory: PeerView;
let env: Record<string, string>;
const sessions: TerminalSession[] = [];

beforeEach(async () => {
  node = await FakeNode.start();
  env = { P2P_CHAT_USER: 'Alice', P2P_CHAT_HOME: node.home };
  mallory = node.person(evil('Mallory'), {
    host: evil('host'),
    sources: [evil('source')],
    ambiguous: true,
  });
  node.person(evil('Blocked'), { blocked: true, online: false });
  node.receive(mallory, `${evil('first')}\n${evil('second')}`);
});
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.kill()));
  await node.close();
});

function expectClean(output: string): void {
  for (const attack of ATTACKS) expect(output).not.toContain(attack);
}

/** What a pipe gets: no control character but the newline, no invisible or reordering one. */
function expectPlain({ stdout, stderr }: CommandResult): void {
  expectClean(stdout + stderr);
  // eslint-disable-next-line no-control-regex -- this is what must not be there
  expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
}

describe('a command', () => {
  it.each<[string[], string]>([
    [['peers', '--all'], 'Mallory'],
    [['peers', '--all', '--json'], 'Mallory'],
    [['history', 'PEER'], 'second'],
    [['history', 'PEER', '--json'], 'second'],
    [['send', 'PEER', 'hello'], ''],
    [['send', 'PEER', 'hello', '--json'], 'peerId'],
    [['block', 'PEER'], 'Mallory'],
    [['block', 'PEER', '--json'], 'Mallory'],
    [['unblock', 'PEER'], 'Mallory'],
    [['accept', 'PEER'], 'Mallory'],
    [['accept', 'PEER', '--json'], 'Mallory'],
    [['verify', 'PEER'], 'Mallory'],
    [['verify', 'PEER', '--json'], 'Mallory'],
    [['status'], 'Alice'],
    [['status', '--json'], 'Alice'],
  ])('prints nothing that drives a terminal: %j', async (args, word) => {
    const result = await runCli(
      args.map((one) => (one === 'PEER' ? mallory.peerId : one)),
      { env },
    );
    expect(result.status).toBe(0);
    expect(result.stdout + result.stderr).toContain(word);
    expectPlain(result);
  });

  it('tells of events without it, in prose and in JSON', async () => {
    for (const json of [[], ['--json']]) {
      const session = new TerminalSession([CHAT_MAIN, 'events', ...json], { env, columns: 120 });
      sessions.push(session);
      await waitFor('the command to listen', () => node.followers > json.length);
      const [message] = node.receive(mallory, evil(`news${json.length}`));
      node.settle(mallory.peerId, [message?.id ?? ''], 'failed', evil(`reason${json.length}`));
      await session.until(`reason${json.length}`);
      expect(session.output).toContain(`news${json.length}`);
      expectClean(session.output);
    }
  });

  it.each([
    ['history', evil('Nobody')],
    ['verify', evil('Nobody'), '--json'],
    ['send', evil('Nobody'), 'x'],
    [evil('nonsense')],
  ])('prints no error that does: %j', async (...args) => {
    const result = await runCli(args, { env });
    expect(result.status).not.toBe(0);
    expect(result.stderr).not.toBe('');
    expectPlain(result);
  });
});

describe('the console', () => {
  async function open(): Promise<TerminalSession> {
    // Bells and titles are escape sequences of the console's own.
    const quiet = { P2P_CHAT_NOTIFICATIONS: 'off' };
    const session = TerminalSession.console(env, { columns: 120, env: quiet });
    sessions.push(session);
    await session.until('What would you like to do?');
    return session;
  }

  it('shows people, notices, a conversation and an error without it', async () => {
    const session = await open();
    node.receive(mallory, evil('notice'));
    await session.until('notice');
    await session.choose('Read Messages');
    await session.until(/❯ Mallory/);
    session.press('enter');
    await session.until('second');
    const [last] = node.receive(mallory, evil('third'));
    await session.until('third');
    session.type('an answer');
    session.press('enter');
    await session.until('You: an answer');
    const [own] = (node.messages.get(mallory.peerId) ?? []).filter(({ direction }) => direction === 'out');
    expect(last).toBeDefined();
    node.settle(mallory.peerId, [own?.id ?? ''], 'failed', evil('reason'));
    await session.until('reason');
    expectClean(session.output);
  });

  it('shows requests, other keys under known names, and safety numbers without it', async () => {
    const known = { peerId: mallory.peerId, user: evil('Known'), blocked: false, verified: true };
    const stranger = node.person(evil('Stranger'), {
      trust: 'stranger',
      request: { messages: 1 },
      keyAlarm: known,
    });
    node.receive(stranger, evil('please'));
    const session = await open();
    await session.until(/Another key shows the name of Known/);
    node.receive(stranger, evil('notice'));
    await session.until(/Stranger.* wants to write to you: notice/);
    await session.choose('Message Requests');
    await session.until(/Stranger.*wants to write to you\n.*please/);
    await session.choose('Block');
    await session.until('is now blocked');
    await session.choose('Key Alarms');
    await session.until('Either there are two people');
    await session.choose('Compare the safety number');
    await session.until('Safety number with Stranger');
    await session.choose('It is the same');
    await session.until('Either there are two people');
    expectClean(session.output);
  });

  it('shows whom one can write to and who is blocked without it', async () => {
    const session = await open();
    await session.choose('Send Messages');
    await session.until(/❯ .*Mallory/);
    session.press('escape');
    await session.until('What would you like to do?');
    await session.choose('Manage Blocked Users');
    await session.until('Blocked');
    expectClean(session.output);
  });
});
