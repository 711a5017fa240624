import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { controlOf, deliver } from './support/control.ts';
import { parseJsonLines, type RunningDaemon, waitFor, World } from './support/processes.ts';
import { TerminalSession } from './support/terminal.ts';

let world: World;
let alice: RunningDaemon;
let bob: RunningDaemon;
let announced: string;
const sessions: TerminalSession[] = [];

beforeEach(async () => {
  world = new World();
  const folder = await world.folder();
  announced = join(folder, 'announced');
  const hook = join(folder, 'on message');
  await writeFile(hook, `#!/bin/sh\ncat >> '${announced}'\n`);
  await chmod(hook, 0o700);
  bob = await world.daemon({ user: 'Bob' });
  const peers = [`127.0.0.1:${bob.ready.peerPort}`];
  alice = await world.daemon({ user: 'Alice', peers, env: { P2P_CHAT_ON_MESSAGE: hook } });
  await waitFor('the link', async () => (await controlOf(alice).status()).links === 1);
});

afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.kill()));
  await world.close();
});

const bodies = async (): Promise<string[]> =>
  parseJsonLines<{ body: string }>(await readFile(announced, 'utf8').catch(() => '')).map(({ body }) => body);
const fromBob = (text: string): Promise<unknown> => deliver(bob, 'Alice', text);

describe('a message that arrives', () => {
  it('is given to the command of the user, without a console, unless it is from a stranger or unwelcome', async () => {
    await fromBob('from a stranger');
    await deliver(alice, 'Bob', 'hello');
    await fromBob('one');
    await waitFor('the first', async () => (await bodies()).length === 1);
    await alice.json(['presence', 'dnd']);
    await fromBob('not now');
    await alice.json(['presence', 'online']);
    await controlOf(alice).block('Bob');
    await fromBob('never');
    await controlOf(alice).unblock('Bob');
    await fromBob('two');
    await waitFor('the last', async () => (await bodies()).includes('two'));
    expect(await bodies()).toEqual(['one', 'two']);
    const [first] = parseJsonLines(await readFile(announced, 'utf8'));
    expect(first).toMatchObject({ event: 'message', user: 'Bob', author: bob.peerId, body: 'one' });
  });

  it('rings, is counted in the title, and is shown on the desktop where the terminal can', async () => {
    await deliver(alice, 'Bob', 'hello');
    const session = TerminalSession.console(alice.env, { env: { TERM_PROGRAM: 'iTerm.app' } });
    sessions.push(session);
    const heard = { bells: 0, titles: [] as string[] };
    session.terminal.onBell(() => (heard.bells += 1));
    session.terminal.onTitleChange((title) => heard.titles.push(title));
    await session.until('What would you like to do?');
    await fromBob('are you there?');
    await session.until('✉ Bob: are you there?');
    await waitFor('the bell', () => heard.bells === 1 && heard.titles.at(-1) === '(1) p2p-chat · Alice');
    expect(session.output).toContain('\u001b]9;p2p-chat: Bob: are you there?\u0007');
    session.press('ctrl-c');
    await session.exited;
    expect(session.output).toContain('\u001b[23;0t');
  });

  it('is read when it is seen: not while one looks elsewhere', async () => {
    await deliver(alice, 'Bob', 'hello');
    const session = TerminalSession.console(alice.env);
    sessions.push(session);
    let bells = 0;
    session.terminal.onBell(() => (bells += 1));
    await session.choose('Read Messages');
    await session.choose('Bob');
    await session.until('hello ✓');
    const unread = async (): Promise<number> => (await controlOf(alice).peer('Bob')).unread;
    // As a terminal tells that its window is not the one in front.
    session.type('\u001b[O');
    await fromBob('are you there?');
    await session.until('Bob: are you there?');
    await waitFor('the bell', () => bells === 1);
    expect(await unread()).toBe(1);
    session.type('\u001b[I');
    await waitFor('reading', async () => (await unread()) === 0);
  });
});
