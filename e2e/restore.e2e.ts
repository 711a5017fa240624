import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mongoose from 'mongoose';
import { afterEach, describe, expect, it } from 'vitest';
import { controlOf, deliver, linkedPair, untilQueued, wholeConversation } from './support/control.ts';
import { NODE_STORES, NodeStores } from './support/node-stores.ts';
import { type RunningDaemon, waitFor, World } from './support/processes.ts';

/** What a stopped node keeps of its conversations, so that it can be put back. */
interface Backup {
  restore(): Promise<void>;
}

const isDatabaseFile = (name: string): boolean => name.startsWith('messages.sqlite');

/** Removes what a stopped node keeps of its conversations; its key stays. */
async function wipe({ home, options }: RunningDaemon): Promise<void> {
  const uri = options.env?.['MONGODB_URI'];
  if (uri !== undefined) return withDatabase(uri, (db) => db.dropDatabase().then(() => undefined));
  for (const name of await readdir(home)) if (isDatabaseFile(name)) await rm(join(home, name));
}

async function backupOf(node: RunningDaemon): Promise<Backup> {
  const uri = node.options.env?.['MONGODB_URI'];
  if (uri !== undefined) return mongoBackup(node, uri);
  const folder = await mkdtemp(join(tmpdir(), 'p2p-chat-backup-'));
  for (const name of await readdir(node.home))
    if (isDatabaseFile(name)) await cp(join(node.home, name), join(folder, name));
  return {
    restore: async () => {
      await wipe(node);
      for (const name of await readdir(folder)) await cp(join(folder, name), join(node.home, name));
      await rm(folder, { recursive: true });
    },
  };
}

async function mongoBackup(node: RunningDaemon, uri: string): Promise<Backup> {
  const saved = await readDatabase(uri);
  return {
    restore: async () => {
      await wipe(node);
      await fillDatabase(uri, saved);
    },
  };
}

type Documents = ReadonlyMap<string, mongoose.mongo.Document[]>;

async function readDatabase(uri: string): Promise<Documents> {
  const documents = new Map<string, mongoose.mongo.Document[]>();
  await withDatabase(uri, async (db) => {
    for (const { name } of await db.listCollections().toArray())
      documents.set(name, await db.collection(name).find().toArray());
  });
  return documents;
}

async function fillDatabase(uri: string, documents: Documents): Promise<void> {
  await withDatabase(uri, async (db) => {
    for (const [name, all] of documents) if (all.length > 0) await db.collection(name).insertMany(all);
  });
}

async function withDatabase(uri: string, use: (db: mongoose.mongo.Db) => Promise<void>): Promise<void> {
  const connection = await mongoose.createConnection(uri).asPromise();
  try {
    if (connection.db === undefined) throw new Error('not connected');
    await use(connection.db);
  } finally {
    await connection.close();
  }
}

async function problemsOf(node: RunningDaemon): Promise<string[]> {
  return (await controlOf(node).status()).problems.map(({ code }) => code);
}

async function bodies(of: RunningDaemon, other: RunningDaemon): Promise<string[]> {
  return (await wholeConversation(of, other.peerId)).map(({ body }) => body);
}

/** Waits until both have all of these, once each, in the same order. */
async function untilBothHave(
  all: readonly string[],
  one: RunningDaemon,
  other: RunningDaemon,
): Promise<void> {
  await waitFor('both to have everything', async () => {
    const [here, there] = [await bodies(one, other), await bodies(other, one)];
    expect(here).toEqual(there);
    expect(here.toSorted()).toEqual(all.toSorted());
    return true;
  });
  await untilQueued(one, 0);
  await untilQueued(other, 0);
}

describe.each(NODE_STORES)('a profile on %s', (_name, kind, skip) => {
  describe.skipIf(skip)('that was put back', () => {
    const world = new World();
    const stores = new NodeStores(kind);
    afterEach(async () => {
      await world.close();
      await stores.dispose();
    });

    const pair = async (): Promise<{ alice: RunningDaemon; bob: RunningDaemon }> =>
      linkedPair(world, { alice: { env: await stores.env() }, bob: { env: await stores.env() } });

    it.each([
      ['fewer than were lost', 1],
      ['as many as were lost', 2],
      ['more than were lost', 4],
    ])(
      'from a backup has all of both again, and what was written meanwhile arrives: %s',
      async (_what, count) => {
        const { alice, bob } = await pair();
        await deliver(alice, bob.peerId, 'a1');
        await deliver(bob, alice.peerId, 'b1');
        await alice.stop();
        const backup = await backupOf(alice);
        const later = await world.daemon(alice.options);
        const lost = ['a2', 'b2', 'a3'];
        await deliver(later, bob.peerId, 'a2');
        await deliver(bob, alice.peerId, 'b2');
        await deliver(later, bob.peerId, 'a3');
        await later.stop();
        await bob.stop();
        await backup.restore();
        const restored = await world.daemon(alice.options);
        expect(await bodies(restored, bob)).toEqual(['a1', 'b1']);
        const offline = Array.from({ length: count }, (_, n) => `offline ${n}`);
        for (const body of offline) await controlOf(restored).send(bob.peerId, body);
        const bobAgain = await world.daemon(bob.options);
        await untilBothHave(['a1', 'b1', ...lost, ...offline], restored, bobAgain);
        expect(await problemsOf(restored)).toEqual([]);
        await deliver(restored, bob.peerId, 'after');
        await deliver(bobAgain, alice.peerId, 'after that');
        await untilBothHave(['a1', 'b1', ...lost, ...offline, 'after', 'after that'], restored, bobAgain);
        // Another start changes nothing of it.
        const once = await world.restart(restored);
        await untilBothHave(['a1', 'b1', ...lost, ...offline, 'after', 'after that'], once, bobAgain);
      },
      90_000,
    );

    it('with its key alone has its own messages and those to it again', async () => {
      const { alice, bob } = await pair();
      await deliver(alice, bob.peerId, 'a1');
      await deliver(bob, alice.peerId, 'b1');
      await deliver(alice, bob.peerId, 'a2');
      await alice.stop();
      await wipe(alice);
      const empty = await world.daemon(alice.options);
      await untilBothHave(['a1', 'b1', 'a2'], empty, bob);
      expect(await problemsOf(empty)).toEqual([]);
      await deliver(empty, bob.peerId, 'a3');
      await deliver(bob, alice.peerId, 'b2');
      await untilBothHave(['a1', 'b1', 'a2', 'a3', 'b2'], empty, bob);
    }, 90_000);

    it('and runs on two machines at once is told so, and loses nothing', async () => {
      const { alice, bob } = await pair();
      await deliver(alice, bob.peerId, 'before');
      await alice.stop();
      const home = join(await world.folder('copy'), 'home');
      await cp(alice.home, home, { recursive: true });
      const env = await stores.env();
      const [from, to] = [alice.options.env?.['MONGODB_URI'], env['MONGODB_URI']];
      if (from !== undefined && to !== undefined) await fillDatabase(to, await readDatabase(from));
      const first = await world.daemon(alice.options);
      const copy = await world.daemon({ user: 'Alice', home, env, peers: alice.options.peers ?? [] });
      const all = ['before'];
      for (let round = 1; round <= 3; round += 1) {
        for (const [node, name] of [
          [first, 'one'],
          [copy, 'other'],
        ] as const) {
          const body = `${round} from the ${name}`;
          await controlOf(node).send(bob.peerId, body);
          all.push(body);
        }
      }
      for (const node of [first, copy]) await untilBothHave(all, node, bob);
      for (const node of [first, copy]) expect(await problemsOf(node)).toContain('profile-copied');
    }, 120_000);
  });
});
