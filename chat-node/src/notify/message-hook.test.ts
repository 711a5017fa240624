import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock, type Clock } from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Message } from '../core/conversations/message.js';
import { ChatEvents } from '../core/events.js';
import type { KeptBatch } from '../core/ports/conversation.store.js';
import { HOOK_TIMEOUT_MS, MAX_RUNNING_HOOKS, MAX_WAITING_HOOKS, MessageHook } from './message-hook.js';

let folder: string;
let hook: MessageHook | undefined;
let events: ChatEvents;
const warnings: string[] = [];
const log = { debug: () => undefined, warn: (_fields: object, text: string) => void warnings.push(text) };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'p2p-chat-hook-'));
  events = new ChatEvents((error) => expect(error).toBeUndefined());
  warnings.length = 0;
});
afterEach(async () => {
  hook?.stop();
  await rm(folder, { recursive: true, force: true });
});

function start(command: readonly string[], clock: Clock = new SystemClock()): void {
  const isWanted = ({ author }: Message): boolean => author !== 'stranger';
  const messagesOf = ({ batch }: KeptBatch): Message[] => batch as unknown as Message[];
  const view = ({ id, content, direction }: Message): object => ({ id, content, direction });
  const messageOf = async (id: string): Promise<Message | null> =>
    id === 'gone' ? null : message(id, 'bob');
  hook = new MessageHook({ command, clock, log, messagesOf, messageOf, isWanted, view }, events);
}

/** A script that gets the folder as its first argument. */
async function script(body: string): Promise<string[]> {
  const path = join(folder, 'hook.sh');
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o700);
  return [path, folder];
}

let nextId = 0;
/** News of a batch with these messages: they stand in its place. */
function arrive(messages: readonly Message[], receivedAt: number | null): void {
  events.publish({ type: 'messages', kept: { batch: messages, receivedAt } as unknown as KeptBatch });
}

function message(body: string, author: string): Message {
  nextId += 1;
  return {
    id: String(nextId),
    conversation: 'with bob',
    author,
    direction: author === 'self' ? 'out' : 'in',
    content: { kind: 'text', body },
    clock: '0'.repeat(16),
    sentAt: 0,
    receivedAt: author === 'self' ? null : 0,
    state: 'delivered',
    ...{ edited: false, deleted: false, deletion: null },
    ...{ replyTo: null, quote: null, reactions: [], confirmed: [] },
  };
}

function receive(...bodies: string[]): void {
  arrive(
    bodies.map((body) => message(body, 'bob')),
    0,
  );
}

const filesOf = async (ending: string): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith(ending));
const soon = { timeout: 20_000, interval: 20 };

describe('the command for messages', { timeout: 30_000 }, () => {
  it('has the environment of the node, without the password of its database', async () => {
    vi.stubEnv('MONGODB_URI', 'mongodb://bob:hunter2@db');
    vi.stubEnv('HOOK_SETTING', 'kept');
    start(await script('env > "$1/env.part"; mv "$1/env.part" "$1/env.txt"'));
    receive('hello');
    await vi.waitFor(async () => expect(await filesOf('.txt')).toHaveLength(1), soon);
    const env = await readFile(join(folder, 'env.txt'), 'utf8');
    expect(env).toContain('HOOK_SETTING=kept');
    expect(env).not.toContain('hunter2');
    vi.unstubAllEnvs();
  });

  it('gets each message that arrives as JSON, and nothing of it on its command line', async () => {
    start(await script('cat > "$1/$$.json"; echo "$#" > "$1/$$.count"'));
    arrive([message('mine', 'self')], null);
    arrive([message('of a stranger', 'stranger')], 0);
    receive('$(touch "$1/pwned"); `id`\n"two"');
    await vi.waitFor(async () => expect(await filesOf('.count')).toHaveLength(1), soon);
    const [file = ''] = await filesOf('.json');
    const text = await readFile(join(folder, file), 'utf8');
    expect(text).toMatch(/^\{.*\}\n$/);
    expect(JSON.parse(text)).toEqual({
      event: 'message',
      id: String(nextId),
      content: { kind: 'text', body: '$(touch "$1/pwned"); `id`\n"two"' },
      direction: 'in',
    });
    const [count = ''] = await filesOf('.count');
    expect(await readFile(join(folder, count), 'utf8')).toBe('1\n');
    expect(await filesOf('pwned')).toEqual([]);
  });

  it('runs for a few messages at a time, and for all of them', async () => {
    start(await script('cat > /dev/null; touch "$1/$$.on"; while [ ! -e "$1/go" ]; do sleep 0.05; done'));
    receive(...Array.from({ length: 2 * MAX_RUNNING_HOOKS }, () => 'hello'));
    await vi.waitFor(async () => expect(await filesOf('.on')).toHaveLength(MAX_RUNNING_HOOKS), soon);
    // One that has been started is one of these; the others are not there yet.
    expect(await filesOf('.on')).toHaveLength(MAX_RUNNING_HOOKS);
    await writeFile(join(folder, 'go'), '');
    await vi.waitFor(async () => expect(await filesOf('.on')).toHaveLength(2 * MAX_RUNNING_HOOKS), soon);
    expect(warnings).toEqual([]);
  });

  it('lets no more than a bounded number wait', async () => {
    start(await script('while [ ! -e "$1/go" ]; do sleep 0.05; done'));
    receive(...Array.from({ length: MAX_RUNNING_HOOKS + MAX_WAITING_HOOKS }, () => 'hello'));
    expect(warnings).toEqual([]);
    receive('one too many');
    expect(warnings).toEqual(['a message is not announced: the command is too slow']);
  });

  it('is ended with all that it started when it takes too long', async () => {
    const clock = new ManualClock();
    start(await script('sleep 1000 & echo $! > "$1/child.pid"; wait'), clock);
    receive('hello');
    await vi.waitFor(
      async () => expect(await readFile(join(folder, 'child.pid'), 'utf8')).toMatch(/\n$/),
      soon,
    );
    const pid = Number(await readFile(join(folder, 'child.pid'), 'utf8'));
    expect(process.kill(pid, 0)).toBe(true);
    await clock.advance(HOOK_TIMEOUT_MS);
    await vi.waitFor(async () => {
      const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => 'gone Z');
      expect(state).toMatch(/ Z/);
    }, soon);
    await vi.waitFor(() => expect(warnings).toContain('the command for messages failed'), soon);
    expect(warnings[0]).toBe('the command for messages took too long');
  });

  it.each([
    ['is not there', async () => ['/nonexistent/hook'], 'cannot be started'],
    ['is no program', async () => [folder], 'cannot be started'],
    ['has a name that none can have', async () => ['a\0b'], 'cannot be started'],
    ['fails', () => script('exit 3'), 'failed'],
    ['does not read', () => script('exec 0<&-; sleep 0.1; exit 4'), 'failed'],
  ])('that %s is logged, and the next one runs', async (_, command, says) => {
    start(await command());
    receive('one', 'two', 'x'.repeat(64 * 1024));
    await vi.waitFor(() => expect(warnings).toHaveLength(3), soon);
    for (const warning of warnings) expect(warning).toContain(says);
  });

  it('runs for what calls the person by name, and not for what is gone', async () => {
    start(await script('cat >"$1/$$.part"; mv "$1/$$.part" "$1/$$.json"'));
    for (const id of ['gone', 'drill'])
      for (const type of ['reminder', 'mention'] as const)
        events.publish({ type, conversation: 'with bob', id });
    await vi.waitFor(async () => expect(await filesOf('.json')).toHaveLength(2), soon);
    const said = await Promise.all(
      (await filesOf('.json')).map(
        async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as object,
      ),
    );
    expect(said).toEqual(
      expect.arrayContaining(
        ['reminder', 'mention'].map(
          (event) => expect.objectContaining({ event, content: { kind: 'text', body: 'drill' } }) as object,
        ),
      ),
    );
  });

  it('is not started after the end, and what runs is ended', async () => {
    start(await script('touch "$1/$$.on"; sleep 1000'));
    receive(...Array.from({ length: MAX_RUNNING_HOOKS + 1 }, () => 'hello'));
    await vi.waitFor(async () => expect(await filesOf('.on')).toHaveLength(MAX_RUNNING_HOOKS), soon);
    hook?.stop();
    receive('later');
    await new Promise((resolve) => setImmediate(resolve));
    expect(await filesOf('.on')).toHaveLength(MAX_RUNNING_HOOKS);
    expect(warnings).toEqual([]);
  });
});
