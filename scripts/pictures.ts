/*
 * `make pictures`: draws the pictures of the documents from the real program:
 * a discovery service, two people, and what their terminals show.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, ROOT, World } from '../e2e/support/processes.ts';
import { TerminalSession } from '../e2e/support/terminal.ts';
import { renderSvg } from './svg.ts';

const PICTURES = join(ROOT, 'docs/pictures');
const SIZE = { columns: 58, rows: 13 };

/** Who says what, in turn. */
const TALK = [
  ['Alice', 'Are you in the lab already?'],
  ['Bob', 'Since seven. Both builds are green.'],
  ['Alice', 'Then lunch is on me. 12:30 at the gate?'],
  ['Bob', 'I am there.'],
] as const;

const world = new World();
const sessions = new Map<string, TerminalSession>();

async function openConsole(user: string, discovery: string): Promise<TerminalSession> {
  const session = TerminalSession.console(
    {
      P2P_CHAT_USER: user,
      P2P_CHAT_HOME: await world.folder(user),
      P2P_CHAT_HOST: '127.0.0.1',
      P2P_CHAT_PORT: String(await freePort()),
      DISCOVERY_URLS: discovery,
      COLORTERM: 'truecolor',
      FORCE_COLOR: '1',
      NO_COLOR: '',
    },
    SIZE,
  );
  sessions.set(user, session);
  await session.until('Read Messages');
  return session;
}

async function openConversation(session: TerminalSession, other: string): Promise<void> {
  await session.until('1 online');
  await session.choose('Send Messages');
  await session.choose(other);
  await session.until('›');
}

function draw(...users: string[]): string {
  return renderSvg(
    users.map((user) => {
      const session = sessions.get(user);
      if (session === undefined) throw new Error(`${user} has no console`);
      return { title: user, terminal: session.terminal };
    }),
  );
}

try {
  const discovery = await world.discovery();
  const alice = await openConsole('Alice', discovery.url);
  const bob = await openConsole('Bob', discovery.url);
  await openConversation(alice, 'Bob');
  await openConversation(bob, 'Alice');
  for (const [user, text] of TALK) {
    const writer = user === 'Alice' ? alice : bob;
    const reader = user === 'Alice' ? bob : alice;
    writer.type(text);
    await writer.until(`› ${text}`);
    writer.press('enter');
    await reader.until(`${user}: ${text}`);
    await writer.until(`${text} ✓✓ read`);
  }
  for (const session of [alice, bob]) await session.until((screen) => !screen.includes('unread'));
  await mkdir(PICTURES, { recursive: true });
  await writeFile(join(PICTURES, 'two-consoles.svg'), draw('Alice', 'Bob'));
  console.log('docs/pictures/two-consoles.svg');
} finally {
  await Promise.all([...sessions.values()].map((session) => session.kill('SIGHUP')));
  await world.close();
}
