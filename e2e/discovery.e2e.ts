import { execFile, spawn } from 'node:child_process';
import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { promisify } from 'node:util';
import {
  ANNOUNCEMENT_VALIDITY_MS,
  type AnnouncementFields,
  type DiscoveryHealth,
  type PeerEntry,
  peerIdOfKey,
  type ProblemDetails,
  signAnnouncement,
  type SignedEntry,
  signWithdrawal,
  verifyAnnouncement,
} from '@p2p-chat/shared';
import { testKeys } from '@p2p-chat/shared/testing';
import supertest from 'supertest';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { baseEnvironment, DISCOVERY_MAIN, RunningProcess, waitFor, World } from './support/processes.js';

type Service = Awaited<ReturnType<World['discovery']>>;

const anna = testKeys('anna');
const ben = testKeys('ben');

/** Answers of the service, and nothing that it must not say. */
async function problem(test: supertest.Test): Promise<ProblemDetails & { fields: string[] }> {
  const response = await test;
  const body = response.body as ProblemDetails;
  expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(body.status).toBe(response.status);
  expect(body.type).toBe(`urn:p2p-chat:problem:${body.code}`);
  expect(body.title).not.toBe('');
  expect(response.text).not.toMatch(/\bat .*\.js|node_modules|stack/);
  return { ...body, fields: (body.errors ?? []).map(({ field }) => field) };
}

async function runService(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [DISCOVERY_MAIN, ...args], {
    env: { ...baseEnvironment(), DISCOVERY_HOST: '127.0.0.1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const run = new RunningProcess('discovery-service', child);
  const status = await run.exited;
  return { status, stdout: run.stdout, stderr: run.stderr };
}

/** Sends bytes and gives all that comes back until the service closes. */
async function exchange(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
  socket.write(bytes);
  await once(socket, 'close');
  return answer;
}

describe('discovery service', () => {
  const world = new World();
  let service: Service;
  beforeAll(async () => {
    service = await world.discovery();
  });
  afterAll(() => world.close());

  const http = (): ReturnType<typeof supertest> => supertest(service.url);
  const put = (body: object): supertest.Test => http().put('/').send(body);
  const listed = async (test: supertest.Test): Promise<PeerEntry[]> =>
    (await test.expect(200)).body as PeerEntry[];
  const list = (): Promise<PeerEntry[]> => listed(http().get('/'));
  let seq = 0;
  const sign = (keys: typeof anna, changes: Partial<AnnouncementFields> = {}): SignedEntry =>
    signAnnouncement(
      {
        host: '127.0.0.1',
        port: 7780,
        user: 'Anna',
        addresses: [],
        instance: 'i',
        seq: ++seq,
        expires: Date.now() + ANNOUNCEMENT_VALIDITY_MS,
        ...changes,
      },
      keys,
    );

  describe('PUT /', () => {
    it('registers, renews, and answers everyone, the caller included', async () => {
      const first = await put({ HOST: '192.0.2.1', PORT: 7001, USER: 'Plain One' }).expect(200);
      expect(first.headers['content-type']).toMatch(/^application\/json/);
      expect(Number(first.headers['x-renew-after'])).toBe(10);
      expect(first.body).toContainEqual({ HOST: '192.0.2.1', PORT: 7001, USER: 'Plain One' });
      const second = await put({
        HOST: '192.0.2.2',
        PORT: '7002',
        USER: 'Plain Two',
        EXTRA: { a: 1 },
      }).expect(200);
      expect(second.body).toEqual(
        expect.arrayContaining([
          { HOST: '192.0.2.1', PORT: 7001, USER: 'Plain One' },
          { HOST: '192.0.2.2', PORT: 7002, USER: 'Plain Two' },
        ]),
      );
      const renewed = await put({ HOST: '192.0.2.1', PORT: 7001, USER: 'Plain One' }).expect(200);
      expect(renewed.body).toEqual(second.body);
    });

    it.each([{}, { HOST: '' }, { HOST: '0.0.0.0' }, { HOST: '::' }, { HOST: null }])(
      'lists the address of the request for %j',
      async (host) => {
        const body = await listed(put({ ...host, PORT: 7003, USER: 'Open' }));
        expect(body).toContainEqual({ HOST: '127.0.0.1', PORT: 7003, USER: 'Open' });
      },
    );

    it('answers 204 without the list on request', async () => {
      const response = await put({ PORT: 7004, USER: 'Quiet' }).set('prefer', 'return=minimal').expect(204);
      expect([response.text, response.headers['preference-applied']]).toEqual(['', 'return=minimal']);
      expect((await list()).map(({ USER }) => USER)).toContain('Quiet');
    });

    it.each<[string, object, string]>([
      ['an empty USER', { PORT: 7005, USER: '' }, 'USER'],
      ['no USER', { PORT: 7005 }, 'USER'],
      ['an over-long USER', { PORT: 7005, USER: 'x'.repeat(65) }, 'USER'],
      ['an operator as USER', { PORT: 7005, USER: { $gt: '' } }, 'USER'],
      ['PORT 0', { PORT: 0, USER: 'Bad' }, 'PORT'],
      ['PORT 65536', { PORT: 65_536, USER: 'Bad' }, 'PORT'],
      ['PORT as a word', { PORT: 'http', USER: 'Bad' }, 'PORT'],
      ['an operator as PORT', { PORT: { $gt: 0 }, USER: 'Bad' }, 'PORT'],
      ['HOST of another type', { HOST: 5, PORT: 7005, USER: 'Bad' }, 'HOST'],
      ['an operator as HOST', { HOST: { $gt: '' }, PORT: 7005, USER: 'Bad' }, 'HOST'],
      ['a multicast HOST', { HOST: '224.0.0.251', PORT: 7005, USER: 'Bad' }, 'HOST'],
      ['a metadata HOST', { HOST: '169.254.169.254', PORT: 7005, USER: 'Bad' }, 'HOST'],
      ['a HOST that is none', { HOST: 'http://x/', PORT: 7005, USER: 'Bad' }, 'HOST'],
      ['a signature alone', { PORT: 7005, USER: 'Bad', SIGNATURE: 'x' }, 'PEER_ID'],
    ])('refuses %s, names the field, and changes nothing', async (_name, body, field) => {
      const before = await http().get('/');
      const refused = await problem(put(body));
      expect([refused.status, refused.fields]).toEqual([400, [field]]);
      const after = await http().get('/');
      expect([after.text, after.headers.etag]).toEqual([before.text, before.headers.etag]);
    });

    it.each<[string, string]>([
      ['broken JSON', '{"HOST":'],
      ['a list', '[]'],
      ['null', 'null'],
      ['nothing', ''],
      ['a prototype', '{"__proto__":{"PORT":1,"USER":"Bad"}}'],
    ])('refuses %s', async (_name, text) => {
      const refused = await problem(http().put('/').set('content-type', 'application/json').send(text));
      expect(refused.status).toBe(400);
      expect(refused.fields.length).toBeGreaterThan(0);
      expect((await list()).map(({ USER }) => USER)).not.toContain('Bad');
    });

    it('refuses what is not UTF-8', async () => {
      const bytes = Buffer.concat([
        Buffer.from('{"PORT":1,"USER":"'),
        Buffer.from([0xff]),
        Buffer.from('"}'),
      ]);
      const test = http()
        .put('/')
        .set('content-type', 'application/json')
        .serialize((value: unknown) => value as string);
      expect((await problem(test.send(bytes as unknown as string))).code).toBe('body-malformed');
    });

    it('takes a body up to 4096 bytes, and refuses one more with 413', async () => {
      const body = (size: number): string => {
        const empty = JSON.stringify({ PORT: 7006, USER: 'Large', PAD: '' });
        return empty.replace('"PAD":""', `"PAD":"${'x'.repeat(size - empty.length)}"`);
      };
      await http().put('/').set('content-type', 'application/json').send(body(4_096)).expect(200);
      const refused = await problem(
        http().put('/').set('content-type', 'application/json').send(body(4_097)),
      );
      expect([refused.status, refused.fields]).toEqual([413, ['body']]);
    });

    it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml'])(
      'refuses %s with 415',
      async (type) => {
        const refused = await problem(
          http().put('/').set('content-type', type).send('{"PORT":1,"USER":"Bad"}'),
        );
        expect([refused.status, refused.fields]).toEqual([415, ['content-type']]);
      },
    );
  });

  describe('signed announcements', () => {
    beforeEach(async () => {
      for (const { PEER_ID } of await list()) {
        const keys = [anna, ben].find(({ publicKey }) => peerIdOfKey(publicKey) === PEER_ID);
        if (keys === undefined) continue;
        await http()
          .delete(`/peers/${PEER_ID}`)
          .send(signWithdrawal({ instance: 'i', seq: ++seq }, keys))
          .expect(204);
      }
    });

    it('come back so that others can verify them', async () => {
      const entry = sign(anna, { host: '', addresses: ['::1'] });
      const body = await listed(put(entry));
      const found = body.find(({ PEER_ID }) => PEER_ID === entry.PEER_ID);
      expect(found).toMatchObject({ HOST: '127.0.0.1', SIGNED_HOST: '', USER: 'Anna' });
      expect(verifyAnnouncement(found!, Date.now()).hosts).toEqual(['127.0.0.1', '::1']);
    });

    it('are replaced by a higher SEQ alone', async () => {
      const old = sign(anna);
      const now = sign(anna, { user: 'Anna Two' });
      await put(now).expect(200);
      expect(await problem(put(old))).toMatchObject({
        status: 409,
        code: 'announcement-stale',
        seq: now.SEQ,
        fields: ['SEQ'],
      });
      const twin = sign(anna, { seq: now.SEQ, user: 'Twin' });
      expect(await problem(put(twin))).toMatchObject({ status: 409, seq: now.SEQ });
      await put(now).expect(200);
      expect((await list()).filter(({ PEER_ID }) => PEER_ID === now.PEER_ID)).toMatchObject([
        { USER: 'Anna Two' },
      ]);
    });

    it('are refused with one field changed, with the key of another, and expired', async () => {
      const entry = sign(anna);
      expect(await problem(put({ ...entry, USER: 'Mallory' }))).toMatchObject({
        status: 403,
        code: 'announcement-signature-wrong',
        fields: ['SIGNATURE'],
      });
      expect(await problem(put({ ...sign(ben), PEER_ID: entry.PEER_ID }))).toMatchObject({
        status: 403,
        code: 'announcement-key-mismatch',
      });
      const late = await problem(put(sign(anna, { expires: 1 })));
      expect(late).toMatchObject({ status: 400, code: 'announcement-expired', fields: ['EXPIRES'] });
      expect(Math.abs((late.now ?? 0) - Date.now())).toBeLessThan(60_000);
      const early = await problem(put(sign(anna, { expires: Date.now() + 86_400_000 })));
      expect(early).toMatchObject({ code: 'announcement-too-far-ahead', now: expect.any(Number) as number });
      expect((await list()).filter(({ PEER_ID }) => PEER_ID !== undefined)).toEqual([]);
    });

    it('are not shadowed by a plain entry at the same place', async () => {
      await put({ HOST: '127.0.0.1', PORT: 7790, USER: 'Mallory' }).expect(200);
      const body = await listed(put(sign(anna, { port: 7790 })));
      await put({ HOST: '127.0.0.1', PORT: 7790, USER: 'Mallory Two' }).expect(200);
      const here = body.filter(({ PORT }) => PORT === 7790);
      expect(here).toMatchObject([{ USER: 'Anna' }]);
      expect((await list()).filter(({ PORT }) => PORT === 7790)).toMatchObject([{ USER: 'Anna' }]);
    });

    it('are withdrawn by their key alone, and cannot be replayed', async () => {
      const entry = sign(anna);
      const id = entry.PEER_ID;
      await put(entry).expect(200);
      const remove = (body: object, peer = id): supertest.Test => http().delete(`/peers/${peer}`).send(body);

      const bens = signWithdrawal({ instance: 'i', seq: entry.SEQ }, ben);
      expect(await problem(remove(bens))).toMatchObject({ status: 403, code: 'announcement-key-mismatch' });
      const annas = signWithdrawal({ instance: 'i', seq: entry.SEQ }, anna);
      expect(await problem(remove({ ...annas, SEQ: entry.SEQ + 1 }))).toMatchObject({
        status: 403,
        code: 'announcement-signature-wrong',
      });
      expect(
        await problem(remove(signWithdrawal({ instance: 'i', seq: entry.SEQ - 1 }, anna))),
      ).toMatchObject({
        status: 409,
        seq: entry.SEQ,
      });
      expect(await problem(remove({ ...annas, KEY: { $gt: '' } }))).toMatchObject({
        status: 400,
        fields: ['KEY'],
      });
      expect(await problem(remove(bens, bens.KEY.slice(0, 20)))).toMatchObject({
        status: 404,
        code: 'peer-unknown',
      });
      expect((await list()).map(({ PEER_ID }) => PEER_ID)).toContain(id);

      await remove(annas).expect(204);
      expect((await list()).map(({ PEER_ID }) => PEER_ID)).not.toContain(id);
      expect(await problem(remove(annas))).toMatchObject({ status: 404 });
      expect(await problem(put(entry))).toMatchObject({
        status: 409,
        code: 'announcement-stale',
        seq: entry.SEQ,
      });
      await put(sign(anna)).expect(200);
    });
  });

  describe('everything else', () => {
    it('lists without registering, and answers 304 while nothing changes', async () => {
      await put({ PORT: 7010, USER: 'Etag' }).expect(200);
      const first = await http().get('/').expect(200);
      const etag = first.headers.etag!;
      expect((await http().get('/').set('if-none-match', etag).expect(304)).text).toBe('');
      await put({ PORT: 7010, USER: 'Etag' }).expect(200);
      await http().get('/').set('if-none-match', etag).expect(304);
      await put({ PORT: 7010, USER: 'Etag Two' }).expect(200);
      const second = await http().get('/').set('if-none-match', etag).expect(200);
      expect(second.headers.etag).not.toBe(etag);
    });

    it('says how it is, in JSON and for Prometheus', async () => {
      const health = (await http().get('/health').expect(200)).body as DiscoveryHealth;
      const entries = (await list()).length;
      expect(health).toMatchObject({ status: 'ok', peers: entries, version: expect.any(String) as string });
      expect(Math.abs(health.now - Date.now())).toBeLessThan(60_000);
      const metrics = await http().get('/metrics').expect(200);
      expect(metrics.headers['content-type']).toMatch(/^text\/plain/);
      expect(metrics.text).toMatch(/^p2p_chat_discovery_registrations_total\{outcome="joined"\} [1-9]/m);
      expect(metrics.text).toMatch(/^p2p_chat_discovery_refused_total\{code="request-invalid"\} [1-9]/m);
    });

    it('describes itself', async () => {
      const { body } = (await http().get('/docs-json').expect(200)) as {
        body: { paths: Record<string, object> };
      };
      expect(Object.keys(body.paths).sort()).toEqual([
        '/',
        '/events',
        '/health',
        '/metrics',
        '/peers/{peerId}',
      ]);
      expect((await http().get('/docs').expect(200)).headers['content-type']).toMatch(/^text\/html/);
    });

    it('refuses unknown routes, methods and addresses as problems', async () => {
      for (const path of ['/nothing', '/peers', '/peers/', '/peers/a/b', '/.env']) {
        expect(await problem(http().put(path).send({}))).toMatchObject({
          status: 404,
          code: 'route-unknown',
        });
      }
      for (const method of ['post', 'patch', 'delete', 'options'] as const) {
        const response = await http()[method]('/');
        expect([response.status, response.headers.allow]).toEqual([405, 'GET, HEAD, PUT']);
        expect(await problem(http()[method]('/'))).toMatchObject({ code: 'method-not-allowed' });
      }
      expect(await problem(http().post('/').set('content-type', 'text/plain').send('x'))).toMatchObject({
        status: 405,
      });
      expect(await problem(http().get('/peers/abc'))).toMatchObject({ status: 405 });
      const malformed = await exchange(
        service.port,
        'GET /%E0%A4%A HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      );
      expect(malformed).toMatch(/^HTTP\/1\.1 400 [^]*application\/problem\+json[^]*"code":"url-malformed"/);
    });

    it('refuses what is no HTTP as a problem, and goes on', async () => {
      const answer = await exchange(service.port, 'this is not HTTP\r\n\r\n');
      expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*application\/problem\+json[^]*"code":"request-malformed"/);
      const large = await exchange(
        service.port,
        `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`,
      );
      expect(large).toMatch(/^HTTP\/1\.1 431 [^]*"code":"headers-too-large"/);
      await http().get('/health').expect(200);
    });

    it('logs no request bodies', () => {
      expect(service.stderr).not.toContain('Plain One');
      for (const line of service.stderr.trim().split('\n'))
        expect(() => JSON.parse(line) as unknown).not.toThrow();
    });
  });
});

describe('discovery service, leases', () => {
  const world = new World();
  afterEach(() => world.close());

  it('keeps a plain client in another language as long as it renews, and no longer', async () => {
    const service = await world.discovery({ env: { DISCOVERY_LEASE_SECONDS: '2' } });
    // Knows nothing but the three fields. Python renews at two thirds of the lease; Other never does.
    const script = `
import http.client, json, sys, time
def put(port, user):
    c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))
    c.request('PUT', '/', json.dumps({'HOST': '', 'PORT': port, 'USER': user}), {'Content-Type': 'application/json'})
    r = c.getresponse()
    return [r.status, sorted(e['USER'] for e in json.loads(r.read()))]
put(7100, 'Other')
seen = [put('7101', 'Python')]
for i in range(3):
    time.sleep(2 * 2 / 3)
    seen.append(put('7101', 'Python'))
print(json.dumps(seen))
`;
    const { stdout } = await promisify(execFile)('python3', ['-c', script, String(service.port)]);
    const seen = JSON.parse(stdout) as [number, string[]][];
    expect(seen[0]).toEqual([200, ['Other', 'Python']]);
    expect(seen.slice(1).every(([status, users]) => status === 200 && users.includes('Python'))).toBe(true);
    expect(seen[3]).toEqual([200, ['Python']]);
    await waitFor(
      'the end of the lease',
      async () => (await (await fetch(service.url)).text()) === '[]',
      4_000,
    );
  });

  it('tells a client to come back three times in a lease', async () => {
    const service = await world.discovery({ env: { DISCOVERY_LEASE_SECONDS: '2' } });
    const response = await supertest(service.url).put('/').send({ PORT: 1, USER: 'Anna' });
    expect(response.headers['x-renew-after']).toBe('0.6');
  });

  it('refuses plain entries where it is told to', async () => {
    const service = await world.discovery({ env: { DISCOVERY_REQUIRE_SIGNED: 'on' } });
    const refused = await problem(supertest(service.url).put('/').send({ PORT: 1, USER: 'Anna' }));
    expect(refused).toMatchObject({ status: 403, code: 'signature-required' });
    expect(refused.hint).not.toBe('');
  });
});

describe('discovery service, process', () => {
  const world = new World();
  afterEach(() => world.close());

  async function start(
    env: Record<string, string> = {},
  ): Promise<RunningProcess & { host: string; port: number }> {
    const child = spawn(process.execPath, [DISCOVERY_MAIN], {
      env: { ...baseEnvironment(), DISCOVERY_HOST: '127.0.0.1', DISCOVERY_PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const running = world.track(new RunningProcess('discovery', child));
    const ready = await running.line(
      'ready line',
      (line) => JSON.parse(line) as { event: string; host: string; port: number },
    );
    expect(ready.event).toBe('ready');
    return Object.assign(running, { host: ready.host, port: ready.port });
  }

  it('prints one line on stdout when it answers, on any free port', async () => {
    const service = await start();
    await supertest(`http://127.0.0.1:${service.port}`).get('/health').expect(200);
    expect(service.stdout).toBe(
      `${JSON.stringify({ event: 'ready', host: '127.0.0.1', port: service.port })}\n`,
    );
  });

  it('listens on every address at once, IPv6 and IPv4', async () => {
    const service = await start({ DISCOVERY_HOST: '::' });
    const answer = await supertest(`http://127.0.0.1:${service.port}`)
      .put('/')
      .send({ PORT: 1, USER: 'Anna' });
    expect(answer.body).toEqual([{ HOST: '127.0.0.1', PORT: 1, USER: 'Anna' }]);
    await supertest(`http://[::1]:${service.port}`).get('/health').expect(200);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends in order within a second at %s, with connections open',
    async (signal) => {
      const service = await start();
      const idle = connect(service.port, '127.0.0.1');
      const kept = connect(service.port, '127.0.0.1');
      const half = connect(service.port, '127.0.0.1');
      await Promise.all([idle, kept, half].map((socket: Socket) => once(socket, 'connect')));
      kept.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n');
      await once(kept, 'data');
      half.write(
        'PUT / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{',
      );
      const closed = Promise.all(
        [idle, kept, half].map((socket: Socket) =>
          once(
            socket.on('error', () => undefined),
            'close',
          ),
        ),
      );
      const began = performance.now();
      expect(await service.stop(signal)).toBe(0);
      expect(performance.now() - began).toBeLessThan(1_000);
      await closed;
    },
  );

  it.each([
    ['DISCOVERY_PORT', '77777', '1 to 65535'],
    ['DISCOVERY_LEASE_SECONDS', 'soon', 'whole seconds'],
    ['DISCOVERY_STORE', 'redis://127.0.0.1/x', 'memory'],
    ['DISCOVERY_REQUIRE_SIGNED', 'yep', 'on or off'],
    ['LOG_LEVEL', 'loud', 'debug, info'],
  ])('does not start with %s=%s', async (variable, value, takes) => {
    const { status, stdout, stderr } = await runService([], { [variable]: value });
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`${variable} is ${JSON.stringify(value)}; it takes `);
    expect(stderr).toContain(takes);
    expect(stderr.trim().split('\n').slice(1)).toEqual([`  Correct ${variable} or unset it.`]);
  });

  it('says in one line that the port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const { status, stdout, stderr } = await runService([], { DISCOVERY_PORT: String(port) });
    server.close();
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      `Cannot listen on 127.0.0.1:${port}: port ${port} is taken: another discovery service may be running; set DISCOVERY_PORT to a free one.\n`,
    );
  });

  it('explains itself, and what it does not understand', async () => {
    const help = await runService(['--help']);
    expect([help.status, help.stderr]).toEqual([0, '']);
    expect(help.stdout).toMatch(/^Usage: [^]*DISCOVERY_PORT/);
    const wrong = await runService(['--helpme']);
    expect([wrong.status, wrong.stdout]).toEqual([2, '']);
    expect(wrong.stderr).toMatch(/--helpme[^]*Usage: /);
  });

  it('checks the health of the one that runs', async () => {
    const service = await start();
    const env = { DISCOVERY_PORT: String(service.port) };
    expect(await runService(['--healthcheck'], env)).toMatchObject({ status: 0, stderr: '' });
    await service.stop();
    const gone = await runService(['--healthcheck'], env);
    expect(gone.status).toBe(1);
    expect(gone.stderr).toContain('ECONNREFUSED');
  });
});
