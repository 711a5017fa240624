/*
 * `make first-minutes`: does what a new user would, in a real terminal and in a
 * real browser, counts keys, clicks and seconds, and writes docs/first-minutes.md
 * from what it saw.
 */
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startBrowser } from '../e2e/support/browser.ts';
import { sendFirstMessage } from '../e2e/support/first-message.ts';
import { freePort, World } from '../e2e/support/processes.ts';
import { TerminalSession } from '../e2e/support/terminal.ts';
import { ROOT } from './local-discovery.ts';

const PAGE = join(ROOT, 'docs/first-minutes.md');
const SIZE = { columns: 76, rows: 16 };

const world = new World();
const sessions: TerminalSession[] = [];

/** What `make chat USER=…` runs once everything is built. */
function makeChat(user: string, env: Record<string, string>): TerminalSession {
  const session = new TerminalSession([join(ROOT, 'scripts/chat.ts')], {
    ...SIZE,
    env: { ...env, P2P_CHAT_USER: user },
  });
  sessions.push(session);
  return session;
}

/** From an empty clone to a program that is built. @returns seconds */
async function build(): Promise<number> {
  const folder = await world.folder('clone');
  execFileSync('git', ['clone', '--quiet', ROOT, folder]);
  const started = performance.now();
  execFileSync('make', ['-C', folder, 'build'], { stdio: 'ignore' });
  return (performance.now() - started) / 1000;
}

/** Does in the page what a new user would, from `make web` on, by nothing but what the screens say. */
async function sendFromPage(env: Record<string, string>): Promise<{ clicks: number; seconds: number }> {
  const started = performance.now();
  const terminal = new TerminalSession([join(ROOT, 'scripts/chat.ts'), 'web'], {
    columns: 120,
    rows: 60,
    env: { ...env, P2P_CHAT_USER: 'Cleo' },
  });
  sessions.push(terminal);
  const [url = ''] = /http:\S+/.exec(await terminal.until(/#pair=[\w-]+/)) ?? [];
  const browser = await startBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(url);
    let clicks = 0;
    const click = async (role: 'link' | 'button', name: string | RegExp): Promise<void> => {
      clicks += 1;
      await page.getByRole(role, { name, exact: true }).first().click();
    };
    await click('link', 'People');
    await click('link', /^Bob/);
    await page.getByLabel('Write a message').fill('Hello Bob, this is my first message.');
    await click('button', 'Send');
    await page.getByRole('log').getByText('delivered').waitFor();
    return { clicks, seconds: (performance.now() - started) / 1000 };
  } finally {
    await browser.close();
  }
}

try {
  const built = await build();
  const env = {
    XDG_DATA_HOME: await world.folder('data'),
    P2P_CHAT_HOST: '127.0.0.1',
    DISCOVERY_HOST: '127.0.0.1',
    DISCOVERY_URLS: `http://127.0.0.1:${await freePort()}`,
  };
  const bob = makeChat('Bob', env);
  await bob.until('Read Messages');
  const started = performance.now();
  const ann = makeChat('Ann', env);
  const { keys, steps } = await sendFirstMessage(ann, 'Bob');
  const seconds = (performance.now() - started) / 1000;
  const page = await sendFromPage(env);
  const shown = steps.map(({ done, screen }) => `${done}\n\n${'```'}text\n${screen}\n${'```'}\n`).join('\n');
  await writeFile(
    PAGE,
    `# The first minutes

From \`make chat\` to the first message delivered, once everything is built:
**${keys} keys** besides the text of the message, and **${seconds.toFixed(1)} seconds** on the
machine that wrote this page. \`make first-minutes\` writes it anew from a real
terminal; a test counts the keys.

Bob has his console open in one terminal (\`make chat USER=Bob\`). Ann opens hers in
another one: \`make chat USER=Ann\`.

${shown}
That is all. Bob sees the message at once, as a request: Ann is a stranger until he
accepts her or writes back. On another machine of the network it is the same, without
\`USER\`: a node is called as its user's login.

## In the page

From an empty clone until everything is built (\`make build\`, which \`make web\` does first):
**${built.toFixed(0)} seconds**. From \`make web USER=Cleo\` to the first message delivered:
**${page.clicks} clicks** besides the text of the message (People, Bob, Send; Enter sends too), and
**${page.seconds.toFixed(1)} seconds**. The browser opens by itself where there is one.
`,
  );
  console.log(
    `docs/first-minutes.md: ${keys} keys, ${seconds.toFixed(1)} s; the page: ${page.clicks} clicks, ${page.seconds.toFixed(1)} s`,
  );
} finally {
  await Promise.all(sessions.map((session) => session.kill()));
  await world.close();
}
