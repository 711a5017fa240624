import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { controlOf } from './support/control.ts';
import { type RunningDaemon, RunningProcess, waitFor, World } from './support/processes.ts';

const SCRIPT = fileURLToPath(new URL('./second-node/second-node.mjs', import.meta.url));

interface Event {
  event: string;
  peerId?: string;
  [field: string]: unknown;
}

/** The node that was written from docs/protocol.md, in a process of its own. */
class SecondNode extends RunningProcess {
  readonly events: Event[] = [];

  static start(key: string, registry: string): SecondNode {
    const child = spawn(process.execPath, [SCRIPT, key, registry, 'Second'], { stdio: 'pipe' });
    const node = world.track(new SecondNode('second node', child));
    createInterface({ input: child.stdout }).on('line', (line) =>
      node.events.push(JSON.parse(line) as Event),
    );
    return node;
  }

  say(...words: string[]): void {
    this.child.stdin?.write(`${words.join(' ')}\n`);
  }

  /** Waits for an event with these fields, that comes after those that were waited for before. */
  async told(event: string, fields: Record<string, unknown> = {}): Promise<Event> {
    return waitFor(
      `${event} of the second node, after ${this.stderr}`,
      () => {
        const at = this.events.findIndex(
          (one) =>
            one.event === event && Object.entries(fields).every(([name, value]) => one[name] === value),
        );
        return at === -1 ? undefined : this.events.splice(at, 1)[0];
      },
      15_000,
    );
  }
}

const world = new World();
let alice: RunningDaemon;
let second: SecondNode;
let url: string;
let key: string;
let id: string;

beforeAll(async () => {
  const discovery = await world.discovery();
  url = discovery.url;
  alice = await world.daemon({ user: 'Alice', discovery: [url] });
  await waitFor(
    'the registration',
    async () => ((await (await fetch(url)).json()) as unknown[]).length === 1,
  );
  key = join(await world.folder(), 'key.pem');
  second = SecondNode.start(key, url);
  id = (await second.told('ready')).peerId!;
});
afterAll(() => world.close());

const bodies = async (): Promise<string[]> =>
  (await controlOf(alice).history(id, { limit: 10 })).map(({ body }) => body);

it('finds the node at the registry, and links', async () => {
  expect(await second.told('list')).toMatchObject({ renewAfter: 10 });
  expect(await second.told('linked')).toMatchObject({ peerId: alice.peerId, user: 'Alice' });
  expect(await second.told('same')).toMatchObject({ peerId: alice.peerId });
});

it('writes as a stranger, is accepted, and is told what arrived and what was read', async () => {
  second.say('send', alice.peerId, 'Hi Zoë');
  await second.told('delivered');
  await waitFor('the request', async () => (await controlOf(alice).status()).requests === 1);
  await alice.json(['accept', id]);
  await alice.json(['read', id]);
  await second.told('read');
  expect(await bodies()).toEqual(['Hi Zoë']);
});

it('takes what the node writes, and acknowledges and reads it', async () => {
  const [sent] = await alice.json<{ state: string }>(['send', id, 'Hello', '--wait', 'delivered']);
  expect(sent?.state).toBe('delivered');
  expect(await second.told('message', { body: 'Hello' })).toMatchObject({ kind: 'text', mine: false });
  second.say('send', alice.peerId, 'both ways');
  second.say('read', alice.peerId);
  await waitFor('read', async () => {
    const messages = await controlOf(alice).history(id, { limit: 10 });
    return messages.length === 3 && messages.find(({ body }) => body === 'Hello')?.state === 'read';
  });
});

it('gets back what it wrote from a node, where only its key was kept', async () => {
  second.say('end');
  expect(await second.told('withdrawn')).toMatchObject({ status: 204 });
  expect(await second.exited).toBe(0);
  second = SecondNode.start(key, url);
  expect(await second.told('message', { body: 'Hi Zoë' })).toMatchObject({ mine: true });
  expect(await second.told('message', { body: 'both ways' })).toMatchObject({ mine: true });
  expect(await second.told('message', { body: 'Hello' })).toMatchObject({ mine: false });
  second.say('send', alice.peerId, 'after the restore');
  await second.told('delivered');
  expect(await bodies()).toEqual(['Hi Zoë', 'Hello', 'both ways', 'after the restore']);
});

it.each([
  ['{"type":"hello","protocol":1,"user":"S","agent":"","instance":"","port":0}', 'hello-repeated'],
  ['{"type":"unheard-of"}', 'frame-malformed'],
])('is told what is wrong with %s', async (frame, code) => {
  second.events.length = 0;
  second.say('frame', alice.peerId, frame);
  expect(await second.told('error')).toMatchObject({ reason: code });
  await second.told('closed');
  second.say('dial');
  await second.told('linked');
});

it('leaves in good order', async () => {
  await once(second.child.stdin!.end('end\n'), 'finish');
  await second.told('withdrawn');
  expect(await second.exited).toBe(0);
  expect(second.stderr).toBe('');
});
