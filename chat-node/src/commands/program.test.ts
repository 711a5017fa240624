import { mkdir, writeFile } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CONTROL_FILE, MAX_BODY_BYTES, safetyNumber, shortPeerId, type PeerView } from '@p2p-chat/shared';
import { FakeNode } from '@p2p-chat/shared/testing';
import { command, start } from './testing/run-command.js';

let node: FakeNode;
let bob: PeerView;

beforeEach(async () => {
  node = await FakeNode.start();
  bob = node.person('Bob');
});

afterEach(() => node.close());

function cli(argv: readonly string[], stdin?: string | Uint8Array): ReturnType<typeof command> {
  return command(argv, { home: node.home, ...(stdin === undefined ? {} : { stdin }) });
}

function json(text: string): unknown[] {
  expect(text).toMatch(/\n$/);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

function bodies(): string[] {
  return (node.messages.get(bob.conversation) ?? []).map((message) => message.body);
}

describe('help and wrong use', () => {
  it('lists every command, and describes each', async () => {
    const { status, stdout } = await command(['--help']);
    expect(status).toBe(0);
    const listed = [...stdout.matchAll(/^ {2}([a-z]+)\b.*$/gm)].map((match) => match[1]);
    const names = [
      'console',
      'daemon',
      'status',
      'peers',
      'send',
      'history',
      'events',
      'accept',
      'block',
      'unblock',
      'verify',
      'doctor',
    ];
    expect(listed).toEqual(expect.arrayContaining(names));
    for (const name of names) {
      const help = await command([name, '--help']);
      expect(help).toMatchObject({ status: 0, stderr: '' });
      expect(help.stdout).toContain(`p2p-chat ${name}`);
      expect(help.stdout).toContain('--home <folder>');
      expect(help.stdout.includes('--json'), `${name} --json`).toBe(name !== 'console');
    }
  });

  it('prints the version', async () => {
    expect(await command(['--version'])).toEqual({ status: 0, stdout: '0.1.0\n', stderr: '' });
  });

  it.each([
    [[]],
    [['nonsense']],
    [['status', 'too many']],
    [['peers', '--nonsense']],
    [['send']],
    [['send', 'Bob', 'hello', 'there']],
    [['send', 'Bob', 'x', '--wait', 'forever']],
    [['send', 'Bob', 'x', '--timeout', '30']],
    [['send', 'Bob', 'x', '--timeout', '-1s']],
    [['send', 'Bob', 'x', '--lines']],
    [['send', 'Bob', '--lines', '--key', 'one']],
    [['history', 'Bob', '--limit', '0']],
    [['history', 'Bob', '--limit', 'many']],
    [['history', 'Bob', '--before', 'x', '--after', 'y']],
  ])('ends %j with 2 and says why on stderr', async (argv) => {
    const { status, stdout, stderr } = await cli(argv);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).not.toBe('');
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('needs a terminal for the console', async () => {
    const { status, stdout, stderr } = await cli(['console']);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('needs a terminal');
    expect(stderr).toContain('p2p-chat --help');
  });
});

describe('the profile', () => {
  it('is found by --home before and after the command, over the environment', async () => {
    for (const argv of [
      ['--home', node.home, 'status', '--json'],
      ['status', '--json', '--home', node.home],
    ]) {
      const { status, stdout } = await command(argv, { home: '/nonexistent' });
      expect({ status, all: json(stdout) }).toMatchObject({ status: 0, all: [{ user: 'Alice' }] });
    }
  });

  it('is that of --user in the data folder', async () => {
    const data = join(node.home, 'data');
    const file = { port: node.port, token: node.token, pid: 1, peerId: node.peerId, user: 'A/B' };
    const path = join(data, 'p2p-chat', 'A%2FB', CONTROL_FILE);
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, JSON.stringify(file), { mode: 0o600 });
    const { status } = await command(['status', '--user', 'A/B'], { env: { XDG_DATA_HOME: data } });
    expect(status).toBe(0);
  });

  it('is refused where the name is none', async () => {
    const { status, stdout, stderr } = await command(['--user', 'a\nb', 'status']);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('P2P_CHAT_USER is "a\\nb"');
  });

  it.each([
    ['status'],
    ['peers'],
    ['events'],
    ['history', 'Bob'],
    ['send', 'Bob', 'x'],
    ['accept', 'Bob'],
    ['block', 'Bob'],
    ['verify', 'Bob'],
  ])('without a running node, %s ends with 4 and says how to start one', async (...argv) => {
    const { status, stdout, stderr } = await command(argv, { home: join(node.home, 'nobody') });
    expect({ status, stdout }).toEqual({ status: 4, stdout: '' });
    expect(stderr).toContain('No node is running');
    expect(stderr).toContain('p2p-chat daemon');
  });
});

describe('no such peer', () => {
  const commands = [
    ['send', 'X', 'x'],
    ['send', 'X', '--lines'],
    ['history', 'X'],
    ['accept', 'X'],
    ['block', 'X'],
    ['unblock', 'X'],
    ['verify', 'X'],
    ['verify', 'X', '--mark'],
    ['read', 'X'],
  ];

  it.each(commands)('ends %s with 3', async (...argv) => {
    const { status, stdout, stderr } = await cli(argv, 'x\n');
    expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
    expect(stderr).toContain('Nobody is known as "X".');
  });

  it.each(commands)('ends %s with 3 and lists the choices where several are meant', async (...argv) => {
    const one = node.person('X');
    const other = node.person('X', { peerId: `${'b'.repeat(51)}q` });
    const { status, stderr } = await cli(argv, 'x\n');
    expect(status).toBe(3);
    for (const { peerId } of [one, other]) expect(stderr).toContain(shortPeerId(peerId));
    const asJson = await cli([...argv, '--json'], 'x\n');
    expect(json(asJson.stderr)).toMatchObject([{ error: { code: 'peer-ambiguous', choices: [{}, {}] } }]);
  });
});

describe('status', () => {
  it('is one object with --json, and lines without', async () => {
    const asJson = await cli(['status', '--json']);
    expect(json(asJson.stdout)).toEqual([
      expect.objectContaining({
        user: 'Alice',
        peerId: node.peerId,
        storage: 'sqlite',
        outbox: { queued: 0 },
        requests: 0,
        keyAlarms: 0,
        links: 1,
      }),
    ]);
    const { status, stdout, stderr } = await cli(['status']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(`Alice (${shortPeerId(node.peerId)})`);
    expect(stdout).toContain('http://127.0.0.1:7777: 1 person found');
  });
});

describe('peers', () => {
  beforeEach(
    () => void node.person('Carol', { online: false, blocked: true, host: null, port: null, unread: 2 }),
  );

  it('are those online, or all', async () => {
    expect(json((await cli(['peers', '--json'])).stdout)).toEqual([bob]);
    expect(json((await cli(['peers', '--all', '--json'])).stdout)).toHaveLength(2);
    const { stdout } = await cli(['peers', '--all']);
    expect(stdout).toMatch(/Bob +\w{8} +192\.0\.2\.7:7780\n/);
    expect(stdout).toMatch(/Carol +\w{8} +offline +\[BLOCKED\] +2 unread\n/);
  });

  it('says what to do where there are none', async () => {
    node.peers.clear();
    const { status, stdout, stderr } = await cli(['peers']);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(stderr).toContain('Start a second one');
    expect(await cli(['peers', '--json'])).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});

describe('send', () => {
  it('sends its argument', async () => {
    const { status, stdout, stderr } = await cli(['send', 'Bob', 'hello there']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe('The message is queued for Bob.\n');
    expect(bodies()).toEqual(['hello there']);
  });

  it('prints id, conversation and state with --json', async () => {
    const { stdout } = await cli(['send', shortPeerId(bob.peerId), 'hello', '--json']);
    const [message] = node.messages.get(bob.conversation) ?? [];
    expect(json(stdout)).toEqual([{ id: message?.id, conversation: bob.conversation, state: 'queued' }]);
  });

  it.each([
    ['one line\n', 'one line'],
    ['two\nlines\r\n\r\n', 'two\nlines'],
    ['\n  indented\n\n', '\n  indented'],
    ['no newline ü🦊', 'no newline ü🦊'],
  ])('sends stdin %j without its trailing newlines', async (stdin, body) => {
    expect(await cli(['send', 'Bob'], stdin)).toMatchObject({ status: 0 });
    expect(bodies()).toEqual([body]);
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    ['nothing', '', /empty/],
    ['only newlines', '\n\r\n\n', /empty/],
    ['a NUL', 'a\0b', /not text in UTF-8/],
    ['bytes that are not UTF-8', Uint8Array.of(0x61, 0xff, 0xfe), /not text in UTF-8/],
    ['more than a message may be', 'x'.repeat(MAX_BODY_BYTES + 1), /larger than a message may be/],
    ['far more', 'x\n'.repeat(2 * MAX_BODY_BYTES), /larger than a message may be/],
  ])('refuses %s with 2', async (_, stdin, says) => {
    const { status, stdout, stderr } = await cli(['send', 'Bob'], stdin);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(says);
    expect(bodies()).toEqual([]);
  });

  it('takes the largest message', async () => {
    expect(await cli(['send', 'Bob'], 'x'.repeat(MAX_BODY_BYTES) + '\n')).toMatchObject({ status: 0 });
    expect(bodies()).toEqual(['x'.repeat(MAX_BODY_BYTES)]);
  });

  it('refuses an empty argument', async () => {
    expect(await cli(['send', 'Bob', ' '])).toMatchObject({ status: 2 });
    expect(bodies()).toEqual([]);
  });

  it('waits until it is delivered, even where that comes before the answer', async () => {
    const { status, stdout } = await cli(['send', 'Bob', 'hello', '--wait', 'delivered', '--json']);
    expect(status).toBe(0);
    expect(json(stdout)).toMatchObject([{ conversation: bob.conversation, state: 'delivered' }]);
  });

  it('waits until it is read', async () => {
    const sending = start(['send', 'Bob', 'hello', '--wait', 'read'], { home: node.home });
    node.deliver = (message) => {
      setImmediate(() => node.settle(bob.conversation, [message.id], 'read'));
      return 'delivered';
    };
    expect(await sending.status).toBe(0);
    expect(sending.stdout()).toBe('The message is read by Bob.\n');
  });

  it('ends with 5 when the time is over, and says that nothing is lost', async () => {
    node.person('Bob', { online: false });
    const accepted = Promise.withResolvers<void>();
    node.deliver = () => (accepted.resolve(), 'queued');
    const sending = start(['send', 'Bob', 'hello', '--wait', 'delivered', '--timeout', '2m', '--json'], {
      home: node.home,
    });
    await accepted.promise;
    await timerOf(sending);
    await sending.clock.advance(119_999);
    expect(sending.stdout()).toBe('');
    await sending.clock.advance(1);
    expect(await sending.status).toBe(5);
    expect(json(sending.stdout())).toMatchObject([{ state: 'queued' }]);
    expect(json(sending.stderr())).toMatchObject([
      { error: { code: 'not-in-time', hint: expect.stringContaining('Nothing is lost') as string } },
    ]);
  });

  it('finds out what became of it when the stream of events broke meanwhile', async () => {
    node.deliver = (message) => {
      node.cutStreams();
      const messages = node.messages.get(bob.conversation) ?? [];
      node.messages.set(bob.conversation, messages.with(-1, { ...message, state: 'delivered' }));
      return 'queued';
    };
    const sending = start(['send', 'Bob', 'hello', '--wait', 'delivered', '--timeout', '2m'], {
      home: node.home,
    });
    await timerOf(sending, 2);
    await sending.clock.advance(10_000);
    expect(await sending.status).toBe(0);
  });

  it('sends a message whose answer was lost again, and it is the same one', async () => {
    node.losesAnswers = true;
    const sending = start(['send', 'Bob', 'hello', '--json'], { home: node.home });
    await timerOf(sending);
    await sending.clock.advance(500);
    expect(await sending.status).toBe(0);
    expect(json(sending.stdout())).toHaveLength(1);
    expect(bodies()).toEqual(['hello']);
  });

  it('gives the same message for the same key, and refuses the key for another', async () => {
    const first = await cli(['send', 'Bob', 'hello', '--key', 'job-1', '--json']);
    const again = await cli(['send', 'Bob', 'hello', '--key', 'job-1', '--json']);
    expect(again).toEqual(first);
    expect(bodies()).toEqual(['hello']);
    const other = await cli(['send', 'Bob', 'something else', '--key', 'job-1', '--json']);
    expect({ status: other.status, errors: json(other.stderr) }).toMatchObject({
      status: 1,
      errors: [{ error: { code: 'key-reused' } }],
    });
    expect((await cli(['send', 'Bob', 'hello'])).status).toBe(0);
    expect(bodies()).toEqual(['hello', 'hello']);
  });

  it('ends with 130 on Ctrl-C while it waits', async () => {
    node.deliver = () => 'queued';
    const sending = start(['send', 'Bob', 'hello', '--wait', 'delivered'], { home: node.home });
    await timerOf(sending);
    sending.interrupt();
    expect(await sending.status).toBe(130);
  });
});

describe('send --lines', () => {
  it('sends each line with text, in order', async () => {
    const { status, stdout } = await cli(['send', 'Bob', '--lines'], 'one\n\ntwo\r\n  \nthree');
    expect({ status, stdout }).toEqual({ status: 0, stdout: '3 messages are queued for Bob.\n' });
    expect(bodies()).toEqual(['one', 'two', 'three']);
  });

  it('sends lines as they come', async () => {
    const stdin = new PassThrough();
    const sending = start(['send', 'Bob', '--lines', '--json'], { home: node.home, stdin });
    stdin.write('one\ntw');
    await sending.untilPrinted(/\n$/);
    expect(bodies()).toEqual(['one']);
    stdin.end('o');
    expect(await sending.status).toBe(0);
    expect(json(sending.stdout())).toMatchObject([{ state: 'queued' }, { state: 'queued' }]);
    expect(bodies()).toEqual(['one', 'two']);
  });

  it('waits for all', async () => {
    const { status, stdout } = await cli(
      ['send', 'Bob', '--lines', '--wait', 'delivered', '--json'],
      'a\nb\nc\n',
    );
    expect(status).toBe(0);
    expect(json(stdout)).toEqual(
      (node.messages.get(bob.conversation) ?? []).map(({ id, conversation }) => ({
        id,
        conversation,
        state: 'delivered',
      })),
    );
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    [
      'binary',
      Buffer.concat([Buffer.from('one\ntwo\n'), Buffer.of(0xff), Buffer.from('\nfour\n')]),
      /Line 3 is not text/,
    ],
    ['too large', `one\ntwo\n${'x'.repeat(MAX_BODY_BYTES + 1)}\nfour\n`, /Line 3 is larger/],
    ['endless', `one\ntwo\n${'x'.repeat(8 * MAX_BODY_BYTES)}`, /Line 3 is larger/],
  ])('stops at a line that is %s, with 2; the lines before it are sent', async (_, stdin, says) => {
    const { status, stderr } = await cli(['send', 'Bob', '--lines'], stdin);
    expect(status).toBe(2);
    expect(stderr).toMatch(says);
    expect(stderr).toContain('2 messages accepted');
    expect(bodies()).toEqual(['one', 'two']);
  });

  it('refuses input without any text', async () => {
    expect(await cli(['send', 'Bob', '--lines'], '\n \n')).toMatchObject({ status: 2 });
  });
});

const GONE = { kind: 'deleted', body: '', deleted: true } as const;

describe('history', () => {
  it('is oldest first, with the bounds that were asked for', async () => {
    const sent = node.receive(bob, ...Array.from({ length: 60 }, (_, i) => `m${i}`));
    const ids = async (...flags: string[]): Promise<string[]> => {
      const { status, stdout } = await cli(['history', 'Bob', '--json', ...flags]);
      expect(status).toBe(0);
      return (json(stdout) as { id: string }[]).map((message) => message.id);
    };
    const all = sent.map((message) => message.id);
    expect(await ids()).toEqual(all.slice(-50));
    expect(await ids('--limit', '2')).toEqual(all.slice(-2));
    expect(await ids('--limit', '1000')).toEqual(all);
    expect(await ids('--limit', '2', '--before', all[10] ?? '')).toEqual(all.slice(8, 10));
    expect(await ids('--limit', '2', '--after', all[10] ?? '')).toEqual(all.slice(11, 13));
  });

  it('calls people of one name by their short ids too, as a search does', async () => {
    node.person('Bob', { peerId: bob.peerId, ambiguous: true });
    node.receive(bob, 'which one');
    const name = `Bob (${shortPeerId(bob.peerId)})`;
    expect((await cli(['history', bob.peerId])).stdout).toContain(`${name}: which one`);
    expect((await cli(['search', 'which'])).stdout).toContain(`${name}: which one`);
  });

  it('goes over pages in both directions', async () => {
    const sent = node.receive(bob, ...Array.from({ length: 2_500 }, (_, i) => `m${i}`));
    const all = sent.map((message) => message.id);
    const back = json((await cli(['history', 'Bob', '--json', '--limit', '2300'])).stdout) as {
      id: string;
    }[];
    expect(back.map((message) => message.id)).toEqual(all.slice(-2300));
    const forth = json(
      (await cli(['history', 'Bob', '--json', '--limit', '2300', '--after', all[0] ?? ''])).stdout,
    ) as { id: string }[];
    expect(forth.map((message) => message.id)).toEqual(all.slice(1, 2301));
  });

  it('takes the person or the conversation, as send, read and export do', async () => {
    node.receive(bob, 'one');
    const { conversation, peerId } = bob;
    for (const name of ['Bob', shortPeerId(peerId), peerId, conversation]) {
      expect((await cli(['send', name, 'an answer'])).status).toBe(0);
      expect((await cli(['history', name, '--limit', '1'])).stdout).toContain('You: an answer');
      expect((await cli(['export', name])).stdout).toContain('"body":"one"');
      expect((await cli(['read', name])).status).toBe(0);
    }
  });

  it('says of a message that it cannot show why', async () => {
    const [first, second, third] = node.receive(bob, 'one', 'two', 'three');
    node.messages.set(bob.conversation, [
      { ...first!, kind: 'po\u0007ll', body: '' },
      { ...second!, kind: 'unreadable', body: '' },
      // Of another node: there is nothing to see in it.
      { ...third!, body: '\u200b\u2800\u001b[31m' },
    ]);
    const { stdout } = await cli(['history', 'Bob']);
    expect(stdout).toContain('Bob: [needs a newer version of p2p-chat: poll]\n');
    expect(stdout.match(/Bob: \[cannot be shown\]\n/g)).toHaveLength(2);
  });

  it("shows who, what, and the state of one's own", async () => {
    node.receive(bob, 'two\nlines');
    await cli(['send', 'Bob', 'an answer']);
    const { stdout } = await cli(['history', 'Bob']);
    expect(stdout).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d {2}Bob: two\n {4}lines\n.*You: an answer {2}✓\n$/);
  });

  it('shows what it answers, and what others made of it', async () => {
    const [first] = node.receive(bob, 'shall we?');
    const { id, author, user } = first!;
    const quote = { id, author, user, body: 'shall we?\u001b[31m', deleted: false };
    node.receive(bob, 'two\nlines', 'come', 'gone');
    node.messages.set(
      bob.conversation,
      node.messages.get(bob.conversation)!.map((one) => {
        if (one.body.startsWith('two'))
          return { ...one, replyTo: id, quote, edited: true, reactions: [{ emoji: '👍', by: ['a', 'b'] }] };
        return one.body === 'come'
          ? { ...one, confirm: true }
          : { ...one, ...(one.body === 'gone' ? GONE : {}) };
      }),
    );
    const { stdout } = await cli(['history', 'Bob']);
    expect(stdout).toMatch(/Bob: │ Bob: shall we\?\n {4}two\n {4}lines\n {4}edited · 👍 2\n/);
    expect(stdout).toMatch(/Bob: come\n {4}asks you to confirm\n.*Bob: \[deleted\]\n$/);
  });

  it('lets no foreign text act upon the terminal, and changes none for a program', async () => {
    const evil = 'a\u001b]52;c;x\u0007b\u009b2Jc\rd\u202ee\u2028f';
    const mallory = node.person('Mal\u001b[31mlory');
    node.receive(mallory, evil);
    const prose = await cli(['history', mallory.peerId]);
    expect(prose.stdout).toContain('Mallory: ');
    // eslint-disable-next-line no-control-regex -- these are what must not come out
    expect(prose.stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u2028]/);
    const asJson = await cli(['history', mallory.peerId, '--json']);
    expect(asJson.stdout).toMatch(/^[\u0020-\u007e]*\n$/);
    expect(json(asJson.stdout)).toMatchObject([{ body: evil }]);
  });

  it('says that there is nothing', async () => {
    expect(await cli(['history', 'Bob'])).toEqual({
      status: 0,
      stdout: '',
      stderr: 'There are no messages.\n',
    });
    expect(await cli(['history', 'Bob', '--json'])).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('refuses an unknown message', async () => {
    expect(await cli(['history', 'Bob', '--before', 'x'])).toMatchObject({ status: 1 });
  });
});

describe('another key under a known name', () => {
  it('is named in peers, status, verify and events, until it was seen', async () => {
    const keyAlarm = { peerId: bob.peerId, user: 'Bob', blocked: false, verified: true };
    const { peerId } = node.person('Bоb', { trust: 'stranger', ambiguous: true, keyAlarm });
    expect((await cli(['peers'])).stdout).toContain(`OTHER KEY than ${shortPeerId(bob.peerId)}`);
    expect((await cli(['status'])).stdout).toMatch(/^alarms +1 other key under a name you know/m);
    const { stdout, stderr } = await cli(['verify', peerId]);
    expect(stdout.trim().split(/\s+/).join(' ')).toBe(safetyNumber(node.peerId, peerId));
    expect(stderr).toContain(`Another key shows the name of Bob (${shortPeerId(bob.peerId)}, verified)`);
    const listening = start(['events'], { home: node.home });
    await followers(1);
    node.emit({ type: 'key-alarm', peer: node.peers.get(peerId) ?? bob });
    await listening.untilPrinted(/! Another key shows the name of Bob/);
    listening.interrupt();
    await listening.status;
    await cli(['verify', peerId, '--seen']);
    expect((await cli(['status'])).stdout).not.toContain('alarms');
  });
});

describe('accept', () => {
  it('makes a stranger a contact, twice if need be, in prose and in JSON', async () => {
    node.person('Carol', { trust: 'stranger', request: { messages: 2 } });
    expect((await cli(['peers'])).stdout).toMatch(/Carol.*2 messages of a stranger/);
    expect((await cli(['status'])).stdout).toMatch(
      /^requests +1 person wants to write: p2p-chat peers --all$/m,
    );
    for (let i = 0; i < 2; i += 1) {
      expect((await cli(['accept', 'Carol'])).stdout).toMatch(/^Carol is a contact/);
    }
    expect(json((await cli(['accept', 'Carol', '--json'])).stdout)).toMatchObject([
      { user: 'Carol', trust: 'contact', request: null },
    ]);
    expect((await cli(['status'])).stdout).not.toContain('requests');
  });
});

describe('block and unblock', () => {
  it('say which it now is, and can be repeated', async () => {
    for (let i = 0; i < 2; i += 1) {
      expect((await cli(['block', 'Bob'])).stdout).toMatch(/^Bob is blocked/);
      expect(node.peers.get(bob.peerId)?.blocked).toBe(true);
    }
    expect((await cli(['unblock', 'Bob'])).stdout).toMatch(/^Bob is not blocked/);
    expect(json((await cli(['block', 'Bob', '--json'])).stdout)).toMatchObject([
      { user: 'Bob', blocked: true },
    ]);
  });
});

describe('read', () => {
  it('marks a conversation as read, and says how much was unread', async () => {
    const [first] = node.receive(bob, 'one', 'two', 'three');
    expect(json((await cli(['read', 'Bob', '--up-to', first?.id ?? '', '--json'])).stdout)).toEqual([
      { read: 1 },
    ]);
    expect((await cli(['read', 'Bob'])).stdout).toBe('2 messages from Bob marked as read.\n');
    expect((await cli(['read', 'Bob'])).stdout).toBe('Nothing from Bob was unread.\n');
  });
});

describe('profile and presence', () => {
  it('show what is set, and change what is given', async () => {
    expect((await cli(['presence', 'dnd', '--status', 'in a talk'])).stdout).toBe(
      'do not disturb: in a talk\n',
    );
    expect(json((await cli(['presence', '--json'])).stdout)).toEqual([
      { presence: 'dnd', shown: 'dnd', status: 'in a talk' },
    ]);
    const changed = await cli(['profile', '--name', 'Alison', '--receipts', 'off', '--json']);
    expect(json(changed.stdout)).toMatchObject([{ user: 'Alison', receipts: false, typing: true }]);
    const { stdout } = await cli(['profile']);
    expect(stdout).toMatch(/^name +Alison \(\w{8}\)\n/);
    expect(stdout).toContain(node.peerId);
    expect(stdout).toContain('192.0.2.1:7780');
  });

  it.each([[['presence', 'asleep']], [['profile', '--receipts', 'perhaps']], [['profile', '--typing']]])(
    'end %j with 2',
    async (argv) => {
      expect(await cli(argv)).toMatchObject({ status: 2, stdout: '' });
    },
  );
});

describe('logout', () => {
  it('ends the node', async () => {
    expect(json((await cli(['logout', '--json'])).stdout)).toEqual([{ loggedOut: true }]);
    await node.loggedOut;
  });
});

describe('verify', () => {
  const number = (): string => safetyNumber(node.peerId, bob.peerId);

  it('shows the number on stdout, and what to do with it', async () => {
    const { status, stdout, stderr } = await cli(['verify', 'Bob']);
    expect(status).toBe(0);
    expect(stdout.trim().split(/\s+/).join(' ')).toBe(number());
    expect(stdout.trim().split('\n')).toHaveLength(3);
    expect(stderr).toContain('Bob must see the same number');
    expect(stderr).toContain(`p2p-chat verify ${bob.peerId} --mark`);
  });

  it('notes that it is the same, and takes that back', async () => {
    expect((await cli(['verify', 'Bob', '--mark'])).stderr).toContain('Bob is verified');
    expect(node.peers.get(bob.peerId)?.verified).toBe(true);
    expect((await cli(['peers'])).stdout).toContain('verified');
    expect(json((await cli(['verify', 'Bob', '--unmark', '--json'])).stdout)).toEqual([
      { peerId: bob.peerId, user: 'Bob', verified: false, safetyNumber: number() },
    ]);
  });

  it('does not take both at once', async () => {
    expect(await cli(['verify', 'Bob', '--mark', '--unmark'])).toMatchObject({ status: 2 });
  });
});

describe('events', () => {
  it('end where the place cannot be kept, and say so', async () => {
    const place = join(node.home, 'no such folder', 'place');
    const { status, stderr } = await cli(['events', '--resume', place]);
    expect(status).toBe(2);
    expect(stderr).toContain('cannot keep the last event (ENOENT)');
    expect(stderr).not.toContain('gone away');
  });

  it('are a line each until Ctrl-C, which is no failure', async () => {
    const running = start(['events'], { home: node.home });
    await followers(1);
    const [first] = node.receive(bob, 'hello\nthere');
    const quote = { id: first!.id, author: bob.peerId, user: 'Bob', body: 'hello', deleted: false };
    const own = { ...first!, author: node.peerId, direction: 'out', replyTo: first!.id, quote } as const;
    node.emit({
      type: 'changed',
      messages: [
        { ...first!, confirm: true },
        { ...own, body: 'drill', confirm: true, confirmed: [] },
      ],
    });
    node.settle(bob.conversation, ['id-1', 'id-2'], 'delivered');
    node.person('Bob', { online: false });
    node.emit({ type: 'history', conversation: bob.conversation });
    node.emit({ type: 'stopping' });
    await running.untilPrinted(/The node ends/);
    running.interrupt();
    expect(await running.status).toBe(0);
    expect(
      running
        .stdout()
        .split('\n')
        .map((line) => line.slice(7)),
    ).toEqual([
      'Bob: hello there',
      'Bob: changed: hello there [asks you to confirm]',
      'Bob: changed: [answers Bob: hello] drill [0 confirmed]',
      'Bob: delivered id-1',
      'Bob: delivered id-2',
      'Bob is offline',
      'Bob: earlier messages came or are hidden',
      'The node ends.',
      '',
    ]);
  });

  it('are one object for each message and id with --json', async () => {
    const running = start(['events', '--json'], { home: node.home });
    await followers(1);
    const [one, two] = node.receive(bob, 'one', 'two');
    node.settle(bob.conversation, ['id-1', 'id-2'], 'read');
    await cli(['read', 'Bob']);
    node.emit({ type: 'history', conversation: bob.conversation });
    await running.untilPrinted(/history/);
    running.interrupt();
    expect(await running.status).toBe(0);
    const { conversation, peerId } = bob;
    const state = { event: 'state', conversation, state: 'read' };
    expect(json(running.stdout())).toEqual([
      { event: 'message', ...one },
      { event: 'message', ...two },
      { ...state, id: 'id-1' },
      { ...state, id: 'id-2' },
      {
        event: 'conversation',
        id: conversation,
        kind: 'direct',
        name: 'Bob',
        peerId,
        peer: bob,
        unread: 0,
        last: two,
      },
      { event: 'history', conversation },
    ]);
  });

  it('go on when the node was away', async () => {
    const running = start(['events', '--json'], { home: node.home });
    await followers(1);
    await node.crash();
    await timerOf(running);
    expect(running.stderr()).toContain('The node has gone away');
    await node.listen();
    await running.clock.advance(10_000);
    await followers(1);
    node.receive(bob, 'back again');
    await running.untilPrinted(/back again/);
    expect(running.stderr()).toContain('The node is back');
    running.interrupt();
    expect(await running.status).toBe(0);
  });
});

/** Until so many clients follow the node's events. */
async function followers(count: number): Promise<void> {
  while (node.followers < count) await new Promise((resolve) => setImmediate(resolve));
}

/** Until the command waits on so many timers of its clock. */
async function timerOf(running: ReturnType<typeof start>, count = 1): Promise<void> {
  while (running.clock.timers < count) await new Promise((resolve) => setImmediate(resolve));
}
