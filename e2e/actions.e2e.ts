import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ActionResult, ConfirmationsView, MessageView, SendResult } from '@p2p-chat/shared';
import mongoose from 'mongoose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { controlOf, linkedPair } from './support/control.ts';
import { NODE_STORES, NodeStores } from './support/node-stores.ts';
import { type RunningDaemon, waitFor, World } from './support/processes.ts';
import { TerminalSession } from './support/terminal.ts';

const world = new World();
let alice: RunningDaemon;
let bob: RunningDaemon;

beforeAll(async () => {
  ({ alice, bob } = await linkedPair(world));
});
afterAll(() => world.close());

async function send(from: RunningDaemon, to: string, text: string, ...flags: string[]): Promise<string> {
  const [sent] = await from.json<SendResult>(['send', to, text, '--wait', 'delivered', ...flags]);
  return sent!.id;
}

async function act(daemon: RunningDaemon, ...args: string[]): Promise<ActionResult> {
  const [result] = await daemon.json<ActionResult>(args);
  return result!;
}

const messageAt = (daemon: RunningDaemon, id: string): Promise<MessageView> => controlOf(daemon).message(id);
const until = (daemon: RunningDaemon, id: string, holds: (message: MessageView) => boolean): Promise<true> =>
  waitFor(`${id} at ${daemon.name}`, async () => holds(await messageAt(daemon, id)));

/** Whether any file of a profile has a text. */
async function isOnDisk({ home }: RunningDaemon, text: string): Promise<boolean> {
  const entries = await readdir(home, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const found = await Promise.all(
    files.map(async (file) => (await readFile(file).catch(() => Buffer.alloc(0))).includes(text)),
  );
  return found.includes(true);
}

/** Whether any document of a database has a text. */
async function isInDatabase(uri: string | undefined, text: string): Promise<boolean> {
  if (uri === undefined) return false;
  const connection = await mongoose.createConnection(uri).asPromise();
  try {
    for (const { name } of await connection.listCollections())
      for await (const document of connection.collection(name).find({}, { raw: true }))
        if (Buffer.from(document as unknown as Uint8Array).includes(text)) return true;
    return false;
  } finally {
    await connection.close();
  }
}

it('answers, changes and reacts, and history shows what came of it', async () => {
  const id = await send(alice, 'Bob', 'shall we meet @Bob?');
  const [answer] = await bob.json<SendResult & { replyTo: string }>(['reply', id, 'yes']);
  expect(answer).toMatchObject({ author: bob.peerId, state: 'queued', replyTo: id });
  const edit = await act(alice, 'edit', id, 'shall we meet at 3?');
  expect(edit).toEqual({
    id: expect.any(String) as string,
    conversation: answer!.conversation,
    author: alice.peerId,
    target: id,
  });
  await act(bob, 'react', id, '👍', '❤');
  await until(alice, id, ({ reactions = [] }) => reactions.length === 2);
  await until(bob, id, ({ edited }) => edited === true);
  for (const daemon of [alice, bob]) {
    const peer = daemon === alice ? 'Bob' : 'Alice';
    await until(daemon, answer!.id, ({ quote }) => quote?.body === 'shall we meet at 3?');
    const history = await daemon.json<MessageView>(['history', peer]);
    expect(history).toMatchObject([
      {
        id,
        body: 'shall we meet at 3?',
        edited: true,
        deleted: false,
        replyTo: null,
        reactions: [
          { emoji: '👍', by: [bob.peerId] },
          { emoji: '❤️', by: [bob.peerId] },
        ],
        mentions: [],
        confirm: false,
      },
      { id: answer!.id, body: 'yes', edited: false, replyTo: id, reactions: [] },
    ]);
  }
  await act(bob, 'react', id);
  await until(alice, id, ({ reactions = [] }) => reactions.length === 0);
  expect(await alice.json(['search', 'meet 3'])).toMatchObject([{ id }]);
  const other = await bob.cli(['edit', id, 'no', '--json']);
  expect([other.status, JSON.parse(other.stderr)]).toMatchObject([
    1,
    { error: { code: 'message-not-yours' } },
  ]);
});

it('asks to be confirmed, also over a restart, and tells who has', async () => {
  const id = await send(alice, 'Bob', 'Drill at 3', '--confirm');
  const lists = async (...flags: string[]): Promise<ConfirmationsView> =>
    (await alice.json<ConfirmationsView>(['confirmations', id, ...flags]))[0]!;
  const person = { peerId: bob.peerId, user: 'Bob' };
  expect(await lists()).toEqual({ confirmed: [], read: [], delivered: [person], missing: [] });
  [alice, bob] = [await world.restart(alice), await world.restart(bob)];
  await waitFor('the link', async () => (await controlOf(alice).status()).links === 1);
  expect(await controlOf(bob).conversation('Alice')).toMatchObject({ toConfirm: [{ id, confirm: true }] });
  await bob.json(['read', 'Alice']);
  await waitFor('the receipt', async () => (await lists()).read.length === 1);
  expect(await lists('--remind')).toMatchObject({ read: [person] });
  await act(bob, 'confirm', id);
  await waitFor('the confirmation', async () => (await lists()).confirmed.length === 1);
  expect(await lists()).toMatchObject({
    confirmed: [{ ...person, at: expect.stringMatching(/Z$/) as string }],
    read: [],
    delivered: [],
    missing: [],
  });
  expect(await controlOf(bob).conversation('Alice')).toMatchObject({ toConfirm: [] });
});

it('deletes for oneself', async () => {
  const hidden = await send(bob, 'Alice', 'keep this from me');
  await act(alice, 'delete', hidden, '--for-me');
  expect((await alice.json<MessageView>(['history', 'Bob'])).some(({ id }) => id === hidden)).toBe(false);
  expect((await bob.json<MessageView>(['history', 'Alice'])).at(-1)).toMatchObject({ id: hidden });
});

describe.each(NODE_STORES)('on %s', (_, kind, isMissing) => {
  it.skipIf(isMissing)('what was deleted for everybody is nowhere', async () => {
    const stores = new NodeStores(kind);
    const [env, other] = [await stores.env(), await stores.env()];
    const pair = await linkedPair(world, { alice: { env }, bob: { env: other } });
    const both = [pair.alice, pair.bob];
    const isKept = async (daemon: RunningDaemon, text: string): Promise<boolean> =>
      (await isOnDisk(daemon, text)) ||
      (await isInDatabase((daemon === pair.alice ? env : other)['MONGODB_URI'], text));
    const canary = 'xyzzycanary';
    const id = await send(pair.alice, 'Bob', `the ${canary} sings`);
    await pair.bob.json(['reply', id, 'what?']);
    await act(pair.alice, 'edit', id, `the ${canary} hums`);
    await until(pair.bob, id, ({ edited }) => edited === true);
    // One is about to change it, and the other one to answer it.
    const sessions = await Promise.all(
      both.map(async ({ name, home }) => {
        const session = TerminalSession.console({
          P2P_CHAT_USER: name,
          P2P_CHAT_HOME: home,
          DISCOVERY_URLS: '',
        });
        await session.until('Read Messages');
        session.press('enter');
        await session.until('Read Messages: whose?');
        session.press('enter');
        await session.until(`the ${canary} hums`);
        session.press('up');
        await session.until('r reply');
        session.press('up');
        await session.until('Changing');
        if (name === 'Bob') {
          session.press('up');
          await session.until('r reply');
          session.type('r');
          await session.until('Answering Alice');
        }
        session.type(' half a thought');
        await session.until('half a thought');
        return session;
      }),
    );
    try {
      for (const daemon of both) {
        expect(await daemon.json(['search', canary])).toHaveLength(1);
        expect(await isKept(daemon, canary)).toBe(true);
      }
      expect(await act(pair.alice, 'delete', id)).toMatchObject({ target: id, author: pair.alice.peerId });
      await until(pair.bob, id, ({ deleted }) => deleted === true);
      await until(pair.alice, id, ({ deletion }) => deletion?.done === 1);
      for (const daemon of both) {
        const peer = daemon === pair.alice ? 'Bob' : 'Alice';
        expect(await daemon.json(['search', canary])).toEqual([]);
        const exported = await Promise.all(
          ['json', 'markdown'].map((format) => daemon.cli(['export', peer, '--format', format])),
        );
        expect(exported.map(({ stdout }) => stdout).join('')).not.toContain(canary);
        expect(exported[0]?.stdout).toContain('"deleted":true');
        expect(await isKept(daemon, canary)).toBe(false);
        expect(await isKept(daemon, canary.slice(1))).toBe(false);
      }
      for (const session of sessions) await session.until((screen) => !screen.includes(canary));
    } finally {
      for (const session of sessions) await session.kill();
      for (const daemon of both) await daemon.stop();
      await stores.dispose();
    }
  });
});

it('is all done with keys in the console', async () => {
  const session = TerminalSession.console({
    P2P_CHAT_USER: 'Bob',
    P2P_CHAT_HOME: bob.home,
    DISCOVERY_URLS: '',
  });
  try {
    await session.until('Read Messages');
    const id = await send(alice, 'Bob', 'press a key', '--confirm');
    await session.until('Alice asks you to confirm: press a key');
    session.press('enter');
    await session.until('press a key');
    session.press('enter');
    await session.until('(F4: confirm)');
    await session.until('── new ──');
    session.press('up');
    await session.until('r reply');
    session.type('r');
    await session.until('Answering Alice');
    session.type('which one');
    session.press('enter');
    await session.until('│ Alice: press a key');
    session.press('up');
    session.press('up');
    await session.until('Changing');
    session.type('?');
    session.press('enter');
    await session.until('which one?');
    await waitFor('the answer at Alice', async () => {
      const last = (await controlOf(alice).history('Bob', { limit: 1 }))[0];
      return last?.body === 'which one?' && last.replyTo === id && last.edited === true;
    });
    session.type('\u001bOS');
    await until(alice, id, ({ confirmed = [] }) => confirmed.length === 1);
    await session.until('you confirmed');
    await act(alice, 'react', (await controlOf(alice).history('Bob', { limit: 1 }))[0]!.id, '👍');
    await session.until('👍');
    session.press('up');
    await session.until('e edit');
    session.type('w');
    await session.until('👍 Alice');
    session.press('up');
    await session.until('v earlier versions');
    session.type('v');
    await session.until(/\d\d:\d\d which one\n/);
    session.press('up');
    await session.until('c copy');
    session.type('c');
    await session.until('Handed to the terminal to copy.');
    expect(session.output).toContain(`\u001b]52;c;${btoa('which one?')}\u0007`);
    session.type('/announce come down');
    session.press('enter');
    await session.until('0 confirmed');
    await waitFor('the announcement at Alice', async () => {
      const { toConfirm = [] } = await controlOf(alice).conversation('Bob');
      return toConfirm.some(({ body }) => body === 'come down');
    });
  } finally {
    await session.kill();
  }
});
