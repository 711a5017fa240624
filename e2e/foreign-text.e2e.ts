import { join } from 'node:path';
import type { PeerView } from '@p2p-chat/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeNode } from '@p2p-chat/shared/testing';
import { ATTACKS } from './support/hostile-text.ts';
import { CHAT_MAIN, type CommandResult, runCli, waitFor } from './support/processes.ts';
import { TerminalSession } from './support/terminal.ts';

/*
 * A node that passes on the worst that strangers can write, in every field
 * that is a text, and what of it reaches the terminal.
 */

const evil = (word: string): string => `${word}${ATTACKS.join('')}`;

/** What a terminal takes for a command, up to its end. */
// eslint-disable-next-line no-control-regex -- these are what is looked for
const OSC = /\u001b\](\d+);?([^\u0007\u001b]*)(?:\u0007|\u001b\\)/g;
// eslint-disable-next-line no-control-regex -- this is what must not be there
const DRIVES_TERMINAL = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;

/** The commands of that kind in what reached a terminal: each its number and what it says. */
const oscs = (output: string): string[][] => [...output.matchAll(OSC)].map(([, ...parts]) => parts);

let node: FakeNode;
let mallory: PeerView;
let env: Record<string, string>;
const sessions: TerminalSession[] = [];
const nodes: FakeNode[] = [];

beforeEach(async () => {
  node = await FakeNode.start();
  env = { P2P_CHAT_USER: 'Alice', P2P_CHAT_HOME: node.home };
  mallory = node.person(evil('Mallory'), {
    host: evil('host'),
    sources: [evil('source')],
    ambiguous: true,
    presence: 'away',
    status: evil('busy'),
  });
  node.profile = { ...node.profile, status: evil('lunch'), addresses: [evil('address')] };
  node.discovery = [{ source: evil('service'), state: 'ok', detail: evil('found') }];
  node.diagnosis = () => [
    { type: 'looking', at: [{ hop: 'storage', subject: evil('subject') }] },
    { type: 'hop', hop: 'storage', subject: evil('subject'), state: 'ok', detail: evil('detail'), ms: 3 },
    { type: 'verdict', ok: true, sentence: evil('the end'), failed: null },
  ];
  node.person(evil('Blocked'), { blocked: true, online: false });
  const [written] = node.receive(mallory, `${evil('first')}\n${evil('second')}`);
  // With the worst in all that others can make of a message.
  const { peerId: author } = mallory;
  node.messages.set(mallory.conversation, [
    {
      ...written!,
      edited: true,
      replyTo: 'x',
      quote: { id: 'x', author, user: evil('Quoted'), body: `${evil('quote')}\nmore`, deleted: false },
      reactions: [{ emoji: evil('feels'), by: [author] }],
      mentions: [author],
      confirm: true,
      confirmed: [{ peerId: author, user: evil('Confirmed'), at: written!.sentAt }],
    },
  ]);
});
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.kill()));
  await Promise.all([node, ...nodes.splice(0)].map((one) => one.close()));
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
    [['history', 'PEER'], 'quote'],
    [['history', 'PEER'], 'feels'],
    [['history', 'PEER', '--json'], 'second'],
    [['send', 'PEER', 'hello'], ''],
    [['send', 'PEER', 'hello', '--json'], 'conversation'],
    [['block', 'PEER'], 'Mallory'],
    [['block', 'PEER', '--json'], 'Mallory'],
    [['unblock', 'PEER'], 'Mallory'],
    [['accept', 'PEER'], 'Mallory'],
    [['accept', 'PEER', '--json'], 'Mallory'],
    [['verify', 'PEER'], 'Mallory'],
    [['verify', 'PEER', '--json'], 'Mallory'],
    [['status'], 'Alice'],
    [['status', '--json'], 'Alice'],
    [['search', 'second'], 'second'],
    [['search', 'second', '--json'], 'second'],
    [['read', 'PEER'], ''],
    [['export', 'PEER'], 'second'],
    [['export', 'PEER', '--format', 'markdown'], 'second'],
    [['export', 'PEER', '--format', 'markdown'], 'quote'],
    [['export', 'PEER', '--format', 'markdown'], 'feels'],
    [['profile'], 'lunch'],
    [['profile', '--json'], 'lunch'],
    [['doctor', 'PEER'], 'the end'],
    [['doctor', 'PEER', '--json'], 'the end'],
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
      node.receive(mallory, evil(`news${json.length}`));
      await session.until(`news${json.length}`);
      expectClean(session.output);
    }
  });

  it.each([
    ['history', evil('Nobody')],
    ['verify', evil('Nobody'), '--json'],
    ['send', evil('Nobody'), 'x'],
    [evil('nonsense')],
    ['export', evil('Nobody')],
    ['import', evil('/nowhere')],
    ['search', 'x', '--limit', evil('1')],
    ['presence', evil('gone')],
    ['send', 'PEER', 'x', '--timeout', evil('1')],
    ['daemon', '--port', evil('1')],
    ['status', '--home', evil('/nowhere')],
  ])('prints no error that does: %j', async (...args) => {
    const result = await runCli(
      args.map((one) => (one === 'PEER' ? mallory.peerId : one)),
      { env },
    );
    expect(result.status).not.toBe(0);
    expect(result.stderr).not.toBe('');
    expectPlain(result);
  });
});

describe('a daemon', () => {
  it('takes no folder whose name drives a terminal, and says so without it', async () => {
    const session = new TerminalSession([CHAT_MAIN, 'daemon'], {
      columns: 200,
      env: {
        P2P_CHAT_USER: 'Alice',
        P2P_CHAT_HOME: join(node.home, evil('data').replaceAll('/', '')),
        P2P_CHAT_HOST: '127.0.0.1',
        P2P_CHAT_PORT: '0',
        DISCOVERY_URLS: '',
      },
    });
    sessions.push(session);
    await session.until('which has characters that nobody sees');
    expect(await session.exited).toBe(2);
    for (const attack of ATTACKS) expect(session.output).not.toContain(attack.replaceAll('/', ''));
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
    node.receive(mallory, evil('third'));
    await session.until('third');
    node.refuses = evil('reason');
    session.type('an answer');
    session.press('enter');
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

  it.each<[string, string, RegExp, Record<string, string>]>([
    ['OSC 9', '9', /^p2p-chat: Mallory.*: news/, { TERM_PROGRAM: 'iTerm.app' }],
    ['OSC 777', '777', /^notify;p2p-chat;Mallory.*: news/, { TERM: 'rxvt-unicode-256color' }],
  ])(
    'rings, and sets titles and shows notifications by %s, without it',
    async (_, command, text, terminal) => {
      const quiet = await FakeNode.start(evil('Me'));
      nodes.push(quiet);
      const friend = quiet.person(evil('Mallory'));
      const session = TerminalSession.console(env, {
        columns: 120,
        env: { P2P_CHAT_HOME: quiet.home, ...terminal },
      });
      sessions.push(session);
      await session.until('What would you like to do?');
      quiet.receive(friend, evil('news'));
      await session.until('news');
      const isTitle = ([number, title]: string[]): boolean =>
        number === '0' && /^\(1\) p2p-chat · Me/.test(title!);
      const isNotice = ([number, notice]: string[]): boolean => number === command && text.test(notice!);
      await waitFor('both', () => oscs(session.output).some(isTitle) && oscs(session.output).some(isNotice));
      session.press('ctrl-c');
      await session.exited;

      for (const [number, content] of oscs(session.output)) {
        expect(['0', command]).toContain(number);
        expect(content).not.toMatch(DRIVES_TERMINAL);
        // In a notification a field of its own would be a command to some terminals.
        if (number !== '0') expect(content!.split(';')).toHaveLength(number === '777' ? 3 : 1);
      }
      // Beside these there is the one bell, no other string that a terminal obeys, and nothing of the attacks.
      const rest = session.output.replace(OSC, '');
      expect(rest.split('\u0007')).toHaveLength(2);
      // eslint-disable-next-line no-control-regex -- OSC, DCS, SOS, PM and APC, and all of C1, are what must not be there
      expect(rest).not.toMatch(/\u001b[\]PX^_]|[\u0080-\u009f]/);
      for (const attack of ATTACKS.filter((one) => one !== '\u0007')) expect(rest).not.toContain(attack);
    },
  );

  it('shows what was found, the profile and whom one can verify without it', async () => {
    const session = await open();
    await session.choose('Search Messages');
    session.type('second');
    await session.until(/❯ Mallory[^]*second/);
    session.press('escape');
    await session.choose('Profile');
    await session.until('lunch');
    await session.until('address');
    session.press('escape');
    await session.choose('Safety Numbers');
    await session.choose('Mallory');
    await session.until('Safety number with Mallory');
    expectClean(session.output);
  });

  it('is shown in lines without it', async () => {
    const session = TerminalSession.console(env, { columns: 120, rows: 200, env: { TERM: 'dumb' } });
    sessions.push(session);
    await session.until('1. Read Messages');
    session.type('1\n');
    await session.until('1. Mallory');
    session.type('1\n');
    await session.until(/answers Quoted[^]*quote[^]*second[^]*feels/);
    node.receive(mallory, evil('third'));
    await session.until('third');
    // One bell for it, and of its own no sequence at all.
    for (const attack of ATTACKS.filter((one) => one !== '\u0007'))
      expect(session.output).not.toContain(attack);
    // eslint-disable-next-line no-control-regex -- this is what must not be there
    expect(session.output).not.toMatch(/[\u0000-\u0006\u0008\u000b-\u000c\u000e-\u001f\u007f-\u009f]/);
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
