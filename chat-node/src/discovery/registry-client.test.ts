import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from 'node:net';
import {
  ANNOUNCEMENT_VALIDITY_MS,
  MAX_DISCOVERY_LIST_BYTES,
  type SignedEntry,
  signAnnouncement,
  signWithdrawal,
} from '@p2p-chat/shared';
import { testKeys } from '@p2p-chat/shared/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { RegistryClient } from './registry-client.js';
import { RegistryFailure, unreachable } from './registry-failure.js';

const keys = testKeys('anna');
const own: SignedEntry = signAnnouncement(
  {
    host: '192.0.2.1',
    port: 7780,
    user: 'Anna',
    addresses: [],
    instance: 'i',
    seq: 1,
    expires: Date.now() + ANNOUNCEMENT_VALIDITY_MS,
  },
  keys,
);
const never = new AbortController().signal;

describe('RegistryClient', () => {
  let server: Server | TcpServer;
  let client: RegistryClient;
  afterEach(() => {
    client.close();
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  });

  async function serve(listener: RequestListener, path = ''): Promise<void> {
    server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = new RegistryClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
  }
  async function failure(run: Promise<unknown>): Promise<RegistryFailure> {
    const error: unknown = await run.then(
      () => new Error('nothing failed'),
      (reason: unknown) => reason,
    );
    if (error instanceof RegistryFailure) return error;
    throw error;
  }

  it('puts the announcement and takes the list, with the time to come back', async () => {
    const received: unknown[] = [];
    await serve((request, response) => {
      let body = '';
      request.on('data', (text) => (body += String(text)));
      request.on('end', () => {
        received.push(request.method, request.url, request.headers['content-type'], JSON.parse(body));
        response.setHeader('x-renew-after', '2.5').end('[{"HOST":"a"}]');
      });
    }, '/base');
    expect(await client.register(own, never)).toEqual({
      changes: { cursor: null, reset: true, present: [{ HOST: 'a' }], left: [] },
      renewAfterMs: 2_500,
      registryId: null,
    });
    expect(received).toEqual(['PUT', '/base/', 'application/json', own]);
  });

  it.each([
    [undefined, 10_000],
    ['soon', 10_000],
    ['-5', 10_000],
    ['0', 10_000],
    ['1e9', 60_000],
  ])('takes %s as the time to come back in %i ms', async (header, ms) => {
    await serve((_request, response) => {
      if (header !== undefined) response.setHeader('x-renew-after', header);
      response.end('[]');
    });
    expect((await client.register(own, never)).renewAfterMs).toBe(ms);
  });

  it('withdraws, and is content where nothing was listed', async () => {
    const statuses = [204, 404, 403];
    const urls: unknown[] = [];
    await serve((request, response) => {
      urls.push(`${request.method} ${request.url}`);
      response.writeHead(statuses.shift()!).end();
    });
    const withdrawal = signWithdrawal({ instance: 'i', seq: 1 }, keys);
    await client.withdraw(own.PEER_ID, withdrawal, never);
    await client.withdraw(own.PEER_ID, withdrawal, never);
    expect((await failure(client.withdraw(own.PEER_ID, withdrawal, never))).code).toBe('registry-refused');
    expect(urls[0]).toBe(`DELETE /peers/${own.PEER_ID}`);
  });

  it.each([
    ['no number', 'x'],
    ['before 1970', -1],
    ['after the year 2200', Number.MAX_SAFE_INTEGER],
  ])(
    'says what a service refuses, made safe to show, and when to come back (its time: %s)',
    async (_, now) => {
      await serve((_request, response) => {
        response.writeHead(409, { 'retry-after': '7' });
        response.end(
          JSON.stringify({ code: 'announcement-stale', detail: 'bad\u001b[31m\nnews', seq: 9, now }),
        );
      });
      const refused = await failure(client.register(own, never));
      expect(refused).toMatchObject({
        code: 'registry-refused',
        problem: { code: 'announcement-stale', seq: 9 },
        retryAfterMs: 7_000,
      });
      expect(refused.problem.now).toBeUndefined();
      expect(refused.message).toMatch(/^http:\/\/127\.0\.0\.1:\d+ answered 409: bad news$/);
    },
  );

  it.each(['<html>', '{"a":1}', '', 'null'])('does not take %j for a list', async (body) => {
    await serve((_request, response) => response.end(body));
    const refused = await failure(client.register(own, never));
    expect(refused.code).toBe('registry-nonsense');
    expect(refused.message).toMatch(/is it a discovery service\?$/);
  });

  it('does not follow a redirect', async () => {
    let requests = 0;
    await serve((_request, response) => {
      requests += 1;
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    expect((await failure(client.register(own, never))).message).toMatch(/answered 307/);
    expect(requests).toBe(1);
  });

  it('says that nothing listens there', async () => {
    await serve(() => undefined);
    server.close();
    const refused = await failure(client.register(own, never));
    expect(refused.message).toMatch(
      /^connection refused at http:\/\/127\.0\.0\.1:\d+: is the discovery service running there\?$/,
    );
  });

  it('says that something else answers there', async () => {
    server = createTcpServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = new RegistryClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect((await failure(client.register(own, never))).message).toMatch(
      /does not speak HTTP: is it a discovery service\?$/,
    );
  });

  it('asks again where the service closes an idle connection just then', async () => {
    const connections: number[] = [];
    server = createTcpServer((socket) => {
      const place = connections.push(0) - 1;
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        if (!chunk.includes('HTTP/1.1')) return;
        connections[place]! += 1;
        if (connections[place] === 2) socket.resetAndDestroy();
        else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]');
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = new RegistryClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await client.register(own, never);
    expect((await client.register(own, never)).changes?.present).toEqual([]);
    expect(connections).toEqual([2, 1]);
  });

  it('reads no more than a list can have', async () => {
    await serve((_request, response) => {
      response.on('error', () => undefined).end(Buffer.alloc(MAX_DISCOVERY_LIST_BYTES + 1, ' '));
    });
    expect((await failure(client.register(own, never))).message).toMatch(/sent more than a list can have/);
  });

  it('takes the largest answer that a list can have', async () => {
    await serve((_request, response) => response.end('[]'.padEnd(MAX_DISCOVERY_LIST_BYTES)));
    expect((await client.register(own, never)).changes?.present).toEqual([]);
  });

  it('stops asking when it is told to', async () => {
    const stop = new AbortController();
    await serve(() => stop.abort());
    expect((await failure(client.register(own, stop.signal))).code).toBe('registry-unreachable');
  });
});

describe('unreachable', () => {
  const url = new URL('http://box.lan:7777/');
  const sentence = (code: string): string =>
    unreachable(url, Object.assign(new Error('x'), { code })).message;

  it.each([
    ['ECONNREFUSED', 'connection refused at http://box.lan:7777: is the discovery service running there?'],
    ['ENOTFOUND', 'the name box.lan is not known: check DISCOVERY_URLS, or use the address instead'],
    ['EHOSTUNREACH', 'no route to http://box.lan:7777: is this machine connected to that network?'],
    [
      'ETIMEDOUT',
      'no answer from http://box.lan:7777: is that machine on, and does no firewall stand between?',
    ],
    ['ECONNRESET', 'http://box.lan:7777 closed the connection: is it a discovery service?'],
    ['EWHATEVER', 'http://box.lan:7777 cannot be asked: x'],
  ])('says what to look at for %s', (code, text) => {
    expect(sentence(code)).toBe(text);
  });

  it('says so where there was no answer in time', () => {
    const late = new DOMException('late', 'TimeoutError');
    expect(unreachable(url, late).message).toMatch(/^no answer from/);
  });
});
