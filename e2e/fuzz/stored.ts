import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  isMessageUuid,
  isPeerId,
  isUserName,
  isWireClock,
  MAX_BODY_BYTES,
  peerIdOfKey,
  SystemClock,
} from '@p2p-chat/shared';
import { testKeys } from '@p2p-chat/shared/testing';
import { composeChat } from '../../chat-node/dist/app.module.js';
import type { Message } from '../../chat-node/dist/chat/message.js';
import { readConfig } from '../../chat-node/dist/runtime/config.js';
import { loadIdentity } from '../../chat-node/dist/profile/keystore.js';
import { SqliteStorage } from '../../chat-node/dist/storage/old/sqlite/sqlite-storage.js';
import { LinkTable } from '../../chat-node/dist/transport/link-table.js';
import { FuzzFailure, randomOf } from './case.ts';
import { ID, input, Line, silent } from './wire.ts';

/** Links whose messages are on their way to the storage at the same time. */
const CASES_AT_ONCE = 100;
/** Peers that send, half of them contacts: strangers may leave little. */
const PEERS = Array.from({ length: 40 }, (_, n) => peerIdOfKey(testKeys(`fuzz ${n}`).publicKey));

/**
 * Feeds mutated frames to a node with its real core and SQLite, and looks at
 * all that is stored in the end.
 * @param from the first case
 * @throws {FuzzFailure}
 */
export async function fuzzStored(seed: number, from: number, count: number): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'p2p-chat-fuzz-'));
  const storage = await SqliteStorage.open({ file: join(home, 'messages.sqlite') });
  const config = readConfig({
    P2P_CHAT_USER: 'Bob',
    P2P_CHAT_HOME: home,
    P2P_CHAT_HOST: '127.0.0.1',
    ...ALONE,
  });
  const settings = { user: 'Bob', presence: 'online', status: '', receipts: true, typing: true } as const;
  const { chat } = composeChat({
    config,
    profile: { settings, store: { save: async () => undefined } },
    identity: await loadIdentity(home),
    storage,
    clock: new SystemClock(),
    random: Math.random,
    logger: silent,
  });
  let index = from;
  try {
    await chat.start();
    for (const peerId of PEERS.slice(0, PEERS.length / 2)) await chat.accept(peerId);
    for (; index < from + count; index += CASES_AT_ONCE) {
      const links = Array.from({ length: Math.min(CASES_AT_ONCE, from + count - index) }, (_, n) =>
        feed(chat, seed, index + n),
      );
      // Reads come after the writes that were asked for before them.
      await storage.messages.conversations();
      for (const line of links) line.destroy();
    }
    const stored = await lookAtAll(storage);
    // In many cases nothing befalls a message of a contact.
    assert.ok(stored >= Math.floor(count / 100), `only ${stored} messages were stored`);
  } catch (error) {
    throw new FuzzFailure('stored', seed, index, error);
  } finally {
    await chat.stop();
    await storage.close();
    await rm(home, { recursive: true });
  }
}

const ALONE = {
  P2P_CHAT_PORT: '0',
  P2P_CHAT_MDNS: 'off',
  P2P_CHAT_SAME_MACHINE: 'off',
  DISCOVERY_URLS: '',
};

function feed(chat: ConstructorParameters<typeof LinkTable>[1], seed: number, index: number): Line {
  const random = randomOf(seed, index);
  const table = new LinkTable(
    {
      self: 'me',
      user: 'Bob',
      agent: 'fuzz/1',
      instance: 'me',
      clock: new SystemClock(),
      logger: silent,
      onProtocolError: () => undefined,
    },
    chat,
    () => 1,
  );
  const line = new Line();
  table.establish(line as unknown as Duplex, random.pick(PEERS), '192.0.2.1', false).catch(() => undefined);
  // An id of its own, or nearly all would be repeats.
  const id = ID.slice(0, -8) + index.toString(16).padStart(8, '0');
  line.emit('data', Buffer.from(input(random).toString('latin1').replaceAll(ID, id), 'latin1'));
  return line;
}

/** @returns how many messages there are */
async function lookAtAll({ messages, peers }: SqliteStorage): Promise<number> {
  for (const { peerId, user, addresses } of await peers.all()) {
    assert.ok(PEERS.includes(peerId) && isPeerId(peerId), 'a peer that never was');
    assert.ok(isUserName(user), `a name: ${JSON.stringify(user)}`);
    for (const { host, port } of addresses)
      assert.deepEqual([host, port > 0 && port < 65_536], ['192.0.2.1', true]);
  }
  let count = 0;
  for (const { id } of await messages.conversations()) {
    assert.ok(
      PEERS.some((peerId) => id.includes(peerId)),
      'a conversation with nobody',
    );
    let page = await messages.history(id, { limit: 1_000 });
    while (page.length > 0) {
      for (const message of page) judge(message);
      count += page.length;
      page = await messages.history(id, { limit: 1_000, before: page[0]?.id ?? '' });
    }
  }
  return count;
}

function judge({ id, author, direction, kind, body, clock, sentAt, state }: Message): void {
  assert.ok(isMessageUuid(id) && isWireClock(clock), `an id or a clock that is none: ${id} ${clock}`);
  assert.ok(PEERS.includes(author), 'an author who sent nothing');
  assert.deepEqual([direction, kind, state], ['in', 'text', 'delivered']);
  assert.ok(Number.isSafeInteger(sentAt) && sentAt >= 0, `a time: ${sentAt}`);
  const bytes = Buffer.byteLength(body);
  assert.ok(body.isWellFormed() && bytes > 0 && bytes <= MAX_BODY_BYTES, `a body of ${bytes} bytes`);
}
