/*
 * Watches a node from within its network namespace: prints a line of JSON
 * each time that something of what it shows has changed, until it is ended.
 *
 *     node watch-peers.ts HOME
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Between two looks, in milliseconds. */
const LOOK_MS = 50;

interface Shown {
  peers: { user: string; online: boolean }[];
  problems: string[];
}

const home = process.argv[2] ?? '';
let before = '';

async function ask(path: string): Promise<unknown> {
  const { port, token } = JSON.parse(readFileSync(join(home, 'run/control.json'), 'utf8')) as {
    port: number;
    token: string;
  };
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`http://127.0.0.1:${port}${path}`, { headers })).json();
}

async function look(): Promise<Shown> {
  const peers = (await ask('/api/peers')) as Shown['peers'];
  const { discovery } = (await ask('/api/status')) as {
    discovery: { source: string; state: string; detail: string }[];
  };
  const problems = discovery
    .filter(({ state }) => state === 'failing')
    .map(({ source, detail }) => `${source}: ${detail}`);
  return { peers, problems };
}

for (;;) {
  try {
    const { peers, problems } = await look();
    const online = peers
      .filter((peer) => peer.online)
      .map(({ user }) => user)
      .sort();
    const now = JSON.stringify({ online, problems });
    if (now !== before) console.log(JSON.stringify({ at: Date.now(), online, problems }));
    before = now;
  } catch {
    // The node starts or ends.
  }
  await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}
