import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Message } from '../chat-node/dist/chat/message.js';
import type { PeerRecord } from '../chat-node/dist/chat/peer.js';
import {
  incoming,
  mongoPlace,
  openStore,
  type OpenStore,
  outgoing,
  PEER,
  type Place,
  Relay,
  sqlitePlace,
  wholeHistory,
} from './support/storage.ts';

const WRITER = fileURLToPath(new URL('./support/storage-writer.ts', import.meta.url));
const server = process.env['MONGODB_URI_TEST'];
/** After this a server that says nothing counts as away. */
const SILENCE_MS = 2_000;

/** What a writer said before it was killed. */
interface Promises {
  /** The ids of each call. */
  asked: string[][];
  saved: string[][];
  delivered: string[][];
}

/** Lets a writer run until it has saved so many batches, then kills it. */
async function writeUntilKilled(target: string, batches: number, promises: Promises): Promise<void> {
  const child = spawn(process.execPath, [WRITER, target], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let saved = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    for (const [what, ids] of Object.entries(JSON.parse(line) as Partial<Promises>)) {
      promises[what as keyof Promises].push(ids as unknown as string[]);
      if (what === 'saved' && (saved += 1) === batches) child.kill('SIGKILL');
    }
  }
  expect(await exited).toEqual([null, 'SIGKILL']);
}

describe.each([
  ['SQLite', sqlitePlace, false],
  ['MongoDB (set MONGODB_URI_TEST)', () => mongoPlace(server ?? ''), server === undefined],
])('%s', (name, createPlace, skip) => {
  describe.skipIf(skip)('store', () => {
    let place: Place;

    beforeEach(async () => {
      place = await createPlace();
    });

    afterEach(() => place.dispose());

    it('keeps every promise of a process that is killed in mid-write, ten times over', async () => {
      const promises: Promises = { asked: [], saved: [], delivered: [] };
      for (let round = 0; round < 10; round += 1) {
        await writeUntilKilled(place.target, 20 + round * 7, promises);
        const store = await openStore(place.target);
        const history = await wholeHistory(store.messages);
        const states = new Map(history.map((message) => [message.id, message.state]));
        expect(states.size).toBe(history.length);
        expect(promises.saved.flat().filter((id) => !states.has(id))).toEqual([]);
        expect(promises.delivered.flat().filter((id) => states.get(id) !== 'delivered')).toEqual([]);
        const asked = new Set(promises.asked.flat());
        expect(history.filter((message) => !asked.has(message.id))).toEqual([]);
        if (name === 'SQLite') {
          const halves = promises.asked.filter((ids) => new Set(ids.map((id) => states.has(id))).size > 1);
          expect(halves).toEqual([]);
        }
        expect(await store.messages.conversation(PEER)).toMatchObject({
          queued: history.filter((message) => message.state === 'queued').length,
          unread: 0,
          last: history.at(-1),
        });
        await store.close();
      }
    });

    it('opens within two seconds where 100,000 messages are queued, and gives them in order', async () => {
      const total = 100_000;
      const filling = await openStore(place.target);
      for (let n = 0; n < total; n += 5_000) {
        await filling.messages.addOutgoing(
          Array.from({ length: 5_000 }, (_, at) => outgoing(n + at, 'x'.repeat(128))),
        );
      }
      await filling.close();

      const started = performance.now();
      const store = await openStore(place.target);
      expect(await store.messages.conversations()).toMatchObject([{ id: PEER, queued: total }]);
      const first = await store.messages.queued(PEER, '', 1_024, 4 * 1024 * 1024);
      expect(performance.now() - started).toBeLessThan(2_000);
      expect(first.map((message) => parseInt(message.clock, 16))).toEqual(first.map((_, n) => n));
      await store.close();
    });
  });
});

describe('SQLite on a full disk', () => {
  const root = process.getuid?.() === 0;
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'p2p-chat-e2e-'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it.skipIf(!root)(
    '(root only) tells the sender at once, keeps nothing of it, and goes on when there is space',
    async () => {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder]);
      try {
        const file = join(folder, 'messages.sqlite');
        const store = await openStore(file);
        const saved: Message[] = [];
        let refused: Message[] = [];
        for (let n = 0; refused.length === 0; n += 4) {
          const batch = [0, 1, 2, 3].map((at) => outgoing(n + at, 'x'.repeat(10_000)));
          await store.messages.addOutgoing(batch).then(
            () => saved.push(...batch),
            (error: unknown) => {
              expect(error).toMatchObject({ name: 'StorageError', code: 'storage-full' });
              refused = batch;
            },
          );
        }
        expect(await wholeHistory(store.messages)).toEqual(saved);
        expect(await store.messages.conversation(PEER)).toMatchObject({
          queued: saved.length,
          last: saved.at(-1),
        });
        await expect(store.messages.addOutgoing(refused)).rejects.toMatchObject({ code: 'storage-full' });

        execFileSync('mount', ['-o', 'remount,size=64m', folder]);
        await store.messages.addOutgoing(refused);
        expect(await wholeHistory(store.messages)).toEqual([...saved, ...refused]);
        await store.close();

        const again = await openStore(file);
        expect(await wholeHistory(again.messages)).toEqual([...saved, ...refused]);
        await again.close();
      } finally {
        // Lazily: a store that a failed test left open must not keep the mount.
        execFileSync('umount', ['--lazy', folder]);
      }
    },
  );
});

describe.skipIf(server === undefined)('MongoDB (set MONGODB_URI_TEST) behind a line that breaks', () => {
  let place: Place;
  let relay: Relay;
  let folder: string;
  let store: OpenStore;

  beforeEach(async () => {
    place = await mongoPlace(server ?? '');
    const { hostname, port, pathname } = new URL(place.target);
    relay = await Relay.before(hostname, Number(port || 27017));
    const uri = `mongodb://127.0.0.1:${relay.port}${pathname}`;
    folder = mkdtempSync(join(tmpdir(), 'p2p-chat-e2e-'));
    store = await openStore(`${uri}?directConnection=true&socketTimeoutMS=${SILENCE_MS}`, folder);
  });

  afterEach(async () => {
    relay.heal();
    await store.close();
    await relay.close();
    rmSync(folder, { recursive: true });
    await place.dispose();
  });

  const unavailable = { name: 'StorageError', code: 'storage-unavailable' };

  it('rejects a write whose answer was lost, takes it back, and goes on by itself', async () => {
    const [before, lost, behind, after] = [outgoing(1), outgoing(2), outgoing(3), outgoing(4)];
    await store.messages.addOutgoing([before]);

    relay.mute();
    // The repeat of what is there must not be taken back with the rest.
    const calls = [
      store.messages.addOutgoing([lost, before]),
      store.messages.addOutgoing([behind]),
      store.messages.setState(PEER, [before.id], 'delivered'),
      store.messages.conversations(),
    ];
    const rejected = Promise.all(calls.map((call) => expect(call).rejects.toMatchObject(unavailable)));
    await arrived(lost);
    relay.cut();
    await rejected;

    relay.heal();
    await eventually(() => store.messages.addOutgoing([after]));
    expect(await wholeHistory(store.messages)).toEqual([before, after]);
    expect(await store.messages.conversation(PEER)).toMatchObject({ queued: 2, last: after });
  });

  it('says so of an incoming message that is sent again: it is new', async () => {
    const [before, message] = [incoming(1), incoming(2)];
    await store.messages.addIncoming([before]);
    relay.mute();
    const rejected = expect(store.messages.addIncoming([before, message])).rejects.toMatchObject(unavailable);
    await arrived(message);
    relay.cut();
    await rejected;
    relay.heal();
    expect(await eventually(() => store.messages.addIncoming([before, message]))).toEqual([false, true]);
    expect(await store.messages.addIncoming([message])).toEqual([false]);
    expect(await store.messages.conversation(PEER)).toMatchObject({ unread: 2, last: message });
  });

  it('tells everyone who waits within seconds that the server is away', async () => {
    const message = outgoing(1);
    await store.messages.addOutgoing([message]);
    relay.cut();
    const started = performance.now();
    const calls = Array.from({ length: 50 }, (_, n) => store.messages.addOutgoing([outgoing(2 + n)]));
    const outcomes = await Promise.allSettled([...calls, store.messages.history(PEER, { limit: 1 })]);
    expect(performance.now() - started).toBeLessThan(8_000);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: unavailable });
    }
    relay.heal();
    expect(await eventually(() => store.messages.history(PEER, { limit: 10 }))).toEqual([message]);
  });

  it('keeps out a message whose insert is carried out after it was refused', async () => {
    const [before, refused, after] = [outgoing(1), outgoing(2), outgoing(4)];
    const [known, received] = [incoming(3), incoming(5)];
    await store.messages.addOutgoing([before]);
    await store.messages.addIncoming([known]);
    relay.holdWrite();
    // While this is read, what is to be added becomes one insert.
    void store.messages.conversations();
    const calls = [store.messages.addOutgoing([refused]), store.messages.addIncoming([known, received])];
    await Promise.all(calls.map((call) => expect(call).rejects.toMatchObject(unavailable)));
    await eventually(() => store.messages.addOutgoing([after]));
    const search = (): Promise<Message[]> => store.search.search({ words: ['message'], limit: 10 });
    expect(await search()).toHaveLength(3);
    await relay.letGo();
    expect(await wholeHistory(store.messages)).not.toContainEqual(refused);
    expect(await store.messages.find(PEER, refused.id)).toBeNull();
    expect(await store.messages.queued(PEER, '', 10, 1_000)).toEqual([before, after]);
    // What comes from the other node comes again, and is new to everybody here.
    expect(await store.messages.addIncoming([known, received])).toEqual([false, true]);
    expect(await store.messages.conversation(PEER)).toMatchObject({ queued: 2, unread: 2, last: received });
    expect(await wholeHistory(store.messages)).toEqual([before, known, after, received]);
    expect(await search()).toContainEqual(received);
  }, 40_000);

  it('counts what is queued and unread aright, also where a change is carried out late', async () => {
    const [mine, seen, theirs] = [outgoing(1), outgoing(2), incoming(3)];
    const ids = [mine.id, seen.id];
    await store.messages.addOutgoing([mine, seen]);
    await store.messages.addIncoming([theirs]);
    const read = { limit: 10, receipts: true };
    relay.holdWrite();
    await expect(store.messages.setState(PEER, ids, 'delivered')).rejects.toMatchObject(unavailable);
    await eventually(() => store.messages.setState(PEER, [seen.id], 'read'));
    await relay.letGo();
    relay.holdWrite();
    await expect(store.messages.markRead(PEER, null, read)).rejects.toMatchObject(unavailable);
    await eventually(() => store.messages.conversation(PEER));
    await relay.letGo();
    const states = (await wholeHistory(store.messages)).map(({ state }) => state);
    expect(states).toEqual(['delivered', 'read', 'read']);
    // Whoever asks again changes nothing any more.
    expect(await store.messages.setState(PEER, ids, 'delivered')).toEqual([]);
    expect(await store.messages.markRead(PEER, null, read)).toEqual([]);
    await expect
      .poll(() => store.messages.conversation(PEER), { timeout: 20_000 })
      .toMatchObject({ queued: 0, unread: 0 });
  }, 60_000);

  it('keeps out what of a person was refused and is carried out late, also after a kill', async () => {
    const [known, stranger] = [person(PEER), person(`${'s'.repeat(51)}a`)];
    const [blocked, accepted] = [
      { ...known, blocked: true },
      { ...stranger, accepted: true },
    ];
    await store.peers.save(known);
    relay.holdWrite('peers');
    // While this is read, what is to be saved becomes one write.
    void store.peers.all();
    const calls = [store.peers.save(blocked), store.peers.save(accepted)];
    await Promise.all(calls.map((call) => expect(call).rejects.toMatchObject(unavailable)));
    // Another process on the profile: the first one may have been killed.
    const next = await openStore(place.target, folder);
    await relay.letGo();
    expect(await saved()).toEqual([known]);
    await next.peers.save(accepted);
    await next.close();
    expect(await saved()).toEqual([known, accepted]);
  }, 40_000);

  it('keeps out what of a person was refused, and is itself the next to save', async () => {
    const known = person(PEER);
    await store.peers.save(known);
    relay.holdWrite('peers');
    await expect(store.peers.save({ ...known, blocked: true })).rejects.toMatchObject(unavailable);
    expect(await eventually(() => store.peers.all())).toEqual([known]);
    await relay.letGo();
    expect(await saved()).toEqual([known]);
    const verified = { ...known, verified: true };
    await store.peers.save(verified);
    expect(await saved()).toEqual([verified]);
  }, 40_000);

  it('saves over what an earlier process sent last and the server carries out late', async () => {
    const known = person(PEER);
    await store.peers.save(known);
    relay.holdWrite('peers');
    const sent = store.peers.save({ ...known, blocked: true });
    const next = await openStore(place.target, folder);
    await relay.letGo();
    const verified = { ...known, verified: true };
    await next.peers.save(verified);
    await next.close();
    expect(await saved()).toEqual([verified]);
    await sent;
  }, 40_000);

  /** The people who are in the database, by peer id, as seen past the relay. */
  async function saved(): Promise<PeerRecord[]> {
    const direct = await openStore(place.target);
    try {
      return (await direct.peers.all()).sort((a, b) => (a.peerId < b.peerId ? -1 : 1));
    } finally {
      await direct.close();
    }
  }

  /** Waits until the message is in the database, as seen past the relay. */
  async function arrived(message: Message): Promise<void> {
    const direct = await openStore(place.target);
    try {
      await expect.poll(() => direct.messages.find(PEER, message.id), { timeout: 10_000 }).not.toBeNull();
    } finally {
      await direct.close();
    }
  }
});

/** A person of whom nothing is noted yet. */
function person(peerId: string): PeerRecord {
  const now = Date.now();
  return {
    peerId,
    user: 'Somebody',
    blocked: false,
    verified: false,
    accepted: false,
    knownAs: null,
    addresses: [{ host: '192.0.2.7', port: 7780 }],
    firstSeenAt: now,
    lastSeenAt: now,
    announcedSeq: 0,
  };
}

/** Tries until it succeeds: the driver notices by itself that the server is back. */
async function eventually<Result>(attempt: () => Promise<Result>): Promise<Result> {
  const end = performance.now() + 30_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
  }
}
