/*
 * `make demo`: a tour for somebody who is alone. A discovery service and four
 * people run on this machine for as long as the console is open: Ada answers,
 * Ben is away, Cleo is a stranger who asks to write, Dora is blocked. With Ada
 * there is a history to scroll and to search. All data is in .demo/, made anew
 * each time. With `web` as its argument the page takes the place of the console.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../e2e/support/processes.ts';
import { demoHistory } from './demo-history.ts';
import { runInForeground } from './foreground.ts';
import { END_WITH_STDIN, LocalDiscovery, P2P_CHAT, ROOT } from './local-discovery.ts';

const DEMO = join(ROOT, '.demo');
const OTHERS = ['Ada', 'Ben', 'Cleo', 'Dora'] as const;
const GREETING = `Hello! I am Ada, a program of this demo: write to me and I answer. Look around:
- Page Up shows what we said in the last days; Search Messages finds any of it: where might the key be?
- Ben is away; what you write to him arrives all the same
- Cleo has never written to you before: her message is a request, to accept or to block
- Dora is blocked under Manage Blocked Users; what she writes never arrives`;
const BEN_SAYS = 'I am out until two. Write to me, I read it then.';
const CLEO_SAYS = 'Hello, this is Cleo of the third floor. May I write to you?';
const DORA_SAYS = 'You will never see this.';

/** Between two looks who is there, in milliseconds. */
const LOOK_INTERVAL_MS = 300;

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

/** Somebody of the demo, with a node in the background that ends with this process. */
class Person {
  readonly user: string;
  readonly env: NodeJS.ProcessEnv;
  peerId = '';

  constructor(user: string, discovery: URL) {
    this.user = user;
    this.env = profile(user, discovery);
  }

  /** Starts `p2p-chat` in the background; it ends with this process. */
  background(args: string[]): ChildProcess {
    const log = openSync(join(DEMO, `${this.user.toLowerCase()}.log`), 'a');
    const child = spawn(process.execPath, ['--import', END_WITH_STDIN, P2P_CHAT, ...args], {
      detached: true,
      stdio: ['pipe', 'pipe', log],
      env: this.env,
    });
    closeSync(log);
    child.unref();
    return child;
  }

  /** Resolves when the node is ready. */
  async start(): Promise<this> {
    const daemon = this.background(['daemon', '--json']);
    const ready = await new Promise<string>((resolve, reject) => {
      daemon.stdout?.once('data', (text: Buffer) => resolve(text.toString()));
      daemon.once('exit', (code) => reject(new Error(`${this.user}'s node ended with ${code}; see ${DEMO}`)));
    });
    this.peerId = (JSON.parse(ready) as { peerId: string }).peerId;
    return this;
  }

  /** Runs a command to its end, by the same means that a script would use. @returns what it printed */
  async run(args: string[], input = ''): Promise<string> {
    const child = spawn(process.execPath, [P2P_CHAT, ...args], {
      env: this.env,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let [printed, said] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.stdin.end(input);
    const [status] = (await once(child, 'close')) as [number | null];
    if (status !== 0) throw new Error(`p2p-chat ${args.join(' ')} failed for ${this.user}: ${said}`);
    return printed;
  }

  /** Resolves when this one knows all of them. */
  async untilKnows(people: readonly Person[]): Promise<void> {
    for (;;) {
      const known = await this.run(['peers', '--json']);
      if (people.every(({ peerId }) => known.includes(peerId))) return;
      await sleep(LOOK_INTERVAL_MS);
    }
  }

  /** Writes to somebody, as soon as they are known. */
  async tell(other: Person, text: string): Promise<void> {
    await this.untilKnows([other]);
    await this.run(['send', other.peerId, '--wait', 'delivered'], text);
  }
}

/** Ada answers whoever writes to her. */
function answer(ada: Person): void {
  // One after the other, as a person would write them.
  let writing: Promise<unknown> = Promise.resolve();
  const { stdout } = ada.background(['events', '--json']);
  if (stdout === null) return;
  createInterface({ input: stdout }).on('line', (line) => {
    const event = JSON.parse(line) as { event: string; author: string; direction: string; body: string };
    if (event.event !== 'message' || event.direction !== 'in') return;
    writing = writing
      .then(() => ada.run(['send', event.author], answerTo(event.body)))
      .catch(() => undefined);
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
console.log('Ada, Ben, Cleo and Dora come online…');
const [you, ada, ben, cleo, dora] = (await Promise.all(
  ['You', ...OTHERS].map((user) => new Person(user, url).start()),
)) as [Person, Person, Person, Person, Person];
await you.untilKnows([ada, ben, cleo, dora]);
await Promise.all([
  you.run(['import'], demoHistory(you.peerId, ada.peerId, Date.now())),
  you.run(['accept', ben.peerId]),
  you.run(['block', dora.peerId]),
  ben.run(['presence', 'away', '--status', 'at the dentist']),
]);
await Promise.all([
  ada.tell(you, GREETING),
  ben.tell(you, BEN_SAYS),
  cleo.tell(you, CLEO_SAYS),
  dora.tell(you, DORA_SAYS),
]);
answer(ada);
if (process.argv[2] === 'web') {
  await runInForeground(process.execPath, [P2P_CHAT, 'web'], you.env);
  console.log('Ctrl-C ends the tour.');
  await once(process, 'SIGINT');
  process.exit(0);
}
console.log('In a browser: make demo ARGS=web');
// Nobody of the demo goes on after it.
const env = { ...you.env, P2P_CHAT_ENDS_WITH_CONSOLE: '1' };
process.exit(await runInForeground(process.execPath, [P2P_CHAT, 'console'], env));
