/*
 * `make demo`: everything for somebody who is alone. A discovery service and
 * Ada, a peer that answers, run on this machine for as long as the console is
 * open; all their data is in .demo/, made anew each time.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../e2e/support/processes.ts';
import { runInForeground } from './foreground.ts';
import { END_WITH_STDIN, LocalDiscovery, P2P_CHAT, ROOT } from './local-discovery.ts';

const DEMO = join(ROOT, '.demo');
const GREETING =
  'Hello! I am Ada, a program of this demo. Write to me and I answer; block me and I never notice.';

/** What Ada says to a message. */
function answerTo(body: string): string {
  if (/\?\s*$/.test(body)) return 'A good question. I am too small a program to know.';
  return `You wrote ${[...body].length} characters, and nobody in between has read them: “${body.slice(0, 60)}”`;
}

/** The settings of a node of the demo. */
function profile(user: string, discovery: URL): NodeJS.ProcessEnv {
  return {
    ...process.env,
    P2P_CHAT_USER: user,
    P2P_CHAT_HOME: join(DEMO, user.toLowerCase()),
    P2P_CHAT_HOST: '127.0.0.1',
    P2P_CHAT_PORT: '',
    P2P_CHAT_PEERS: '',
    // Nobody but the demo's own people.
    P2P_CHAT_MDNS: 'off',
    P2P_CHAT_SAME_MACHINE: 'off',
    DISCOVERY_URLS: discovery.origin,
    MONGODB_URI: '',
  };
}

/** Starts `p2p-chat` in the background; it ends with this process. */
function background(args: string[], env: NodeJS.ProcessEnv, logFile: string): ChildProcess {
  const log = openSync(logFile, 'a');
  const child = spawn(process.execPath, ['--import', END_WITH_STDIN, P2P_CHAT, ...args], {
    detached: true,
    stdio: ['pipe', 'pipe', log],
    env,
  });
  closeSync(log);
  return child;
}

/** Ada's node, and her answers by the same commands that a script would use. */
async function startAda(discovery: URL): Promise<void> {
  const env = profile('Ada', discovery);
  const log = join(DEMO, 'ada.log');
  const daemon = background(['daemon', '--json'], env, log);
  await new Promise<void>((resolve, reject) => {
    daemon.stdout?.once('data', () => resolve());
    daemon.once('exit', (code) => reject(new Error(`Ada's node ended with ${code}; see ${log}`)));
  });

  // One after the other, as a person would write them.
  let writing = Promise.resolve();
  const send = (peerId: string, body: string): void => {
    writing = writing.then(
      () =>
        new Promise((done) => {
          const child = execFile(process.execPath, [P2P_CHAT, 'send', peerId, '--json'], { env }, () =>
            done(),
          );
          child.stdin?.end(body);
        }),
    );
  };
  const greeted = new Set<string>();
  const greet = (peerId: string): void => {
    if (greeted.has(peerId)) return;
    greeted.add(peerId);
    send(peerId, GREETING);
  };
  const events = background(['events', '--json'], env, log);
  for (const child of [daemon, events]) child.unref();
  if (events.stdout === null) return;
  createInterface({ input: events.stdout }).on('line', (line) => {
    const event = JSON.parse(line) as
      | { event: 'peer'; peerId: string; online: boolean }
      | { event: 'message'; peerId: string; direction: 'in' | 'out'; body: string }
      | { event: 'state' | 'resync' | 'stopping' };
    if (event.event === 'peer' && event.online) greet(event.peerId);
    if (event.event === 'message' && event.direction === 'in') send(event.peerId, answerTo(event.body));
  });
}

rmSync(DEMO, { recursive: true, force: true });
mkdirSync(DEMO, { recursive: true });
const url = new URL(`http://127.0.0.1:${await freePort()}`);
process.env['DISCOVERY_HOST'] = '127.0.0.1';
process.env['DISCOVERY_MDNS'] = 'off';
const discovery = new LocalDiscovery(url, join(DEMO, 'discovery.log'));
const problem = await discovery.keep();
if (problem !== undefined) {
  console.error(problem);
  process.exit(1);
}
await startAda(url);
console.log('Ada is online and answers. You are “You”; what you write stays in .demo/.');
process.exit(await runInForeground(process.execPath, [P2P_CHAT, 'console'], profile('You', url)));
