import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  CONTROL_EVENT_NAMES,
  CONTROL_ROUTES,
  type ConfirmationsView,
  type ConversationView,
  type FoundMessageView,
  type ImportedMessage,
  MAX_BODY_BYTES,
  MAX_CONTROL_BODY_BYTES,
  MAX_HISTORY_PAGE,
  MAX_MESSAGE_KEY_CHARACTERS,
  MAX_SEARCH_CHARACTERS,
  MAX_SEARCH_PAGE,
  messageId,
  type GroupView,
  type MessageView,
  NDJSON,
  type PeerView,
  type ProblemDetails,
  type SendResult,
  type StatusView,
  type VersionView,
  type StreamResult,
} from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import supertest, { type Response, type Test } from 'supertest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StorageError } from './core/errors.js';
import { ControlApp } from './testing/control-app.js';
import { MemoryNetwork } from './testing/memory-network.js';
import { TestKeys } from './testing/test-keys.js';
import { untilOn } from './testing/until.js';

let clock: ManualClock;
let alice: ControlApp;
let bob: ControlApp;
const sockets: Socket[] = [];
const until = untilOn(() => clock);
const bobsId = new TestKeys('Bob').peerId;
const alicesId = new TestKeys('Alice').peerId;
const messagesOfBob = CONTROL_ROUTES.messages('Bob');
const ANY_ID = messageId('a'.repeat(26), 1);

beforeEach(async () => {
  clock = new ManualClock(Date.UTC(2026, 10, 29));
  const network = new MemoryNetwork(clock);
  alice = await ControlApp.start('Alice', { clock, network });
  bob = await ControlApp.start('Bob', { clock, network });
  for (const [one, other] of [
    [alice, bobsId],
    [bob, alicesId],
  ] as const) {
    await one.ask('put', CONTROL_ROUTES.accept(other)).expect(200);
  }
  await until('a link', () => alice.chat.peers.links === 1 && bob.chat.peers.links === 1);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all([alice.stop(), bob.stop()]);
});

/** What an error must look like, whatever it is about. */
function problemIn({ status, headers, text }: Response): ProblemDetails {
  expect(headers['content-type']).toMatch(/^application\/problem\+json/);
  const problem = JSON.parse(text) as ProblemDetails;
  expect(problem).toMatchObject({
    type: `urn:p2p-chat:problem:${problem.code}`,
    title: expect.any(String) as string,
    status,
    detail: expect.stringMatching(/\.$/) as string,
    code: expect.stringMatching(/^[a-z-]+$/) as string,
  });
  expect(text).not.toContain(alice.token);
  expect(text).not.toMatch(/node_modules|\.js:\d/);
  return problem;
}

const post = (path: string, body: string, type = 'application/json'): Test =>
  alice.ask('post', path).set('content-type', type).send(body);

async function get<T>(path: string): Promise<T> {
  return (await alice.ask('get', path).expect(200)).body as T;
}

async function send(body: string, key?: string): Promise<SendResult> {
  const answer = await post(messagesOfBob, JSON.stringify({ body, key })).expect(201);
  return answer.body as SendResult;
}

const bodies = async (query = ''): Promise<string[]> =>
  (await get<MessageView[]>(`${messagesOfBob}?${query}`)).map(({ body }) => body);

describe('who is let in', () => {
  it.each([
    ['no token', '', 'token-missing'],
    ['an empty one', 'Bearer ', 'token-missing'],
    ['another scheme', 'Basic YTpi', 'token-missing'],
    ['a wrong one', `Bearer ${'A'.repeat(43)}`, 'token-wrong'],
    ['one of another length', 'Bearer x', 'token-wrong'],
  ])('%s is refused on every route', async (_what, authorization, code) => {
    for (const path of ['/api/status', '/api/events', '/api/docs', '/api/docs-json', '/', '/no/such/route']) {
      const answer = await alice.ask('get', path).set('authorization', authorization);
      expect([path, answer.status, answer.headers['content-type']?.split(';')[0]]).toEqual([
        path,
        401,
        'application/problem+json',
      ]);
      expect(problemIn(answer).code).toBe(code);
    }
    await alice.ask('post', CONTROL_ROUTES.logout).set('authorization', authorization).expect(401);
    expect(alice.logouts).toBe(0);
  });

  it('nobody by a prefix of the token, or by the token and more', async () => {
    for (const token of [alice.token.slice(0, -1), `${alice.token}x`, `${alice.token}, x`]) {
      const answer = await alice.ask('get', '/api/status').set('authorization', `Bearer ${token}`);
      expect(problemIn(answer)).toMatchObject({ status: 401, code: 'token-wrong' });
    }
  });

  it.each([
    'evil.example',
    'evil.example:7781',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '192.0.2.7',
    '0.0.0.0',
    'localhost@evil.example',
  ])('a name that was rebound to this machine (Host: %j) is refused, even with the token', async (host) => {
    expect(problemIn(await alice.ask('get', '/api/status').set('host', host))).toMatchObject({
      status: 403,
      code: 'host-refused',
    });
  });

  it.each(['127.0.0.1', 'localhost', 'LOCALHOST', '[::1]'])(
    'Host: %s with any port is let in',
    async (host) => {
      await alice.ask('get', '/api/status').set('host', `${host}:1`).expect(200);
    },
  );

  it.each([
    'http://evil.example',
    'https://127.0.0.1.evil.example',
    'null',
    'file://',
    'chrome-extension://x',
  ])('a page of %s is refused, even with the token', async (origin) => {
    const answer = await alice.ask('get', '/api/status').set('origin', origin);
    expect(problemIn(answer)).toMatchObject({ status: 403, code: 'origin-refused' });
  });

  it('is asked before the body is read', async () => {
    const answer = await post(messagesOfBob, '{').set('authorization', '');
    expect(problemIn(answer).code).toBe('token-missing');
    expect(answer.headers['connection']).toBe('close');
  });

  it('no answer invites a browser: no CORS header, to a preflight neither', async () => {
    const origin = 'http://evil.example';
    const answers = [
      await alice.ask('get', '/api/status'),
      await alice.ask('get', '/api/status').set('origin', origin),
      await supertest(alice.app.getHttpServer())
        .options('/api/status')
        .set('origin', origin)
        .set('access-control-request-method', 'GET')
        .set('access-control-request-headers', 'authorization'),
    ];
    for (const { headers } of answers) {
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
    expect(answers.map(({ status }) => status)).toEqual([200, 403, 403]);
  });
});

describe('what is no request', () => {
  it.each([
    ['an empty Host', () => `GET /api/status HTTP/1.1\r\nHost:`, 403, 'host-refused'],
    [
      'two lengths',
      () => `POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6`,
      400,
      'request-malformed',
    ],
    ['TLS', () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'request-malformed'],
    [
      'a large header',
      () => `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${'a'.repeat(20_000)}`,
      431,
      'headers-too-large',
    ],
    [
      'a broken escape',
      () => `GET /api/peers/%zz HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${alice.token}`,
      400,
      'url-malformed',
    ],
  ])('is refused as a problem: %s', async (_what, head, status, code) => {
    const socket = await open();
    socket.end(`${head()}\r\nConnection: close\r\n\r\n`, 'latin1');
    const text = await read(socket, () => false);
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(text).toContain(`"code":"${code}"`);
  });
});

describe('a body that is no request', () => {
  it.each([
    ['not JSON', '{"body":', 400, 'request-malformed'],
    ['a list', '[]', 422, 'request-invalid'],
    ['a list of requests', '[{"body":"x"}]', 422, 'request-invalid'],
    ['a text', '"hi"', 422, 'request-invalid'],
    ['null', 'null', 422, 'request-invalid'],
    ['nothing', '{}', 422, 'request-invalid'],
    ['an operator in place of a text', '{"body":{"$gt":""}}', 422, 'request-invalid'],
    ['a number', '{"body":1}', 422, 'request-invalid'],
    ['a list of texts', '{"body":["a"]}', 422, 'request-invalid'],
    ['an empty text', '{"body":""}', 422, 'body-empty'],
    ['half a character', '{"body":"\\ud800"}', 422, 'body-malformed'],
    ['an empty key', '{"body":"x","key":""}', 422, 'request-invalid'],
    [
      'a key past the limit',
      `{"body":"x","key":"${'k'.repeat(MAX_MESSAGE_KEY_CHARACTERS + 1)}"}`,
      422,
      'request-invalid',
    ],
    ['a name that would reach the prototype', '{"__proto__":{"body":"x"}}', 400, 'request-malformed'],
    [
      'a name that would reach the constructor',
      '{"constructor":{"prototype":{"body":"x"}}}',
      400,
      'request-malformed',
    ],
    ['10,000 levels of lists', `{"body":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, 422, 'request-invalid'],
    ['10,000 levels of objects', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`, 422, 'request-invalid'],
  ])('is refused: %s', async (_what, body, status, code) => {
    expect(problemIn(await post(messagesOfBob, body))).toMatchObject({ status, code });
    expect(alice.records.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('names the field and the reason', async () => {
    expect(problemIn(await post(messagesOfBob, '{"body":{"$ne":1}}')).errors).toEqual([
      { field: 'body', reason: 'must be a text' },
    ]);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'x'])(
    'is refused as %s, which a form of a web page could send',
    async (type) => {
      expect(problemIn(await post(messagesOfBob, 'body=x', type))).toMatchObject({
        status: 415,
        code: 'content-type-unsupported',
      });
    },
  );

  it('may begin with a byte order mark, and is refused where it is compressed', async () => {
    await post(messagesOfBob, '\ufeff{"body":"marked"}').expect(201);
    const compressed = await post(messagesOfBob, '{"body":"x"}').set('content-encoding', 'br');
    expect(problemIn(compressed)).toMatchObject({ status: 415, code: 'content-encoding-unsupported' });
  });

  it('is taken at the limit of a message and refused past it', async () => {
    await send('é'.repeat(MAX_BODY_BYTES / 2));
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
});

describe('a conversation in a path', () => {
  it('is its id, the peer id of the other one, its short form, or the name', async () => {
    const [{ id } = { id: '' }] = [await get<ConversationView>(CONTROL_ROUTES.conversation('Bob'))];
    for (const reference of [id, bobsId, bobsId.slice(0, 8), 'Bob', ' bob ']) {
      const view = await get<ConversationView>(CONTROL_ROUTES.conversation(reference));
      expect(view).toMatchObject({ id, kind: 'direct', name: 'Bob', peerId: bobsId, unread: 0, last: null });
      expect(view.peer).toMatchObject({ peerId: bobsId, conversation: id, trust: 'contact', online: true });
    }
  });

  it('is no operator and no other path', async () => {
    for (const reference of ['{"$gt":""}', '../status', '%00', '__proto__', 'constructor', 'nobody']) {
      const answer = await post(CONTROL_ROUTES.messages(reference), '{"body":"x"}');
      expect([reference, problemIn(answer)]).toMatchObject([
        reference,
        { status: 404, code: 'peer-unknown' },
      ]);
    }
  });

  it('has its members', async () => {
    expect(await get(CONTROL_ROUTES.members('Bob'))).toEqual([
      { peerId: alicesId, user: 'Alice', self: true },
      { peerId: bobsId, user: 'Bob', self: false },
    ]);
  });
});

describe('a group', () => {
  const make = async (name: string): Promise<GroupView> =>
    (await post(CONTROL_ROUTES.groups, JSON.stringify({ name })).expect(201)).body as GroupView;

  it('whose name could be taken for a person, an id or a word of the screens is marked', async () => {
    for (const name of [
      'Bob',
      'Alice',
      'You',
      'Cancel',
      bobsId.slice(0, 8),
      `Bob (${bobsId.slice(0, 8)})`,
      `Bob [verified]`,
    ])
      expect(await make(name)).toMatchObject({ name, ambiguous: true });
    for (const name of ['Berlin', 'frontend']) expect(await make(name)).toMatchObject({ ambiguous: false });
  });

  it('is nobody alone by the beginning of its id, where somebody is called so', async () => {
    const { id } = await make('Berlin');
    const short = id.slice(0, 8);
    const of = (reference: string): Test => alice.ask('get', CONTROL_ROUTES.conversation(reference));
    expect((await of(short).expect(200)).body).toMatchObject({ id });
    await bob.ask('patch', CONTROL_ROUTES.profile).send({ user: short }).expect(200);
    await until('the name', async () => (await get<PeerView[]>(CONTROL_ROUTES.peers))[0]?.user === short);
    expect(problemIn(await of(short))).toMatchObject({ code: 'group-ambiguous' });
    expect((await of(id).expect(200)).body).toMatchObject({ id });
  });
});

describe('messages', () => {
  it('are accepted, listed, delivered and read', async () => {
    const sent = await send('hello');
    const { id: conversation } = await get<ConversationView>(CONTROL_ROUTES.conversation('Bob'));
    expect(sent).toEqual({ id: sent.id, conversation, author: alicesId, state: 'queued' });
    await until('delivery', async () => (await get<MessageView[]>(messagesOfBob))[0]?.state === 'delivered');
    const theirs = (await bob.ask('get', CONTROL_ROUTES.messages('Alice')).expect(200)).body as MessageView[];
    expect(theirs).toEqual([
      {
        id: sent.id,
        conversation,
        author: alicesId,
        user: 'Alice',
        direction: 'in',
        kind: 'text',
        body: 'hello',
        sentAt: expect.stringMatching(/^2026-11-29T/) as string,
        receivedAt: expect.stringMatching(/^2026-11-29T/) as string,
        state: 'delivered',
        clock: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
        edited: false,
        deleted: false,
        replyTo: null,
        reactions: [],
        mentions: [],
        confirm: false,
      },
    ]);
    const list = (await bob.ask('get', CONTROL_ROUTES.conversations).expect(200)).body as ConversationView[];
    expect(list).toMatchObject([{ id: conversation, unread: 1, last: { id: sent.id }, peer: { unread: 1 } }]);
    const read = await bob.ask('post', CONTROL_ROUTES.read('Alice')).send({ upTo: sent.id }).expect(200);
    expect(read.body).toEqual({ read: 1 });
    expect((await bob.ask('post', CONTROL_ROUTES.read('Alice')).expect(200)).body).toEqual({ read: 0 });
    await until('a receipt', async () => (await get<MessageView[]>(messagesOfBob))[0]?.state === 'read');
  });

  it('are answered, changed, reacted to, confirmed and deleted', async () => {
    const { id } = await send('hello', undefined);
    const asking = (await post(messagesOfBob, '{"body":"drill","confirm":true}')).body as SendResult;
    await until('delivery', async () => (await get<MessageView[]>(messagesOfBob))[1]?.state === 'delivered');
    const answer = (
      await bob
        .ask('post', CONTROL_ROUTES.messages('Alice'))
        .send({ body: 'hi @Alice', replyTo: id })
        .expect(201)
    ).body as SendResult;
    const reacted = await bob
      .ask('put', CONTROL_ROUTES.reactions(id))
      .send({ emoji: ['👍'] })
      .expect(200);
    expect(reacted.body).toMatchObject({
      target: id,
      author: answer.author,
      conversation: answer.conversation,
    });
    const waiting = (await bob.ask('get', CONTROL_ROUTES.conversation('Alice')).expect(200))
      .body as ConversationView;
    expect(waiting.toConfirm).toMatchObject([{ id: asking.id, confirm: true }]);
    await bob.ask('put', CONTROL_ROUTES.confirmation(asking.id)).expect(200);
    await alice.ask('patch', CONTROL_ROUTES.message(id)).send({ body: 'hello again' }).expect(200);
    const message = (of: string): Promise<MessageView> => get<MessageView>(CONTROL_ROUTES.message(of));
    await until('what Bob did', async () => ((await message(asking.id)).confirmed ?? []).length === 1);
    expect(await message(id)).toMatchObject({
      body: 'hello again',
      edited: true,
      reactions: [{ emoji: '👍', by: [answer.author] }],
    });
    expect(await message(answer.id)).toMatchObject({
      replyTo: id,
      quote: { id, author: alicesId, user: 'Alice', body: 'hello again', deleted: false },
      mentions: [alicesId],
    });
    expect(await get<ConfirmationsView>(CONTROL_ROUTES.confirmations(asking.id))).toEqual({
      confirmed: [
        { peerId: answer.author, user: 'Bob', at: expect.stringMatching(/^2026-11-29T/) as string },
      ],
      read: [],
      delivered: [],
      missing: [],
    });
    await post(CONTROL_ROUTES.confirmations(asking.id), '{}').expect(200);
    expect(problemIn(await bob.ask('delete', CONTROL_ROUTES.message(id)))).toMatchObject({
      status: 403,
      code: 'message-not-yours',
    });
    const versions = await get<VersionView[]>(CONTROL_ROUTES.versions(id));
    expect(versions.map(({ body }) => body)).toEqual(['hello', 'hello again']);
    expect(problemIn(await bob.ask('get', CONTROL_ROUTES.versions(id)))).toMatchObject({
      code: 'message-not-yours',
    });
    await bob.ask('delete', `${CONTROL_ROUTES.message(asking.id)}?forMe=true`).expect(200);
    await alice.ask('delete', CONTROL_ROUTES.message(id)).expect(200);
    expect(await message(id)).toMatchObject({ kind: 'deleted', body: '', deleted: true, reactions: [] });
    const theirs = async (): Promise<MessageView[]> =>
      (await bob.ask('get', CONTROL_ROUTES.messages('Alice')).expect(200)).body as MessageView[];
    await until('the delete', async () => (await theirs())[0]?.deleted === true);
    expect(await theirs()).toMatchObject([
      { id, body: '' },
      { id: answer.id, quote: { body: '', deleted: true } },
    ]);
    expect(problemIn(await bob.ask('get', CONTROL_ROUTES.message('nobody')))).toMatchObject({ status: 404 });
    for (const body of ['{"emoji":"👍"}', '{"emoji":["ok"]}', '{}']) {
      const refused = await alice.ask('put', CONTROL_ROUTES.reactions(answer.id)).type('json').send(body);
      expect([400, 422]).toContain(refused.status);
    }
  });

  it('with a key are the same message again, and another one is refused', async () => {
    const first = await send('once', 'k1');
    expect((await send('once', 'k1')).id).toBe(first.id);
    const answer = await post(messagesOfBob, '{"body":"other","key":"k1"}');
    expect(problemIn(answer)).toMatchObject({ status: 409, code: 'key-reused' });
    expect(await bodies()).toEqual(['once']);
  });

  it('are not accepted for somebody who is blocked, nor by a store that is full', async () => {
    await alice.ask('put', CONTROL_ROUTES.block('Bob')).expect(200);
    expect(problemIn(await post(messagesOfBob, '{"body":"x"}'))).toMatchObject({
      status: 409,
      code: 'peer-blocked',
    });
    await alice.ask('delete', CONTROL_ROUTES.block('Bob')).expect(200);
    alice.disk.full = true;
    const answer = await post(messagesOfBob, '{"body":"x"}');
    expect(problemIn(answer)).toMatchObject({ status: 507, code: 'storage-full' });
    const { problems } = await get<StatusView>('/api/status');
    expect(problems.map(({ code }) => code)).toContain('storage-full');
    alice.disk.full = false;
    await send('x');
  });

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
    ['before=x', 'before'],
    ['before=a&before=b', 'before'],
    [`before=${ANY_ID.toUpperCase()}`, 'before'],
    [`before=${ANY_ID}&after=${ANY_ID}`, 'after'],
  ])('with %s are refused, naming the field', async (query, field) => {
    const problem = problemIn(await alice.ask('get', `${messagesOfBob}?${query}`));
    expect(problem).toMatchObject({ status: 422, code: 'request-invalid' });
    expect(problem.errors?.map((error) => error.field)).toEqual([field]);
  });

  it.each(['limit[$gt]=1', 'after[$gt]=', 'limit=1', `limit=${MAX_HISTORY_PAGE}`])(
    'with %s are given',
    async (query) => {
      await alice.ask('get', `${messagesOfBob}?${query}`).expect(200);
    },
  );

  it('before one that is not there are a 404', async () => {
    expect(problemIn(await alice.ask('get', `${messagesOfBob}?before=${ANY_ID}`))).toMatchObject({
      status: 404,
      code: 'message-unknown',
    });
  });

  it('are paged back and forth by ids without a gap', async () => {
    const ids: string[] = [];
    for (const body of ['one', 'two', 'three', 'four']) ids.push((await send(body)).id);
    expect(await bodies('limit=2')).toEqual(['three', 'four']);
    expect(await bodies(`limit=2&before=${ids[2]}`)).toEqual(['one', 'two']);
    expect(await bodies(`limit=2&after=${ids[0]}`)).toEqual(['two', 'three']);
    expect(await bodies(`after=${ids[3]}`)).toEqual([]);
  });

  it('are found by their words, in one conversation or all', async () => {
    await send('the quick brown fox');
    const { id } = await send('the lazy dog');
    for (const query of ['text=la', 'text=LAZY&conversation=Bob', `text=dog&conversation=${bobsId}`]) {
      const found = await get<FoundMessageView[]>(`${CONTROL_ROUTES.search}?${query}`);
      expect(found).toMatchObject([{ id, previous: { body: 'the quick brown fox' }, next: null }]);
    }
    const many = (limit: number, length: number): Test =>
      alice.ask('get', `${CONTROL_ROUTES.search}?text=${'x'.repeat(length)}&limit=${limit}`);
    await many(MAX_SEARCH_PAGE, MAX_SEARCH_CHARACTERS).expect(200);
    for (const refused of [many(0, 1), many(MAX_SEARCH_PAGE + 1, 1), many(1, MAX_SEARCH_CHARACTERS + 1)]) {
      expect(problemIn(await refused)).toMatchObject({ status: 422, code: 'request-invalid' });
    }
    const nowhere = await alice.ask('get', `${CONTROL_ROUTES.search}?text=x&conversation=nobody`);
    expect(problemIn(nowhere)).toMatchObject({ status: 404, code: 'peer-unknown' });
  });

  it('of an export are imported once, or none of them', async () => {
    const peerId = new TestKeys('Carol').peerId;
    const message: ImportedMessage = {
      id: ANY_ID,
      conversation: 'a'.repeat(52),
      peerId,
      author: peerId,
      user: 'Carol',
      direction: 'in',
      kind: 'text',
      body: 'long ago',
      sentAt: '2020-01-01T00:00:00.000Z',
      receivedAt: '2020-01-01T00:00:01.000Z',
      state: 'read',
      clock: '0'.repeat(15) + '1',
    };
    const later: ImportedMessage = { ...message, id: messageId('b'.repeat(26), 1), kind: 'poll', body: '' };
    const wrong = await post(
      CONTROL_ROUTES.import,
      JSON.stringify({ messages: [message, { ...message, id: 'x' }] }),
    );
    expect(problemIn(wrong)).toMatchObject({
      status: 422,
      code: 'import-malformed',
      errors: [{ field: 'messages[1]' }],
    });
    const request = JSON.stringify({ messages: [message, later] });
    expect((await post(CONTROL_ROUTES.import, request).expect(200)).body).toEqual({ imported: 2, known: 0 });
    expect((await post(CONTROL_ROUTES.import, request).expect(200)).body).toEqual({ imported: 0, known: 2 });
    expect(await get<MessageView[]>(CONTROL_ROUTES.messages('Carol'))).toMatchObject([
      { id: ANY_ID, body: 'long ago', user: 'Carol', state: 'read' },
      { kind: 'poll', body: '' },
    ]);
    for (const messages of [undefined, {}, new Array(MAX_HISTORY_PAGE + 1).fill(message)]) {
      const answer = await post(CONTROL_ROUTES.import, JSON.stringify({ messages }));
      expect([413, 422]).toContain(answer.status);
    }
  });
});

describe('a message stream', () => {
  const route = CONTROL_ROUTES.messageStream('Bob');
  const stream = async (text: string): Promise<StreamResult[]> => {
    const answer = await post(route, text, NDJSON).buffer(true).parse(asText).expect(200);
    return (answer.body as string)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as StreamResult);
  };
  const acceptedIn = (lines: StreamResult[]): string[] =>
    lines.flatMap((line) => ('accepted' in line ? line.accepted.ids : []));

  it('is accepted in its order', async () => {
    const written = Array.from({ length: 2_500 }, (_, index) => `in order ${index}`);
    const ids = acceptedIn(await stream(written.map((body) => `${JSON.stringify(body)}\n`).join('')));
    expect(ids).toHaveLength(written.length);
    const first = await bodies(`limit=1000&after=${ids[0]}`);
    const then = await bodies(`limit=1000&after=${ids[1000]}`);
    expect([...first, ...then]).toEqual(written.slice(1, 2_001));
  });

  it.each([
    ['a line that is not JSON', '{"a', 'request-invalid'],
    ['a line that is no text', '{"$gt":""}', 'request-invalid'],
    ['an empty text', '""', 'body-empty'],
    ['half a character', '"\\ud800"', 'body-malformed'],
    ['a text past the limit', JSON.stringify('x'.repeat(MAX_BODY_BYTES + 1)), 'body-too-large'],
    ['a line past the limit of a request', `"${'x'.repeat(MAX_CONTROL_BODY_BYTES)}`, 'body-too-large'],
  ])('ends at %s, and says how many were accepted before', async (_what, line, code) => {
    const lines = await stream(`"first"\n"second"\n${line}\n"never"\n`);
    expect(acceptedIn(lines)).toHaveLength(2);
    expect(lines.at(-1)).toMatchObject({ error: { code, accepted: 2 } });
    expect(await bodies()).toEqual(['first', 'second']);
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
    const socket = await request('POST', route, `content-type: ${NDJSON}`, 'transfer-encoding: chunked');
    socket.write('9\r\n"kept 1"\n\r\n');
    await read(socket, (text) => text.includes('"accepted"'));
    socket.destroy();
    expect(await bodies()).toEqual(['kept 1']);
  });
});

describe('people', () => {
  it('are listed, verified, blocked and known by their safety number', async () => {
    const [peer] = await get<PeerView[]>(CONTROL_ROUTES.peers);
    expect(peer).toMatchObject({
      peerId: bobsId,
      user: 'Bob',
      trust: 'contact',
      online: true,
      presence: 'online',
    });
    const number = await get<{ safetyNumber: string }>(CONTROL_ROUTES.safetyNumber('Bob'));
    const theirs = await bob.ask('get', CONTROL_ROUTES.safetyNumber('Alice')).expect(200);
    expect((theirs.body as { safetyNumber: string }).safetyNumber).toBe(number.safetyNumber);
    for (const [method, route, field, value] of [
      ['put', CONTROL_ROUTES.verified('Bob'), 'verified', true],
      ['delete', CONTROL_ROUTES.verified('Bob'), 'verified', false],
      ['put', CONTROL_ROUTES.block('Bob'), 'blocked', true],
      ['delete', CONTROL_ROUTES.block('Bob'), 'blocked', false],
    ] as const) {
      expect((await alice.ask(method, route).expect(200)).body).toMatchObject({ [field]: value });
    }
    expect(problemIn(await alice.ask('get', `${CONTROL_ROUTES.peers}?all=yes`)).errors).toEqual([
      { field: 'all', reason: 'must be true or false' },
    ]);
  });

  it('who wrote and are not known wait, and are accepted by their whole peer id', async () => {
    const network = new MemoryNetwork(clock);
    const [host, guest] = [
      await ControlApp.start('Host', { clock, network }),
      await ControlApp.start('Guest', { clock, network }),
    ];
    await guest.ask('post', CONTROL_ROUTES.messages('Host')).send({ body: 'may I?' }).expect(201);
    await until('the request', () => host.chat.requests.count === 1);
    const [waiting] = (await host.ask('get', CONTROL_ROUTES.peers).expect(200)).body as PeerView[];
    expect(waiting).toMatchObject({ trust: 'stranger', request: { messages: 1 }, unread: 0 });
    const [message] = (await host.ask('get', CONTROL_ROUTES.messages('Guest')).expect(200))
      .body as MessageView[];
    expect(message).toMatchObject({ body: 'may I?', request: true });
    const accepted = await host.ask('put', CONTROL_ROUTES.accept(new TestKeys('Guest').peerId)).expect(200);
    expect(accepted.body).toMatchObject({ trust: 'contact', request: null, unread: 1 });
    // What comes of somebody who is blocked is dropped: nothing of it can be read.
    const blocked = await host.ask('put', CONTROL_ROUTES.block(new TestKeys('Guest').peerId)).expect(200);
    expect(blocked.body).toMatchObject({ blocked: true, unread: 0 });
    const dave = new TestKeys('Dave').peerId;
    expect((await host.ask('put', CONTROL_ROUTES.accept(dave)).expect(200)).body).toMatchObject({
      peerId: dave,
    });
    await Promise.all([host.stop(), guest.stop()]);
  });
});

describe('the profile and the node', () => {
  it('changes what is given and leaves the rest', async () => {
    const changed = await alice
      .ask('patch', CONTROL_ROUTES.profile)
      .send({ status: ' at  lunch ', user: null })
      .expect(200);
    expect(changed.body).toMatchObject({ user: 'Alice', status: 'at  lunch', presence: 'online', fixed: [] });
    for (const [change, field] of [
      [{ presence: 'asleep' }, 'presence'],
      [{ user: '' }, 'user'],
      [{ status: 7 }, 'status'],
      [{ receipts: 'on' }, 'receipts'],
    ] as const) {
      const problem = problemIn(await alice.ask('patch', CONTROL_ROUTES.profile).send(change));
      expect(problem).toMatchObject({ code: 'request-invalid', errors: [{ field }] });
    }
    await alice.ask('post', CONTROL_ROUTES.activity).send({ idle: true }).expect(204);
    expect(await get(CONTROL_ROUTES.profile)).toMatchObject({ presence: 'online', shown: 'away' });
  });

  it('says who and where it is, and ends when it is told to', async () => {
    const status = await get<StatusView>(CONTROL_ROUTES.status);
    expect(status).toMatchObject({
      peerId: alicesId,
      user: 'Alice',
      links: 1,
      outbox: { queued: 0 },
      requests: 0,
    });
    expect(status.controlPort).toBe(alice.port);
    await alice.ask('post', CONTROL_ROUTES.logout).expect(202);
    expect(alice.logouts).toBe(1);
  });

  it('names a copy of the profile that runs elsewhere', async () => {
    alice.copies.push('192.0.2.7');
    const { problems } = await get<StatusView>(CONTROL_ROUTES.status);
    expect(problems).toContainEqual(
      expect.objectContaining({
        code: 'profile-copied',
        detail: expect.stringContaining('192.0.2.7') as string,
      }),
    );
  });

  it('looks at its parts, a line each', async () => {
    const answer = await alice
      .ask('post', CONTROL_ROUTES.diagnosis)
      .send({})
      .buffer(true)
      .parse(asText)
      .expect(200);
    const lines = (answer.body as string).trimEnd().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ type: 'verdict' });
  });

  it('tells nothing of an error that was not foreseen, but its log', async () => {
    alice.chat.messages.send = () => Promise.reject(new TypeError('a secret'));
    const answer = await post(messagesOfBob, '{"body":"x"}');
    expect(problemIn(answer)).toMatchObject({ status: 500, code: 'internal-error' });
    expect(answer.text).not.toContain('secret');
    expect(alice.records).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'request failed' }),
    );
    alice.chat.messages.send = () =>
      Promise.reject(
        new StorageError('storage-unavailable', 'Not known to be saved.', { outcome: 'unknown' }),
      );
    expect(problemIn(await post(messagesOfBob, '{"body":"x"}'))).toMatchObject({
      status: 503,
      code: 'storage-unavailable',
    });
  });
});

describe('the description of the interface', () => {
  it('has every route, with what it takes and what it answers', async () => {
    const { paths, components } = await get<OpenApiDocument>('/api/docs-json');
    expect(paths['/api/conversations/{conversation}/messages']?.['post']).toMatchObject({
      tags: ['conversations'],
      security: [{ bearer: [] }],
      requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/SendDto' } } } },
      responses: {
        201: {
          content: { 'application/json': { schema: { $ref: '#/components/schemas/SendResultSchema' } } },
        },
        default: { content: { 'application/problem+json': expect.anything() as unknown } },
      },
    });
    expect(components.schemas['SendDto']).toMatchObject({ required: ['body'] });
    expect(components.schemas['HistoryQuery']).toBeUndefined();
    const operations = Object.values(paths).flatMap((path) => Object.values(path));
    expect(operations.length).toBeGreaterThan(20);
    expect(operations.filter(({ summary }) => !summary)).toEqual([]);
    const described = paths['/api/events']?.['get']?.description ?? '';
    for (const name of CONTROL_EVENT_NAMES) expect(described).toContain(`\`${name}\``);
  });

  it('matches what is answered', async () => {
    await send('hello');
    const { components } = await get<OpenApiDocument>('/api/docs-json');
    for (const [schema, value] of [
      ['StatusSchema', await get(CONTROL_ROUTES.status)],
      ['ProfileSchema', await get(CONTROL_ROUTES.profile)],
      ['PeerSchema', await get(CONTROL_ROUTES.peer('Bob'))],
      ['ConversationSchema', await get(CONTROL_ROUTES.conversation('Bob'))],
      ['MessageSchema', (await get<MessageView[]>(messagesOfBob))[0]],
    ] as const) {
      const { properties, required } = components.schemas[schema] as {
        properties: object;
        required: string[];
      };
      expect([schema, Object.keys(value as object).filter((name) => !(name in properties))]).toEqual([
        schema,
        [],
      ]);
      expect([schema, required.filter((name) => !(name in (value as object)))]).toEqual([schema, []]);
    }
  });

  it('has a page, and nothing beside it', async () => {
    const page = await alice.ask('get', '/api/docs').expect(200);
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    expect(problemIn(await alice.ask('get', '/api/docs/no/such/file'))).toMatchObject({ status: 404 });
    expect(problemIn(await alice.ask('post', '/api/docs'))).toMatchObject({
      status: 404,
      code: 'route-unknown',
    });
  });
});

describe('the events', () => {
  const events = (query = '', ...headers: string[]): Promise<Socket> =>
    request('GET', `${CONTROL_ROUTES.events}${query}`, ...headers);

  it('tell of messages, states, reading, people, typing and the profile', async () => {
    const socket = await events();
    await read(socket, (text) => text.includes('event: listening'));
    const told = read(
      socket,
      (text) =>
        ['"state":"read"', 'event: typing', 'event: profile', 'event: peer', 'event: conversation'].every(
          (one) => text.includes(one),
        ) && text.includes('"body":"hi back"'),
    );
    await send('hello');
    await until('delivery', async () => (await bob.chat.list.summaries())[0]?.unread === 1);
    await bob.ask('post', CONTROL_ROUTES.typing('Alice')).expect(204);
    await bob.ask('post', CONTROL_ROUTES.read('Alice')).expect(200);
    await bob.ask('post', CONTROL_ROUTES.messages('Alice')).send({ body: 'hi back' }).expect(201);
    await until('the answer', async () => (await bodies()).length === 2);
    await alice.ask('post', CONTROL_ROUTES.read('Bob')).expect(200);
    await alice.ask('patch', CONTROL_ROUTES.profile).send({ status: 'here' }).expect(200);
    await alice.ask('put', CONTROL_ROUTES.verified('Bob')).expect(200);
    const { id } = await get<ConversationView>(CONTROL_ROUTES.conversation('Bob'));
    const text = await told;
    expect(text).toContain(
      `event: typing\ndata: {"conversation":"${id}","peerId":"${bobsId}","typing":true}`,
    );
    expect(text).toMatch(
      new RegExp(`event: state\ndata: {"conversation":"${id}","state":"delivered","ids":\\["`),
    );
  });

  it('go on after the last one that was seen', async () => {
    const first = await events();
    await read(first, (text) => text.includes('event: listening'));
    await send('event one');
    const seen = await read(first, (text) => text.includes('event one'));
    first.destroy();
    const lastId = /^id: (.*)$/m.exec(seen.slice(0, seen.indexOf('event one')))?.[1];
    await send('event two');
    const again = await events('', `last-event-id: ${lastId}`);
    const text = await read(again, (received) => received.includes('event two'));
    expect(text).not.toContain('"body":"event one"');
    expect(text).not.toContain('event: resync');
  });

  it.each(['of another start.1', 'nonsense', '', '1e999', '-1'])(
    'begin with a resync after an id that nothing can follow (%j)',
    async (lastId) => {
      await read(await events('', `last-event-id: ${lastId}`), (text) => text.includes('event: resync'));
    },
  );

  it('are only of the types that a client asks for', async () => {
    const socket = await events('?types=peer,nothing');
    await read(socket, (text) => text.includes('event: listening'));
    const wanted = read(socket, (text) => text.includes('event: peer'));
    await send('not for everybody');
    await alice.ask('put', CONTROL_ROUTES.block('Bob')).expect(200);
    expect(await wanted).not.toContain('event: message');
  });

  it('hold up nobody when a client does not read, and tell it to begin anew', async () => {
    const slow = await events();
    await read(slow, (text) => text.includes('event: listening'));
    slow.pause();
    // More than the sockets and the log hold together.
    const lines = `${JSON.stringify('x'.repeat(60_000))}\n`.repeat(400);
    await post(CONTROL_ROUTES.messageStream('Bob'), lines, NDJSON).buffer(true).parse(asText).expect(200);
    await send('others are served');
    const resynced = read(slow, (text) => text.includes('event: resync'));
    slow.resume();
    await resynced;
  });

  it('keep the connection alive, and end with the node', async () => {
    const socket = await events();
    await read(socket, (text) => text.includes('event: listening'));
    const alive = read(socket, (text) => text.includes('\n:\n'));
    await clock.advance(15_000);
    await alive;
    const end = read(socket, (text) => text.includes('event: stopping'));
    await alice.stop();
    await end;
  });
});

/** What is looked at of a description by OpenAPI. */
interface OpenApiDocument {
  paths: Record<string, Record<string, { summary?: string; description?: string }>>;
  components: { schemas: Record<string, object> };
}

/** For supertest: the answer as it came. */
function asText(response: Response, done: (error: Error | null, text: string) => void): void {
  let text = '';
  // What it gives is the answer as a stream, whatever its type says.
  const stream = response as unknown as NodeJS.ReadableStream;
  stream.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  stream.on('end', () => done(null, text));
}

async function open(): Promise<Socket> {
  const socket = connect(alice.port, '127.0.0.1');
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

/** A request whose end is left to the test. */
async function request(method: string, path: string, ...headers: string[]): Promise<Socket> {
  const socket = await open();
  const head = [
    `${method} ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    `authorization: Bearer ${alice.token}`,
    ...headers,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  return socket;
}

/** Reads until what was received since the call satisfies the condition, or the end. */
function read(socket: Socket, condition: (text: string) => boolean): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const look = (chunk: Buffer): void => {
      text += chunk.toString('utf8');
      if (!condition(text)) return;
      socket.off('data', look);
      resolve(text);
    };
    socket.on('data', look);
    socket.once('close', () => resolve(text));
  });
}
