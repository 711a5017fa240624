import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, readdir, readFile, stat } from 'node:fs/promises';
import { type IncomingMessage, request, type RequestOptions } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  CONTROL_FILE,
  CONTROL_ROUTES,
  type ControlFile,
  MAX_BODY_BYTES,
  MAX_CONTROL_BODY_BYTES,
  MAX_HISTORY_PAGE,
  MAX_SEARCH_CHARACTERS,
  MAX_SEARCH_PAGE,
  type MessageView,
  type ProblemDetails,
  type SendResult,
  type StreamResult,
} from '@p2p-chat/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { acquaint } from './support/control.ts';
import { type RunningDaemon, waitFor, World } from './support/processes.ts';

const world = new World();
let alice: RunningDaemon;
let bob: RunningDaemon;
let control: ControlFile;

beforeAll(async () => {
  bob = await world.daemon({ user: 'Bob' });
  const umask = process.umask(0);
  alice = await world.daemon({ user: 'Alice', peers: [`127.0.0.1:${bob.ready.peerPort}`] });
  process.umask(umask);
  control = await controlFile(alice);
  await waitFor('Alice to see Bob', async () => (await alice.json(['peers'])).length === 1);
  await acquaint(alice, bob);
});
afterAll(() => world.close());

async function controlFile(daemon: RunningDaemon): Promise<ControlFile> {
  return JSON.parse(await readFile(join(daemon.home, CONTROL_FILE), 'utf8')) as ControlFile;
}

interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
}

/** What is looked at of a description by OpenAPI. */
interface OpenApiDocument {
  paths: Record<string, Record<string, { summary?: string }>>;
  components: { schemas: Record<string, unknown> };
}

/** One request to Alice's node, with her token unless the headers say otherwise. */
async function ask(
  path: string,
  options: Omit<RequestOptions, 'headers'> & {
    headers?: Record<string, string | undefined>;
    body?: string | Buffer;
  } = {},
): Promise<Answer> {
  const { body, headers = {}, ...rest } = options;
  const all: Record<string, string | undefined> = {
    authorization: `Bearer ${control.token}`,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...headers,
  };
  const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >;
  const asked = request({
    host: '127.0.0.1',
    port: control.port,
    path,
    agent: false,
    ...rest,
    headers: given,
  });
  // A server that refuses early may close before it has read all of the body.
  const failed = new Promise<never>((_, reject) => asked.once('error', reject));
  asked.end(body);
  const answer = await Promise.race([
    once(asked, 'response').then(([response]) => response as IncomingMessage),
    failed,
  ]);
  failed.catch(() => undefined);
  let text = '';
  for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
  return { status: answer.statusCode ?? 0, headers: answer.headers, text };
}

/** What an error must look like, whatever it is about. */
function problemIn({ status, headers, text }: Answer): ProblemDetails {
  expect(headers['content-type']).toMatch(/^application\/problem\+json/);
  const problem = JSON.parse(text) as ProblemDetails;
  expect(problem).toMatchObject({
    type: `urn:p2p-chat:problem:${problem.code}`,
    title: expect.any(String) as string,
    status,
    detail: expect.stringMatching(/\.$/) as string,
    code: expect.stringMatching(/^[a-z-]+$/) as string,
  });
  expect(text).not.toContain(control.token);
  expect(text).not.toMatch(/node_modules|\.js:\d/);
  return problem;
}

const post = (path: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(path, { method: 'POST', body, headers });
const messagesOfBob = CONTROL_ROUTES.messages('Bob');

describe('the files of a running node', () => {
  it('are for their owner alone, whatever the umask is', async () => {
    const entries = await readdir(alice.home, { recursive: true, withFileTypes: true });
    expect(entries.length).toBeGreaterThan(4);
    for (const entry of entries) {
      const path = join(entry.parentPath, entry.name);
      const mode = (await stat(path)).mode & 0o777;
      expect([path, mode.toString(8)]).toEqual([path, entry.isDirectory() ? '700' : '600']);
    }
  });

  it('hold a new token after every start and none after the end; looser ones are refused', async () => {
    const first = await world.daemon({ user: 'Carol' });
    const before = await controlFile(first);
    await first.stop();
    await expect(stat(join(first.home, CONTROL_FILE))).rejects.toMatchObject({ code: 'ENOENT' });
    const second = await world.restart(first);
    const after = await controlFile(second);
    expect(after.peerId).toBe(before.peerId);
    expect(after.token).not.toBe(before.token);
    // 32 bytes: as hard to guess as the key itself.
    expect(Buffer.from(after.token, 'base64url')).toHaveLength(32);
    await second.kill();

    // A crash leaves the file; somebody makes it readable.
    await chmod(join(first.home, CONTROL_FILE), 0o644);
    const refused = await world.spawnDaemon(first.options);
    expect(await refused.exited).toBe(1);
    expect(refused.stderr).toContain('may be read or changed by others (mode 644)');
    expect(refused.stderr).toContain("chmod 600 '");
  });

  it('is the only place of the token: no log line and no command line has it', async () => {
    expect(`${alice.stdout}${alice.stderr}`).not.toContain(control.token);
    const commandLine = await readFile(`/proc/${alice.child.pid}/cmdline`, 'utf8');
    const environment = await readFile(`/proc/${alice.child.pid}/environ`, 'utf8');
    expect(`${commandLine}${environment}`).not.toContain(control.token);
  });
});

describe('who is let in', () => {
  it.each([
    ['no token', undefined, 'token-missing'],
    ['an empty one', 'Bearer ', 'token-missing'],
    ['another scheme', 'Basic YTpi', 'token-missing'],
    ['a wrong one', `Bearer ${'A'.repeat(43)}`, 'token-wrong'],
    ['one of another length', 'Bearer x', 'token-wrong'],
  ])('%s is refused on every route', async (_what, authorization, code) => {
    const headers = { authorization };
    for (const path of [
      '/api/status',
      '/api/peers',
      '/api/events',
      '/api/docs',
      '/api/docs-json',
      '/',
      '/no/such/route',
    ]) {
      const answer = await ask(path, { headers });
      expect([path, answer.status]).toEqual([path, 401]);
      expect(problemIn(answer).code).toBe(code);
    }
    const logout = await ask(CONTROL_ROUTES.logout, { method: 'POST', headers });
    expect(logout.status).toBe(401);
    expect(alice.running).toBe(true);
  });

  it('nobody by a prefix of the token, or by the token and more', async () => {
    for (const token of [control.token.slice(0, -1), `${control.token}x`, `${control.token}, x`]) {
      const answer = await ask('/api/status', { headers: { authorization: `Bearer ${token}` } });
      expect(problemIn(answer)).toMatchObject({ status: 401, code: 'token-wrong' });
    }
  });

  it.each([
    'evil.example',
    `evil.example:7781`,
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '192.0.2.7',
    '0.0.0.0',
    'localhost@evil.example',
  ])('a name that was rebound to this machine (Host: %j) is refused, even with the token', async (host) => {
    expect(problemIn(await ask('/api/status', { headers: { host } }))).toMatchObject({
      status: 403,
      code: 'host-refused',
    });
  });

  it.each(['127.0.0.1', 'localhost', 'LOCALHOST', '[::1]'])(
    'Host: %s with any port is let in',
    async (host) => {
      expect((await ask('/api/status', { headers: { host: `${host}:1` } })).status).toBe(200);
    },
  );

  it.each([
    'http://evil.example',
    'https://127.0.0.1.evil.example',
    'null',
    'file://',
    'chrome-extension://x',
  ])('a page of %s is refused, even with the token', async (origin) => {
    expect(problemIn(await ask('/api/status', { headers: { origin } }))).toMatchObject({
      status: 403,
      code: 'origin-refused',
    });
  });

  it('no answer invites a browser: no CORS header, to a preflight neither', async () => {
    const origin = 'http://evil.example';
    const answers = [
      await ask('/api/status'),
      await ask('/api/status', { headers: { origin } }),
      await ask('/api/status', {
        method: 'OPTIONS',
        headers: {
          origin,
          authorization: undefined,
          'access-control-request-method': 'GET',
          'access-control-request-headers': 'authorization',
        },
      }),
    ];
    for (const { headers } of answers) {
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
    expect(answers.map(({ status }) => status)).toEqual([200, 403, 403]);
  });

  it('is asked before the body is read', async () => {
    const answer = await ask(messagesOfBob, {
      method: 'POST',
      body: '{',
      headers: { authorization: undefined },
    });
    expect(problemIn(answer).code).toBe('token-missing');
  });
});

describe('what is no request', () => {
  const withToken = (): string => `authorization: Bearer ${control.token}`;

  it.each([
    ['an empty Host', () => `GET /api/status HTTP/1.1\r\nHost:\r\n${withToken()}`, 403, 'host-refused'],
    [
      'two of them',
      () => `GET /api/status HTTP/1.1\r\nHost: x\r\nHost: 127.0.0.1\r\n${withToken()}`,
      403,
      'host-refused',
    ],
    [
      'a length and chunks',
      () => `POST /api/logout HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked`,
      400,
      'request-malformed',
    ],
    [
      'two lengths',
      () => `POST /api/logout HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nContent-Length: 6`,
      400,
      'request-malformed',
    ],
    ['a newline alone after a header', () => `GET / HTTP/1.1\nHost: 127.0.0.1`, 400, 'request-malformed'],
    ['TLS', () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'request-malformed'],
    [
      'a header of 20,000 bytes',
      () => `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${'a'.repeat(20_000)}`,
      431,
      'headers-too-large',
    ],
    [
      'a broken escape',
      () => `GET /api/peers/%zz HTTP/1.1\r\nHost: 127.0.0.1\r\n${withToken()}`,
      400,
      'url-malformed',
    ],
  ])('is refused as a problem: %s', async (_what, head, status, code) => {
    const socket = connect(control.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.end(`${head()}\r\nConnection: close\r\n\r\n`, 'latin1');
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    await once(socket, 'close');
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(text).toContain(`"code":"${code}"`);
    expect(text).not.toContain(control.token);
    expect(alice.running).toBe(true);
  });
});

describe('a body that is no request', () => {
  it.each([
    ['not JSON', '{"body":', 400, 'request-malformed'],
    ['a list', '[]', 422, 'request-invalid'],
    ['a text', '"hi"', 422, 'request-invalid'],
    ['null', 'null', 422, 'request-invalid'],
    ['nothing', '{}', 422, 'request-invalid'],
    ['an operator where a text belongs', '{"body":{"$gt":""}}', 422, 'request-invalid'],
    ['a number', '{"body":1}', 422, 'request-invalid'],
    ['a list of texts', '{"body":["a"]}', 422, 'request-invalid'],
    ['an empty text', '{"body":""}', 422, 'body-empty'],
    ['half a character', '{"body":"\\ud800"}', 422, 'body-malformed'],
    ['a key that would reach the prototype', '{"__proto__":{"body":"x"}}', 400, 'request-malformed'],
    [
      'a key that would reach the constructor',
      '{"constructor":{"prototype":{"body":"x"}}}',
      400,
      'request-malformed',
    ],
    ['10,000 levels of lists', `{"body":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, 422, 'request-invalid'],
  ])('is refused: %s', async (_what, body, status, code) => {
    expect(problemIn(await post(messagesOfBob, body))).toMatchObject({ status, code });
  });

  it('names the field and the reason', async () => {
    expect(problemIn(await post(messagesOfBob, '{"body":{"$ne":1}}')).errors).toEqual([
      { field: 'body', reason: 'must be a text' },
    ]);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'x'])(
    'is refused as %s, which a form of a web page could send',
    async (type) => {
      const answer = await post(messagesOfBob, 'body=x', { 'content-type': type });
      expect(problemIn(answer)).toMatchObject({ status: 415, code: 'content-type-unsupported' });
    },
  );

  it('is taken at the limit of a message and refused past it', async () => {
    expect((await post(messagesOfBob, JSON.stringify({ body: 'é'.repeat(MAX_BODY_BYTES / 2) }))).status).toBe(
      201,
    );
    const past = await post(messagesOfBob, JSON.stringify({ body: `${'é'.repeat(MAX_BODY_BYTES / 2)}a` }));
    expect(problemIn(past)).toMatchObject({ status: 413, code: 'body-too-large' });
  });

  it('is refused by its size alone past the limit of a request', async () => {
    const fits = '{"body":""}'.padEnd(MAX_CONTROL_BODY_BYTES, ' ');
    expect(problemIn(await post(messagesOfBob, fits)).code).toBe('body-empty');
    expect(problemIn(await post(messagesOfBob, `${fits} `))).toMatchObject({
      status: 413,
      code: 'body-too-large',
    });
  });

  it('does not choose the peer by an operator or a path', async () => {
    for (const peer of ['{"$gt":""}', '../status', '%00', '__proto__', 'constructor']) {
      const answer = await post(CONTROL_ROUTES.messages(peer), '{"body":"x"}');
      expect([peer, problemIn(answer).code]).toEqual([peer, 'peer-unknown']);
    }
  });
});

describe('a page of history', () => {
  it.each([
    ['limit=0', 'limit'],
    [`limit=${MAX_HISTORY_PAGE + 1}`, 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=x', 'limit'],
    ['limit=', 'limit'],
    ['limit=1e2', 'limit'],
    ['limit=9999999999999999999999', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['limit[$gt]=1', undefined],
    ['before=x', 'before'],
    ['after[$gt]=', undefined],
    ['before=a&before=b', 'before'],
    [`before=${randomUUID().toUpperCase()}`, 'before'],
    [`before=${randomUUID()}&after=${randomUUID()}`, 'after'],
  ])('with %s is refused, naming the field', async (query, field) => {
    const answer = await ask(`${messagesOfBob}?${query}`);
    // A field in brackets is another field, which nobody asks for.
    if (field === undefined) return expect(answer.status).toBe(200);
    const problem = problemIn(answer);
    expect(problem).toMatchObject({ status: 422, code: 'request-invalid' });
    expect(problem.errors?.map((error) => error.field)).toEqual([field]);
  });

  it(`is taken with the limits 1 and ${MAX_HISTORY_PAGE}`, async () => {
    for (const limit of [1, MAX_HISTORY_PAGE]) {
      expect((await ask(`${messagesOfBob}?limit=${limit}`)).status).toBe(200);
    }
  });

  it('before a message that is not there is a 404', async () => {
    expect(problemIn(await ask(`${messagesOfBob}?before=${randomUUID()}`))).toMatchObject({
      status: 404,
      code: 'message-unknown',
    });
  });

  it('goes back and forth by ids without a gap', async () => {
    const sent: string[] = [];
    for (const body of ['one', 'two', 'three', 'four']) {
      const answer = await post(messagesOfBob, JSON.stringify({ body }));
      sent.push((JSON.parse(answer.text) as SendResult).id);
    }
    const page = async (query: string): Promise<string[]> =>
      (JSON.parse((await ask(`${messagesOfBob}?${query}`)).text) as MessageView[]).map(({ body }) => body);
    expect(await page('limit=2')).toEqual(['three', 'four']);
    expect(await page(`limit=2&before=${sent[2]}`)).toEqual(['one', 'two']);
    expect(await page(`limit=2&after=${sent[0]}`)).toEqual(['two', 'three']);
    expect(await page(`after=${sent[3]}`)).toEqual([]);
  });
});

describe('a search', () => {
  it(`finds 1 to ${MAX_SEARCH_PAGE} messages at once, for at most ${MAX_SEARCH_CHARACTERS} characters`, async () => {
    const query = (limit: number, length: number): string =>
      `${CONTROL_ROUTES.search}?text=${'x'.repeat(length)}&limit=${limit}`;
    for (const limit of [1, MAX_SEARCH_PAGE]) expect((await ask(query(limit, 1))).status).toBe(200);
    expect((await ask(query(1, MAX_SEARCH_CHARACTERS))).status).toBe(200);
    for (const refused of [query(0, 1), query(MAX_SEARCH_PAGE + 1, 1), query(1, MAX_SEARCH_CHARACTERS + 1)]) {
      expect(problemIn(await ask(refused))).toMatchObject({ status: 422, code: 'request-invalid' });
    }
  });
});

describe('the description of the interface', () => {
  it('is made when somebody asks, of every route, with what it takes and says', async () => {
    const asked = await Promise.all([ask('/api/docs-json'), ask('/api/docs-json')]);
    const [document, again] = asked.map(({ text }) => JSON.parse(text) as OpenApiDocument);
    expect(again).toEqual(document);
    expect(document?.paths['/api/peers/{peer}/messages']?.['post']).toMatchObject({
      tags: ['messages'],
      security: [{ bearer: [] }],
      requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/SendDto' } } } },
    });
    expect(document?.components.schemas['SendDto']).toMatchObject({
      properties: { body: { type: 'string', description: 'Text of 1 byte to 64 KiB of UTF-8.' } },
      required: ['body'],
    });
    const operations = Object.values(document?.paths ?? {}).flatMap((path) => Object.values(path));
    expect(operations.length).toBeGreaterThan(20);
    expect(operations.filter(({ summary }) => !summary)).toEqual([]);
  });

  it('has a page, and nothing beside it', async () => {
    expect((await ask('/api/docs')).headers['content-type']).toMatch(/^text\/html/);
    expect((await ask('/api/docs/swagger-ui-init.js')).text).toContain('p2p-chat control API');
    expect(problemIn(await ask('/api/docs/no/such/file'))).toMatchObject({ status: 404 });
    expect(problemIn(await ask('/api/docs', { method: 'POST' }))).toMatchObject({ status: 404 });
  });
});

describe('a message stream', () => {
  const NDJSON = { 'content-type': 'application/x-ndjson' };
  const route = CONTROL_ROUTES.messageStream('Bob');
  const results = ({ text }: Answer): StreamResult[] =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as StreamResult);
  const acceptedIn = (lines: StreamResult[]): string[] =>
    lines.flatMap((line) => ('accepted' in line ? line.accepted.ids : []));

  it('is accepted in its order', async () => {
    const bodies = Array.from({ length: 2_500 }, (_, index) => `in order ${index}`);
    const answer = await post(route, bodies.map((body) => `${JSON.stringify(body)}\n`).join(''), NDJSON);
    const ids = acceptedIn(results(answer));
    expect(ids).toHaveLength(bodies.length);
    const stored: string[] = [];
    for (let after = ids[0]; after !== undefined && after !== ids.at(-1);) {
      const page = await ask(`${messagesOfBob}?limit=1000&after=${after}`);
      const messages = JSON.parse(page.text) as MessageView[];
      stored.push(...messages.map(({ body }) => body));
      after = messages.at(-1)?.id;
    }
    expect(stored).toEqual(bodies.slice(1));
  });

  it.each([
    ['a line that is not JSON', '{"a', 'request-invalid'],
    ['a line that is no text', '{"$gt":""}', 'request-invalid'],
    ['an empty text', '""', 'body-empty'],
    ['half a character', '"\\ud800"', 'body-malformed'],
    ['a text past the limit', JSON.stringify('x'.repeat(MAX_BODY_BYTES + 1)), 'body-too-large'],
    ['a line past the limit of a request', `"${'x'.repeat(MAX_CONTROL_BODY_BYTES)}`, 'body-too-large'],
  ])('ends at %s, and says how many were accepted before', async (_what, line, code) => {
    const answer = await post(route, `"first"\n"second"\n${line}\n"never"\n`, NDJSON);
    expect(answer.status).toBe(200);
    const lines = results(answer);
    expect(acceptedIn(lines)).toHaveLength(2);
    expect(lines.at(-1)).toMatchObject({ error: { code, accepted: 2 } });
    const last = await ask(`${messagesOfBob}?limit=2`);
    expect((JSON.parse(last.text) as MessageView[]).map(({ body }) => body)).toEqual(['first', 'second']);
  });

  it('to somebody who is not known is refused as a whole', async () => {
    const answer = await post(CONTROL_ROUTES.messageStream('Nobody'), '"x"\n', NDJSON);
    expect(problemIn(answer)).toMatchObject({ status: 404, code: 'peer-unknown' });
  });

  it('of another type is refused', async () => {
    expect(problemIn(await post(route, '["x"]'))).toMatchObject({
      status: 415,
      code: 'content-type-unsupported',
    });
  });

  it('answers while lines are still to come, and keeps what it accepted when the client breaks off', async () => {
    const socket = await rawRequest(route, [
      'content-type: application/x-ndjson',
      'transfer-encoding: chunked',
    ]);
    socket.write('9\r\n"kept 1"\n\r\n');
    await until(socket, (text) => text.includes('"accepted"'));
    socket.destroy();
    const [last] = JSON.parse((await ask(`${messagesOfBob}?limit=1`)).text) as MessageView[];
    expect(last?.body).toBe('kept 1');
  });
});

describe('the events', () => {
  it('go on after the last one that was seen', async () => {
    const first = await events();
    await until(first, (text) => text.includes(': listening'));
    await post(messagesOfBob, '{"body":"event one"}');
    const seen = await until(first, (text) => text.includes('event one'));
    first.destroy();
    const lastId = /^id: (.*)$/m.exec(seen.slice(0, seen.indexOf('event one')))?.[1];
    await post(messagesOfBob, '{"body":"event two"}');

    const again = await events(lastId);
    const text = await until(again, (received) => received.includes('event two'));
    expect(text).not.toContain('"body":"event one"');
    expect(text).not.toContain('event: resync');
    again.destroy();
  });

  it.each(['of another start.1', 'nonsense', '', '1e999', '-1'])(
    'begin with a resync after an id that nothing can follow (%j)',
    async (lastId) => {
      const socket = await events(lastId);
      await until(socket, (text) => text.includes('event: resync'));
      socket.destroy();
    },
  );

  it('are only of the types that a client asks for', async () => {
    const path = `${CONTROL_ROUTES.events}?types=peer,nothing`;
    const all = await events();
    const some = await rawRequest(path, [], 'GET');
    await Promise.all([all, some].map((socket) => until(socket, (text) => text.includes('listening'))));
    const told = Promise.all([
      until(all, (text) => text.includes('event: message') && text.includes('event: peer')),
      until(some, (text) => text.includes('event: peer')),
    ]);
    await post(messagesOfBob, '{"body":"not for everybody"}');
    await ask(CONTROL_ROUTES.block('Bob'), { method: 'PUT' });
    await ask(CONTROL_ROUTES.block('Bob'), { method: 'DELETE' });
    const [, wanted] = await told;
    expect(wanted).not.toContain('event: message');
    for (const socket of [all, some]) socket.destroy();
  });

  it('hold up nobody when a client does not read, and tell it to begin anew', async () => {
    const slow = await events();
    await until(slow, (text) => text.includes(': listening'));
    slow.pause();
    // More than the sockets and the log hold together.
    const body = 'x'.repeat(60_000);
    const lines = `${JSON.stringify(body)}\n`.repeat(400);
    const began = performance.now();
    await post(CONTROL_ROUTES.messageStream('Bob'), lines, { 'content-type': 'application/x-ndjson' });
    await post(messagesOfBob, '{"body":"others are served"}');
    expect(performance.now() - began).toBeLessThan(20_000);
    slow.resume();
    await until(slow, (text) => text.includes('event: resync'));
    slow.destroy();
  });
});

/** A request whose end is left to the test. */
async function rawRequest(path: string, headers: readonly string[], method = 'POST'): Promise<Socket> {
  const socket = connect(control.port, '127.0.0.1');
  await once(socket, 'connect');
  const head = [
    `${method} ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    `authorization: Bearer ${control.token}`,
    ...headers,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  return socket;
}

function events(lastId?: string): Promise<Socket> {
  return rawRequest(CONTROL_ROUTES.events, lastId === undefined ? [] : [`last-event-id: ${lastId}`], 'GET');
}

/** Reads until what was received since the call satisfies the condition. */
function until(socket: Socket, condition: (text: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const look = (chunk: Buffer): void => {
      text += chunk.toString('utf8');
      if (!condition(text)) return;
      socket.off('data', look);
      resolve(text);
    };
    socket.on('data', look);
    socket.once('close', () => reject(new Error(`closed after: ${text.slice(-500)}`)));
  });
}
