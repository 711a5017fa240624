import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { acquaint, controlOf, deliver } from './support/control.ts';
import { CHAT_MAIN, freePort, waitFor, World, type RunningDaemon } from './support/processes.ts';
import { TerminalSession, type TerminalOptions } from './support/terminal.ts';

let world = new World();
const sessions: TerminalSession[] = [];

const closeSessions = async (): Promise<void> => {
  await Promise.all(sessions.splice(0).map((session) => session.kill()));
};
afterEach(closeSessions);
/** Ends what runs, so that what follows begins anew. */
const closeWorld = async (): Promise<void> => {
  await world.close();
  world = new World();
};

interface ConsoleOptions extends TerminalOptions {
  home?: string;
  /** URL of the discovery service; without it, none is used. */
  discovery?: string;
  /** Who is dialled at once, so that nobody has to wait for the next renewal at the discovery service. */
  meets?: readonly Meetable[];
}

/** Where somebody's gateway listens. */
interface Meetable {
  gateway: string;
}

/** Opens the console of a person, who has a node of their own for as long as it is open. */
async function openConsole(user: string, options: ConsoleOptions = {}): Promise<TerminalSession & Meetable> {
  const port = await freePort();
  const env = {
    P2P_CHAT_USER: user,
    P2P_CHAT_HOME: options.home ?? (await world.folder(user)),
    P2P_CHAT_HOST: '127.0.0.1',
    P2P_CHAT_PORT: String(port),
    P2P_CHAT_PEERS: (options.meets ?? []).map((one) => one.gateway).join(','),
    DISCOVERY_URLS: options.discovery ?? '',
    ...options.env,
  };
  return Object.assign(attach(env, options), { gateway: `127.0.0.1:${port}` });
}

function attach(env: Record<string, string>, options: TerminalOptions = {}): TerminalSession {
  const session = TerminalSession.console(env, { ...options, env: {} });
  sessions.push(session);
  return session;
}

/** Starts a node for each of these people; all of them see each other, and are contacts, when this resolves. */
async function startDaemons(...users: string[]): Promise<RunningDaemon[]> {
  const ports = await Promise.all(users.map(() => freePort()));
  const daemons = await Promise.all(
    users.map((user, nth) => {
      const peers = ports.slice(0, nth).map((port) => `127.0.0.1:${port}`);
      return world.daemon({ user, port: ports[nth] ?? 0, peers });
    }),
  );
  for (const daemon of daemons) {
    await waitFor(`everyone at ${daemon.name}`, async () => {
      return (await controlOf(daemon).peers(false)).length === daemons.length - 1;
    });
  }
  await acquaint(...daemons);
  return daemons;
}

const bodiesOf = async (of: RunningDaemon, other: string): Promise<string[]> =>
  (await controlOf(of).history(other, { limit: 100 })).map(({ body }) => body);

type Three = [RunningDaemon, RunningDaemon, RunningDaemon];

const MENU = 'What would you like to do?';

describe('two consoles', () => {
  afterEach(closeWorld);

  it('find each other, talk, and log out', async () => {
    const discovery = (await world.discovery()).url;
    const alice = await openConsole('Alice', { discovery });
    await alice.until(MENU);
    expect(alice.screen).toMatch(/^p2p-chat {2}Alice \([a-z2-7]{8}\) +0 online$/m);
    await alice.choose('Send Messages');
    await alice.until('Nobody else is here yet.');
    expect(alice.screen).toContain('p2p-chat console --user Bob');

    const bob = await openConsole('Bob', { discovery });
    await bob.until(/1 online$/m);
    await alice.choose('Bob');
    await alice.until('Write the first one');
    alice.type('Hello Bob');
    await alice.until('› Hello Bob');
    alice.press('enter');
    await alice.until(/You: Hello Bob ✓ delivered/);

    await bob.until('✉ Alice wants to write to you: Hello Bob');
    expect(bob.screen).toMatch(/1 request · 1 online$/m);
    await bob.choose('Message Requests');
    await bob.until(/^Alice \([a-z2-7]{8}\) wants to write to you\n {2}Hello Bob$/m);
    await bob.choose('Accept');
    await bob.until(/^\d\d:\d\d Alice: Hello Bob/m);
    expect(bob.screen).not.toContain('✉');
    await alice.until(/You: Hello Bob ✓✓ read/);

    bob.type('Hello Alice');
    bob.press('enter');
    await bob.until(/You: Hello Alice ✓✓ read/);
    await alice.until(/Bob: Hello Alice/);

    bob.press('escape');
    await bob.until(MENU);
    await bob.choose('Logout');
    expect(await bob.exited).toBe(0);
    expect(bob.hasOwnScreen).toBe(false);
    expect(bob.screen).toContain('Logged out. Goodbye, Bob.');
    await alice.until('○ offline');

    alice.press('ctrl-c');
    expect(await alice.exited).toBe(0);
    expect(alice.screen).toContain('Goodbye, Alice.');
    expect(alice.output).not.toMatch(/\n {4}at /);
  });

  it('keep a message for somebody who has left, and the history over restarts', async () => {
    const home = await world.folder('Bob');
    const bobs = await openConsole('Bob', { home });
    await bobs.until(MENU);
    const alice = await openConsole('Alice', { meets: [bobs] });
    await alice.choose('Send Messages');
    await alice.choose('Bob');
    await alice.until('Write the first one');
    alice.type('before you go\r');
    await alice.until('before you go ✓ delivered');
    bobs.press('ctrl-c');
    expect(await bobs.exited).toBe(0);

    await alice.until('○ offline');
    expect(alice.screen).toContain('What you write now waits here');
    alice.type('for when you are back\r');
    await alice.until('for when you are back … waits');

    const again = await openConsole('Bob', { home, meets: [alice] });
    await alice.until('for when you are back ✓ delivered');
    await again.until(/1 request/);
    await again.choose('Read Messages');
    await again.choose('Alice');
    await again.until(/before you go\n {2}for when you are back/);
    await again.choose('Read');
    await again.until(/Alice: before you go\n.*Alice: for when you are back/);
    expect(alice.screen).not.toContain('✓✓');
    again.type('here I am\r');
    await alice.until(/for when you are back ✓✓ read/);
  });
});

describe('a console over a running node', () => {
  let alice: RunningDaemon;
  let bob: RunningDaemon;
  let carol: RunningDaemon;
  beforeAll(async () => {
    [alice, bob, carol] = (await startDaemons('Alice', 'Bob', 'Carol')) as Three;
  });
  afterAll(closeWorld);

  it('announces messages without spoiling what is being typed', async () => {
    const session = attach(alice.env);
    await session.choose('Send Messages');
    await session.choose('Bob');
    await session.until('Write the first one');
    session.type('half a sen');
    await session.until('› half a sen');
    const { column } = session.cursor;
    await deliver(bob, 'Alice', 'from Bob');
    await session.until('Bob: from Bob');
    await deliver(carol, 'Alice', 'from\nCarol');
    await session.until('✉ Carol: from Carol');
    expect(session.screen).toContain('› half a sen\n');
    expect(session.cursor.column).toBe(column);
    session.type('tence\r');
    await session.until('You: half a sentence ✓');
    expect(await bodiesOf(bob, 'Alice')).toEqual(['from Bob', 'half a sentence']);
  });

  it('blocks and unblocks, and says which it now is', async () => {
    const session = attach(alice.env);
    await session.until(/2 online$/m);
    await session.choose('Manage Blocked Users');
    await session.choose('Bob');
    await session.until('Bob is now blocked');
    await session.until('❯ Bob [BLOCKED]');
    await deliver(bob, 'Alice', 'unseen');
    session.press('enter');
    await session.until('Bob is now unblocked');
    await session.until((screen) => screen.includes('❯ Bob') && !screen.includes('[BLOCKED]'));
    await deliver(bob, 'Alice', 'seen');
    await session.until('✉ Bob: seen');
    await session.choose('Cancel');
    await session.until(MENU);
    const bodies = await bodiesOf(alice, 'Bob');
    expect(bodies).toContain('seen');
    expect(bodies).not.toContain('unseen');
  });

  it('tells people of one name apart', async () => {
    const session = attach(alice.env);
    await session.until(/2 online$/m);
    await session.choose('Send Messages');
    await controlOf(carol).changeProfile({ user: 'Bob' });
    for (const { peerId } of [bob, carol]) await session.until(`Bob (${peerId.slice(0, 8)})`);
    await controlOf(carol).changeProfile({ user: 'Carol' });
    await session.until(/^. Bob /m);
  });

  it('stays where its terminal is closed', async () => {
    const session = attach(alice.env);
    await session.until(MENU);
    await session.kill('SIGHUP');
    expect(await alice.cli(['status'])).toMatchObject({ status: 0 });
  });

  it('fits terminals from 40 to 200 columns, and follows a change of size', async () => {
    await deliver(bob, 'Alice', 'a message that is longer than forty columns can show in one line');
    const session = attach(alice.env, { columns: 40, rows: 12 });
    await session.choose('Read Messages');
    await session.choose('Bob');
    await session.until(/can show in\s+one line/);
    session.type('typed');
    await session.until('› typed');
    for (const [columns, rows] of [
      [200, 50],
      [80, 24],
      [40, 12],
    ] as const) {
      session.resize(columns, rows);
      const screen = await session.until(
        (now) => now.includes(`\n${'─'.repeat(columns)}\n`) && now.includes('› typed'),
      );
      expect(screen.split('\n')[0]).toMatch(/^p2p-chat {2}Alice/);
      expect(screen.match(/› typed/g)).toHaveLength(1);
      expect(screen.match(/a message that/g)).toHaveLength(1);
    }
  });

  it('says when the node is away, and goes on when it is back', async () => {
    const session = attach(alice.env);
    await session.until(MENU);
    await alice.kill();
    await session.until('! The node has gone away. Trying to reconnect…');
    await session.choose('Read Messages');
    await session.until('Read Messages: whose?');
    await world.restart(alice);
    await session.until((screen) => !screen.includes('gone away'));
    await deliver(bob, 'Alice', 'are you back?');
    await session.until('are you back?');
  });
});

describe('Logout', () => {
  let alice: RunningDaemon;
  afterAll(closeWorld);

  it('is not what Ctrl-C, the end of input and SIGTERM do: they leave the node running, and say so', async () => {
    [alice] = (await startDaemons('Alice')) as [RunningDaemon];
    const ways: ((session: TerminalSession) => void)[] = [
      (session) => session.press('ctrl-c'),
      (session) => session.press('ctrl-d'),
      (session) => process.kill(session.pid, 'SIGTERM'),
    ];
    for (const leave of ways) {
      const session = attach(alice.env);
      await session.until(MENU);
      leave(session);
      expect(await session.exited).toBe(0);
      expect(session.screen).toContain('Goodbye, Alice.\nYour node goes on running, and you stay online');
      expect(session.screen).not.toContain('Logged out');
      expect(await alice.cli(['status'])).toMatchObject({ status: 0 });
    }
  });

  it('logs the user out, and the node ends', async () => {
    const session = attach(alice.env);
    await session.choose('Logout');
    expect(await session.exited).toBe(0);
    expect(await alice.exited).toBe(0);
  });
});

describe('writing', () => {
  let alice: RunningDaemon;
  let bob: RunningDaemon;
  let carol: RunningDaemon;
  beforeAll(async () => {
    [alice, bob, carol] = (await startDaemons('Alice', 'Bob', 'Carol')) as Three;
  });
  // What was left unsent is of no other scene.
  afterEach(async () => {
    await closeSessions();
    await rm(join(alice.home, 'drafts'), { recursive: true, force: true });
  });
  afterAll(closeWorld);

  it('loses no key where one screen replaces another', async () => {
    const session = attach(alice.env);
    await session.until(MENU);
    await session.until(/2 online$/m);
    // Send Messages, Bob, a text, send, and a text that stays: in one go.
    session.type('send\rbob\rtyped ahead\rand a draft');
    await session.until(/You: typed ahead ✓/);
    await session.until('› and a draft');
    expect(await bodiesOf(bob, 'Alice')).toContain('typed ahead');
  });

  it('takes a pasted block as one message, and Alt-Enter as a new line', async () => {
    const session = attach(alice.env);
    await session.until(/2 online$/m);
    session.type('send\rbob\r');
    await session.until(/^›/m);
    session.type('\u001b[200~line one\rline two\r\u001b[201~three\u001b\rfour');
    await session.until('› line one\n  line two\n  three\n  four');
    session.press('enter');
    await session.until(/four ✓/);
    expect(await bodiesOf(bob, 'Alice')).toContain('line one\nline two\nthree\nfour');
  });

  it('types no report of the terminal, takes lines without marks as one text, and a paste without its end', async () => {
    const session = attach(alice.env);
    await session.until(/2 online$/m);
    session.type('send\rbob\r');
    await session.until(/^›/m);
    for (const report of [
      ']11;rgb:1e1e/1e1e/2e2e\u001b\\',
      ']11;rgb:0/0/0\u0007',
      '[?62;4c',
      '[24;80R',
      '[<0;9;9M',
    ])
      session.type(`\u001b${report}`);
    session.type('one\rtwo\rthree');
    await session.until('› one\n  two\n  three');
    session.type('\u001b[13;2ufour\u001bx');
    session.type('\u001b[200~ and');
    await session.until('  four and');
    session.type('\u001b[13u');
    await session.until(/four and ✓/);
    expect(await bodiesOf(bob, 'Alice')).toContain('one\ntwo\nthree\nfour and');
    session.type('\u001b[200~');
    session.press('ctrl-c');
    expect(await session.exited).toBe(0);
  });

  it('is suspended by Ctrl-Z in a shell, and comes back with its whole picture, also without a size', async () => {
    const session = new TerminalSession(['--norc', '-i'], { file: '/bin/bash', env: alice.env });
    sessions.push(session);
    session.type(`stty rows 0 columns 0; "${process.execPath}" "${CHAT_MAIN}" console\r`);
    await session.until(/^❯ Read Messages/m);
    expect(session.screen).toContain(`\n${'─'.repeat(80)}\n`);
    session.type('\u001a');
    await session.until('Stopped');
    expect(session.hasOwnScreen).toBe(false);
    session.type('fg\r');
    await session.until(/^❯ Read Messages/m);
    session.type('send\r');
    await session.until('to whom?');
    session.press('ctrl-c');
    await session.until('Goodbye, Alice.');
  });

  it('keeps drafts where one goes elsewhere, and where the console is killed', async () => {
    const first = attach(alice.env);
    await first.until(/2 online$/m);
    first.type('send\rbob\rfor Bob');
    await first.until('› for Bob');
    first.press('escape');
    await first.until(MENU);
    first.type('send\rcarol\rfor Carol');
    await first.until('› for Carol');
    await first.kill();
    const second = attach(alice.env);
    await second.until(/2 online$/m);
    second.type('send\rbob\r');
    await second.until('› for Bob');
    second.press('escape');
    await second.until(MENU);
    second.type('send\rcarol\r');
    await second.until('› for Carol');
  });

  it.each([40, 80, 200, 300])('has the cursor behind what was written at %i columns', async (columns) => {
    const session = attach(alice.env, { columns, rows: 20 });
    await session.until(/2 online$/m);
    session.type('send\rbob\r');
    await session.until(/^›/m);
    session.type(`${'日本'.repeat(columns / 4)}🎉.`);
    // One row holds two cells less than the screen has, and each character here two. What comes meanwhile moves the row.
    await session.until((screen) => {
      const row = screen.split('\n').indexOf('  本🎉.');
      return row >= 0 && session.cursor.row === row && session.cursor.column === 7;
    });
  });

  it('marks what is new, and goes from one unread conversation to the next by one key', async () => {
    await deliver(bob, 'Alice', 'from Bob');
    await deliver(carol, 'Alice', 'from Carol');
    const session = attach(alice.env);
    await session.until(/2 unread$/m);
    session.type('\u000e');
    await session.until(/── new ──\n.*Bob: from Bob/);
    await session.until(/1 unread$/m);
    session.type('\u000e');
    await session.until(/── new ──\n.*Carol: from Carol/);
    session.press('escape');
    await session.until(MENU);
    await session.until((screen) => !screen.includes('unread'));
    session.type('?');
    await session.until('any letter');
    session.press('escape');
    await session.until(MENU);
  });
});

describe('a console with a node of its own', () => {
  afterEach(closeWorld);

  it('ends the node when its terminal is closed', async () => {
    const home = await world.folder('Alice');
    const session = await openConsole('Alice', { home });
    await session.until(MENU);
    const file = join(home, 'run/control.json');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(home, 'node.log'))).mode & 0o777).toBe(0o600);
    await session.kill();
    await waitFor('the end of the node', () =>
      stat(file).then(
        () => false,
        () => true,
      ),
    );
  });

  it('starts the node again when it crashed', async () => {
    const home = await world.folder('Alice');
    const session = await openConsole('Alice', { home });
    await session.until(MENU);
    const { pid } = JSON.parse(await readFile(join(home, 'run/control.json'), 'utf8')) as { pid: number };
    process.kill(pid, 'SIGKILL');
    await session.until('! The node has gone away.');
    await session.until((screen) => screen.includes(MENU) && !screen.includes('gone away'));
    await session.choose('Logout');
    expect(await session.exited).toBe(0);
  });

  it('says in plain words why its node could not start', async () => {
    const session = await openConsole('Alice', { env: { P2P_CHAT_PORT: 'many' } });
    expect(await session.exited).toBe(1);
    expect(session.screen).toMatch(/p2p-chat: The node could not start: P2P_CHAT_PORT is "many"/);
    expect(session.screen).toContain('node.log');
  });

  it('needs a terminal on both sides', async () => {
    const session = new TerminalSession(
      ['-c', `"${process.execPath}" "${CHAT_MAIN}" console | cat; exit 0`],
      {
        file: '/bin/bash',
      },
    );
    sessions.push(session);
    await session.exited;
    expect(session.screen).toContain('needs a terminal');
  });

  it('leaves by Ctrl-D, and shows no colours with NO_COLOR', async () => {
    const session = await openConsole('Alice', { env: { NO_COLOR: '1' } });
    await session.until(MENU);
    session.press('ctrl-d');
    expect(await session.exited).toBe(0);
    // eslint-disable-next-line no-control-regex -- the sequences that set colours
    expect(session.output).not.toMatch(/\u001b\[[\d;]*m/);
  });
});
