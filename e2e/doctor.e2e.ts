import { once } from 'node:events';
import { access, readFile } from 'node:fs/promises';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { CONTROL_FILE, CONTROL_ROUTES, type ControlFile, PROBLEM_CONTENT_TYPE } from '@p2p-chat/shared';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { controlOf } from './support/control.ts';
import { diagnose, diagnoseWith, expectFailedHop, expectFailure, statesOf } from './support/doctor.ts';
import { freePort, type RunningDaemon, waitFor, World } from './support/processes.ts';

const HOUR = 3_600_000;

const world = new World();
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});
afterAll(() => world.close());

async function serve(listener: RequestListener, port = 0): Promise<string> {
  const server = createHttpServer(listener).listen(port, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A discovery service of which one thing is wrong: its clock, or what it says to an announcement. */
function oddRegistry({ aheadMs = 0, refuses = '' }): Promise<string> {
  return serve((request, response) => {
    if (request.url === '/health') {
      return response.end(JSON.stringify({ status: 'ok', now: Date.now() + aheadMs }));
    }
    if (refuses === '') return response.end('[]');
    return response
      .writeHead(403, { 'content-type': PROBLEM_CONTENT_TYPE })
      .end(JSON.stringify({ status: 403, code: refuses, detail: 'The signature is wrong.' }));
  });
}

describe('doctor between two people', () => {
  let url: string;
  let alice: RunningDaemon;
  let bob: RunningDaemon;
  beforeAll(async () => {
    ({ url } = await world.discovery());
    [alice, bob] = await Promise.all([
      world.daemon({ user: 'Alice', discovery: [url] }),
      world.daemon({ user: 'Bob', discovery: [url] }),
    ]);
    await alicesPeers(1);
  });

  const alicesPeers = (count: number): Promise<unknown> =>
    waitFor(`Alice to see ${count}`, async () => (await controlOf(alice).peers(false)).length === count);

  it('finds every hop well between two people, while both nodes run, and links them', async () => {
    const first = await diagnose(alice, 'Bob');
    expect(first.verdict).toEqual({ ok: true, sentence: 'All is well: Bob can be reached.', failed: null });
    expect(first.status).toBe(0);
    for (const hop of [
      'profile',
      'storage',
      'key',
      'gateway',
      'gateway-address',
      'registry-name',
      'registry-connect',
      'registry-http',
      'registry-clock',
      'registry-announcement',
      'peer-entry',
      'peer-connect',
      'peer-tls',
      'peer-identity',
      'peer-protocol',
    ] as const) {
      expect({ hop, states: statesOf(first, hop) }).toEqual({ hop, states: ['ok'] });
    }
    expect(statesOf(first, 'interface')).toEqual(['skipped']);
    expect(first.hops.find(({ hop }) => hop === 'peer-entry')!.detail).toMatch(
      /^http:.* \(signed \d+ s ago\)$/,
    );
    const again = await diagnose(bob, alice.peerId);
    expect(again.hops.find(({ hop }) => hop === 'peer-entry')!.detail).toMatch(/^linked/);
    expect(again.status).toBe(0);
  });

  it('is described with the rest of the control API, and takes what that says', async () => {
    const { port, token } = JSON.parse(await readFile(join(alice.home, CONTROL_FILE), 'utf8')) as ControlFile;
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`http://127.0.0.1:${port}/api/docs-json`, { headers });
    const { paths } = (await answer.json()) as { paths: Record<string, object> };
    expect(paths[CONTROL_ROUTES.diagnosis]).toHaveProperty('post');

    const refused = await fetch(`http://127.0.0.1:${port}${CONTROL_ROUTES.diagnosis}`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ peer: 5 }),
    });
    expect(refused.status).toBe(422);
    expect(await refused.json()).toMatchObject({ code: 'request-invalid', detail: 'peer must be a text.' });
  });

  it('refuses to guess who is meant', async () => {
    const other = await world.daemon({ user: 'Bob', discovery: [url] });
    await alicesPeers(2);
    const { status, stdout } = await alice.cli(['doctor', 'Bob', '--json']);
    expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
    await other.stop();
    await alicesPeers(1);
  });

  // Carl is listed for a lease; what is at his address is up to the test.
  it('names what is at the address of somebody who is listed: nothing, another key, a web server', async () => {
    const carl = await world.daemon({ user: 'Carl', discovery: [url] });
    await alicesPeers(2);
    await carl.kill();
    const { peerPort: port } = carl.ready;
    expectFailure(
      await diagnose(alice, carl.peerId),
      'peer-connect',
      new RegExp(`^The connection is refused at 127.0.0.1:${port}`),
      /does not run there, or a firewall rejects it/,
    );

    const eve = await world.daemon({ user: 'Eve', port });
    const found = await diagnose(alice, carl.peerId);
    expectFailure(
      found,
      'peer-identity',
      /answers with the key of \w{8}, not with that of \w{8}/,
      /nothing was sent/,
    );
    expect(statesOf(found, 'peer-protocol')).toEqual(['skipped']);
    await eve.stop();

    await serve((_request, response) => void response.end('Welcome'), port);
    expectFailure(
      await diagnose(alice, carl.peerId),
      'peer-tls',
      new RegExp(`^What listens at 127.0.0.1:${port} is no p2p-chat node`),
      /Another program has that port/,
    );
  });
});

describe('doctor', () => {
  it('runs a node for as long as it looks, where none runs', async () => {
    const home = await world.folder();
    const env = {
      P2P_CHAT_USER: 'Alice',
      P2P_CHAT_HOME: home,
      P2P_CHAT_HOST: '127.0.0.1',
      P2P_CHAT_PORT: String(await freePort()),
      DISCOVERY_URLS: '',
    };
    expect(await diagnoseWith({ env })).toMatchObject({ status: 0, verdict: { ok: true } });
    await expect(access(join(home, CONTROL_FILE))).rejects.toThrow('ENOENT');
  });

  it('names a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const env = {
      P2P_CHAT_USER: 'Alice',
      P2P_CHAT_HOME: await world.folder(),
      P2P_CHAT_HOST: '127.0.0.1',
      P2P_CHAT_PORT: String(port),
    };
    const found = await diagnoseWith({ env });
    expectFailure(found, 'node', new RegExp(`Port ${port} is taken by another program`), /P2P_CHAT_PORT/);
    other.close();
  });

  it('names what is wrong with each discovery service: name, port, answer, clock, signature', async () => {
    const refusing = `http://127.0.0.1:${await freePort()}`;
    const web = await serve((_request, response) => void response.writeHead(404).end('Not found'));
    const [ahead, behind] = [await oddRegistry({ aheadMs: HOUR }), await oddRegistry({ aheadMs: -HOUR })];
    const strict = await oddRegistry({ refuses: 'announcement-signature-wrong' });
    const unknown = 'http://no-such-machine.invalid:7777';
    const alice = await world.daemon({
      user: 'Alice',
      discovery: [unknown, refusing, web, ahead, behind, strict],
    });
    const found = await diagnose(alice);
    for (const [subject, hop, detail, advice] of [
      [unknown, 'registry-name', /The name no-such-machine\.invalid/, /DISCOVERY_URLS/],
      [refusing, 'registry-connect', /^The connection is refused|is refused/, /DISCOVERY_URLS/],
      [web, 'registry-http', /answers \/health with HTTP 404/, /DISCOVERY_URLS/],
      [ahead, 'registry-clock', /is 60 min ahead of this machine's/, /timedatectl/],
      [behind, 'registry-clock', /is 60 min behind this machine's/, /timedatectl/],
      [
        strict,
        'registry-announcement',
        /answered 403: The signature is wrong\./,
        /Something in between changes/,
      ],
    ] as const) {
      expectFailedHop(found, { hop, subject }, detail, advice);
    }
    // A wrong clock is no reason not to be listed.
    expect(statesOf(found, 'registry-announcement').filter((state) => state === 'ok')).toHaveLength(2);
    expectFailure(found, 'registry-name', /no-such-machine/, /DISCOVERY_URLS/);
    await alice.stop();
  });

  it('names who is unknown, and who is offline', async () => {
    const bob = await world.daemon({ user: 'Bob' });
    const alice = await world.daemon({ user: 'Alice', peers: [`127.0.0.1:${bob.ready.peerPort}`] });
    expectFailure(await diagnose(alice, 'Zoe'), 'peer-entry', /^Nobody lists "Zoe"/, /p2p-chat peers --all/);
    await waitFor('Alice to see Bob', async () => (await controlOf(alice).peers(false)).length === 1);
    expect(await alice.cli(['send', 'Bob', 'hello', '--wait', 'delivered'])).toMatchObject({ status: 0 });
    await bob.kill();
    await waitFor('Bob to be gone', async () => (await controlOf(alice).peers(false)).length === 0);
    const found = await diagnose(alice, 'Bob');
    expectFailure(found, 'peer-entry', /^Nobody lists Bob now; the last link was \d+ s ago\.$/, /Ask Bob/);
    expect(statesOf(found, 'peer-connect')).toEqual(['failed']);
  });

  it('tells each hop as soon as it is done, and what it looks at meanwhile', async () => {
    const seen = Promise.withResolvers<void>();
    const url = await serve((request, response) => {
      if (request.url !== '/health') return response.end('[]');
      // Silent until the client has been told what is slow.
      void seen.promise.then(() => response.end(JSON.stringify({ status: 'ok', now: Date.now() })));
      return undefined;
    });
    const alice = await world.daemon({ user: 'Alice', discovery: [url] });
    const types: string[] = [];
    for await (const line of controlOf(alice).diagnose()) {
      types.push(line.type);
      if (line.type === 'looking' && line.at.some(({ subject }) => subject === url)) seen.resolve();
      if (line.type === 'verdict') expect(line).toMatchObject({ ok: true });
    }
    expect(types.slice(0, 3)).toEqual(['looking', 'hop', 'hop']);
    expect(types.at(-1)).toBe('verdict');
  });
});
