import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { sendFirstMessage } from './support/first-message.js';
import { freePort, ROOT, waitFor, World } from './support/processes.js';
import { TerminalSession } from './support/terminal.js';

const world = new World();
const sessions: TerminalSession[] = [];
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.kill()));
  await world.close();
});

/** The environment of a person at a terminal, with data that the test removes. */
async function environment(port: number): Promise<Record<string, string>> {
  return {
    XDG_DATA_HOME: await world.folder('data'),
    P2P_CHAT_HOST: '127.0.0.1',
    DISCOVERY_HOST: '127.0.0.1',
    DISCOVERY_URLS: `http://127.0.0.1:${port}`,
    // Of the make that may run this test.
    MAKEFLAGS: '',
    MAKELEVEL: '',
  };
}

function open(file: string, args: string[], env: Record<string, string>): TerminalSession {
  const session = new TerminalSession(args, { file, env });
  sessions.push(session);
  return session;
}

/** What `make chat` runs once everything is built. */
function chat(user: string, env: Record<string, string>): TerminalSession {
  return open(process.execPath, [join(ROOT, 'scripts/chat.ts')], { ...env, P2P_CHAT_USER: user });
}

async function answers(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/health`)).ok;
  } catch {
    return false;
  }
}

describe('make chat', () => {
  it('opens the console; a second one appears by itself; Ctrl-C leaves without noise', async () => {
    const port = await freePort();
    const env = await environment(port);
    const ann = open('make', ['chat', 'USER=Ann'], env);
    await ann.until('Read Messages');
    await ann.choose('Send Messages');
    await ann.until('make chat USER=Bob');
    ann.press('escape');
    const bob = open('make', ['chat', 'USER=Bob'], env);
    await bob.until('1 online');
    await ann.until('1 online');

    for (const session of [ann, bob]) {
      session.press('ctrl-c');
      expect(await session.exited).toBe(0);
      expect(session.screen).toMatch(/Logged out\. Goodbye, (Ann|Bob)\.$/);
      expect(session.output).not.toContain('***');
    }
    await waitFor('the discovery service to be gone', async () => !(await answers(port)));
  });

  it('goes on for the others when the terminal with the discovery service is closed', async () => {
    const port = await freePort();
    const env = await environment(port);
    const first = chat('First', env);
    await first.until('Read Messages');
    const second = chat('Second', env);
    await second.until('1 online');

    await first.kill();
    const third = chat('Third', env);
    // Who was killed may stay listed until the lease ends.
    await third.until(/[12] online/);
    await second.choose('Send Messages');
    await second.until('Third');
  });

  it('ends its discovery service even where it is killed', async () => {
    const port = await freePort();
    const only = chat('Only', await environment(port));
    await only.until('Read Messages');
    expect(await answers(port)).toBe(true);
    await only.kill();
    await waitFor('the discovery service to be gone', async () => !(await answers(port)));
  });

  it('starts none where the settings name none of this machine', async () => {
    const port = await freePort();
    const only = chat('Alone', { ...(await environment(port)), DISCOVERY_URLS: '' });
    await only.until('Read Messages');
    expect(await answers(port)).toBe(false);
  });

  it('says so where another program has the port', async () => {
    const port = await freePort();
    const other = createServer((_, response) => response.end('hello'));
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
    try {
      const only = chat('Taken', await environment(port));
      await only.until('Read Messages');
      only.press('ctrl-c');
      await only.exited;
      expect(only.output).toContain(`http://127.0.0.1:${port} is taken by another program`);
    } finally {
      other.close();
    }
  });
});

describe('a new user', () => {
  it('needs at most 6 keys besides the text to the first message delivered, as the documents say', async () => {
    const env = await environment(await freePort());
    await chat('Bob', env).until('Read Messages');
    const { keys } = await sendFirstMessage(chat('Ann', env), 'Bob');
    expect(keys).toBeLessThanOrEqual(6);
    expect(await readFile(join(ROOT, 'docs/first-minutes.md'), 'utf8')).toContain(`**${keys} keys**`);
  });
});

describe('make demo', () => {
  it('is a tour: one who answers, one away, a stranger, a blocked one, and history', async () => {
    // What make runs once everything is built.
    const demo = open(process.execPath, [join(ROOT, 'scripts/demo.ts')], await environment(await freePort()));
    await demo.until('come online');
    const menu = await demo.until('Read Messages');
    expect(menu).toMatch(/Manage Blocked Users +1 blocked/);

    await demo.choose('Search Messages');
    demo.type('spare key');
    await demo.until('Under the blue flower pot');
    demo.press('enter');
    await demo.until(/\d\d:\d\d Ada: .*Under the blue flower pot/);
    demo.press('escape');
    await demo.until('› spare key');
    demo.press('escape');

    await demo.choose('Send Messages');
    await demo.until(/Ben.*away: at the dentist/);
    await demo.choose('Ada');
    await demo.until('a program of this demo');
    demo.type('Are you there?');
    await demo.until('› Are you there?');
    demo.press('enter');
    await demo.until('A good question.');
    demo.press('escape');

    await demo.choose('Message Requests');
    await demo.until('Cleo');
    demo.press('escape');
    await demo.choose('Manage Blocked Users');
    await demo.until(/Dora.*\[BLOCKED\]/);
    expect(demo.output).not.toContain('You will never see this');
    demo.press('ctrl-c');
    expect(await demo.exited).toBe(0);
    expect(demo.screen).not.toContain('goes on running');
  });
});
