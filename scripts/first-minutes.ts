/*
 * `make first-minutes`: does what a new user would, in a real terminal, counts
 * keys and seconds, and writes docs/first-minutes.md from what it saw.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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

try {
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
`,
  );
  console.log(`docs/first-minutes.md: ${keys} keys, ${seconds.toFixed(1)} s`);
} finally {
  await Promise.all(sessions.map((session) => session.kill()));
  await world.close();
}
