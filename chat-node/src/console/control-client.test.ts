import { chmod, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CONTROL_FILE } from '@p2p-chat/shared';
import { ControlClient } from './control-client.js';
import type { EventFeed, FeedItem } from '@p2p-chat/shared/client';
import { FakeNode } from '@p2p-chat/shared/testing';

let node: FakeNode;
let client: ControlClient;
const ending: (() => unknown)[] = [];

beforeEach(async () => {
  node = await FakeNode.start();
  client = new ControlClient(node.home);
});

afterEach(async () => {
  for (const end of ending.splice(0)) await end();
  await node.close();
});

describe('finding the node', () => {
  it('says that no node runs where there is no control file', async () => {
    await expect(new ControlClient(join(node.home, 'nobody')).status()).rejects.toMatchObject({
      code: 'node-not-running',
      hint: expect.stringContaining('p2p-chat console') as string,
    });
  });

  it('says so too where nobody listens on the port of the file', async () => {
    await node.crash();
    await expect(client.status()).rejects.toMatchObject({ code: 'node-not-running' });
  });

  it('says so too where another node has the port now', async () => {
    const file = { port: node.port, token: 'the token of an older node', pid: 1, peerId: '', user: '' };
    await writeFile(join(node.home, CONTROL_FILE), JSON.stringify(file));
    await expect(client.status()).rejects.toMatchObject({ code: 'node-not-running' });
  });

  it.each(['ENETUNREACH', 'EADDRNOTAVAIL', 'ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT'])(
    'says what to do where the machine does not reach itself (%s)',
    async (code) => {
      const cause = Object.assign(new Error('no way'), { code });
      vi.spyOn(globalThis, 'fetch').mockRejectedValueOnce(new TypeError('fetch failed', { cause }));
      await expect(client.status()).rejects.toMatchObject({
        code: 'node-silent',
        message: `This machine does not reach itself (${code}).`,
        hint: expect.stringContaining('ip link set lo up') as string,
      });
    },
  );

  it.each([0o640, 0o604, 0o666])('refuses a control file with mode %o', async (mode) => {
    await chmod(join(node.home, CONTROL_FILE), mode);
    await expect(client.status()).rejects.toMatchObject({ code: 'control-file-exposed' });
  });

  it.each(['', 'null', '[]', '{"port":"1"}', '{"port":1}'])(
    'refuses the control file %j',
    async (content) => {
      await writeFile(join(node.home, CONTROL_FILE), content);
      await expect(client.status()).rejects.toMatchObject({ code: 'unexpected-answer' });
    },
  );

  it('finds it again after a restart on another port', async () => {
    const before = (await client.status()).controlPort;
    await node.crash();
    const squatter = await listen(createServer(), before);
    await node.listen();
    expect((await client.status()).controlPort).not.toBe(before);
    squatter.close();
  });
});

describe('requests', () => {
  it('carries names with any character', async () => {
    const peer = node.person('a/b? ü#%');
    await expect(client.peer('a/b? ü#%')).resolves.toEqual(peer);
  });

  it('turns problem details into errors with code, hint and choices', async () => {
    await expect(client.peer('Nobody')).rejects.toMatchObject({
      code: 'peer-unknown',
      status: 404,
      message: 'Nobody is known as "Nobody".',
      hint: 'See "p2p-chat peers --all".',
    });
    const one = node.person('Bob');
    const other = node.person('Bob', { peerId: `${'a'.repeat(51)}q` });
    await expect(client.peer('Bob')).rejects.toMatchObject({
      code: 'peer-ambiguous',
      choices: [one, other].map(({ peerId, user }) => ({ peerId, user })),
    });
  });

  it('knows an answer that is not one of a node', async () => {
    const stranger = await listen(createServer((_, response) => response.writeHead(404).end('<html>')));
    ending.push(() => stranger.close());
    const file = { port: (stranger.address() as AddressInfo).port, token: 'x', pid: 1, peerId: '', user: '' };
    await writeFile(join(node.home, CONTROL_FILE), JSON.stringify(file));
    await expect(client.status()).rejects.toMatchObject({ code: 'unexpected-answer' });
  });

  it('ends with the reason of its signal', async () => {
    const silent = await listen(createServer(() => undefined));
    ending.push(() => (silent.closeAllConnections(), silent.close()));
    const file = { port: (silent.address() as AddressInfo).port, token: 'x', pid: 1, peerId: '', user: '' };
    await writeFile(join(node.home, CONTROL_FILE), JSON.stringify(file));
    const reason = new Error('enough');
    const stop = new AbortController();
    silent.on('request', () => stop.abort(reason));
    await expect(client.status(stop.signal)).rejects.toBe(reason);
  });

  it('reads, blocks, unblocks, pages and logs out', async () => {
    const bob = node.person('Bob');
    const [first, second, third] = node.receive(bob, 'one', 'two', 'three');
    expect(await client.conversations()).toMatchObject([{ unread: 3, last: { body: 'three' } }]);
    expect(await client.read('Bob')).toEqual({ read: 3 });
    expect(await client.block('Bob')).toMatchObject({ blocked: true });
    expect(await client.unblock('Bob')).toMatchObject({ blocked: false });
    expect(await client.history('Bob', { limit: 2 })).toEqual([second, third]);
    expect(await client.history('Bob', { before: second?.id ?? '' })).toEqual([first]);
    expect(await client.history('Bob', { after: second?.id ?? '' })).toEqual([third]);
    await client.logout();
    await node.loggedOut;
  });
});

describe('a stream of messages', () => {
  it('is answered while it is written, in order', async () => {
    const bob = node.person('Bob');
    const answered = Promise.withResolvers<void>();
    async function* batches(): AsyncGenerator<string[]> {
      yield ['one', 'two'];
      // Comes only when the first ones were accepted.
      await answered.promise;
      yield [];
      yield ['three'];
    }
    const ids: string[] = [];
    for await (const accepted of client.sendAll('Bob', batches())) {
      ids.push(...accepted.map((one) => one.id));
      if (ids.length === 2) answered.resolve();
    }
    expect(node.messages.get(bob.conversation)?.map((one) => one.body)).toEqual(['one', 'two', 'three']);
    expect(node.messages.get(bob.conversation)?.map((one) => one.id)).toEqual(ids);
  });

  it('tells how far it came when the node refuses one', async () => {
    node.person('Bob');
    const run = async (): Promise<number> => {
      let accepted = 0;
      for await (const results of client.sendAll('Bob', once(['one', '', 'three'])))
        accepted += results.length;
      return accepted;
    };
    await expect(run()).rejects.toMatchObject({ code: 'body-empty', accepted: 1 });
  });

  it('keeps what was accepted when the source fails, and throws its error', async () => {
    const bob = node.person('Bob');
    const broken = new Error('broken source');
    async function* batches(): AsyncGenerator<string[]> {
      yield ['one'];
      throw broken;
    }
    const seen: string[] = [];
    const run = async (): Promise<void> => {
      for await (const results of client.sendAll('Bob', batches()))
        seen.push(...results.map((one) => one.id));
    };
    await expect(run()).rejects.toBe(broken);
    expect(seen).toEqual(node.messages.get(bob.conversation)?.map((one) => one.id));
    expect(seen).toHaveLength(1);
  });

  it('names an unknown peer', async () => {
    const run = async (): Promise<void> => {
      for await (const results of client.sendAll('Nobody', once(['one']))) expect(results).toEqual([]);
    };
    await expect(run()).rejects.toMatchObject({ code: 'peer-unknown' });
  });

  it('notices a node that dies in the middle', async () => {
    node.person('Bob');
    const never = Promise.withResolvers<void>();
    ending.push(() => never.resolve());
    async function* batches(): AsyncGenerator<string[]> {
      yield ['one'];
      await never.promise;
    }
    const run = async (): Promise<void> => {
      for await (const results of client.sendAll('Bob', batches())) {
        expect(results).toHaveLength(1);
        await node.crash();
      }
    };
    await expect(run()).rejects.toMatchObject({ code: 'node-silent' });
  });
});

describe('events', () => {
  it('fail at once where no node runs', async () => {
    await node.crash();
    const feed = client.events(new AbortController().signal)[Symbol.asyncIterator]();
    await expect(feed.next()).rejects.toMatchObject({ code: 'node-not-running' });
  });

  it('are all told after "connected", and end with the signal', async () => {
    const { next, stop } = follow();
    expect(await next()).toEqual({ type: 'connected', resumed: false });
    const peer = node.person('Bob');
    expect(await next()).toEqual({ type: 'peer', peer });
    node.settle(peer.conversation, ['x'], 'read');
    expect(await next()).toEqual({
      type: 'state',
      conversation: peer.conversation,
      state: 'read',
      ids: ['x'],
    });
    stop.abort();
    expect(await next()).toBeUndefined();
  });

  it('leave out kinds that they do not know', async () => {
    const { next } = follow();
    await next();
    node.emit({ type: 'later' } as never);
    node.emit({ type: 'resync' });
    expect(await next()).toEqual({ type: 'resync' });
  });

  it('go on after the last one when the connection breaks', async () => {
    const { next } = follow();
    await next();
    const bob = node.person('Bob');
    expect(await next()).toMatchObject({ type: 'peer' });
    node.cutStreams();
    const missed = node.receive(bob, 'while nobody listened');
    expect(await next()).toMatchObject({ type: 'disconnected' });
    expect(await next()).toEqual({ type: 'connected', resumed: true });
    expect(await next()).toEqual({ type: 'message', messages: missed });
  });

  it('find a node that was restarted', async () => {
    const { next } = follow();
    await next();
    await node.crash();
    expect(await next()).toMatchObject({ type: 'disconnected' });
    await node.listen();
    for (;;) {
      const item = await next();
      if (item?.type === 'connected') break;
      expect(item).toMatchObject({ type: 'disconnected' });
    }
  });
});

function follow(): { next: () => Promise<FeedItem | undefined>; stop: AbortController; feed: EventFeed } {
  const stop = new AbortController();
  ending.push(() => stop.abort());
  const feed = client.events(stop.signal);
  const items = feed[Symbol.asyncIterator]();
  return { next: async () => (await items.next()).value ?? undefined, stop, feed };
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}

async function listen(server: Server, port = 0): Promise<Server> {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return server;
}
