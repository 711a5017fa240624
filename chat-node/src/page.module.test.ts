import {
  CONTROL_ROUTES,
  MAX_BROWSER_NAME_CHARACTERS,
  type PageLinkView,
  type PairResult,
  type ProblemDetails,
} from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import { request } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  CODE_LIFETIME_MS,
  LINK_LIFETIME_MS,
  LOCK_MS,
  MAX_BROWSERS,
  MAX_WRONG_CODES,
  Pairing,
} from './control-api/pairing.js';
import { PAGE_HEADERS, PageServer } from './control-api/page-server.js';
import { NodeEnvironment } from './runtime/environment.js';
import { ControlApp } from './testing/control-app.js';
import { MemoryNetwork } from './testing/memory-network.js';
import { MemoryPageStore } from './testing/memory-page-store.js';

let clock: ManualClock;
let alice: ControlApp;
let port: number;

beforeEach(async () => {
  clock = new ManualClock(Date.UTC(2026, 10, 29));
  alice = await ControlApp.start('Alice', { clock, network: new MemoryNetwork(clock) });
  port = alice.app.get(PageServer).port ?? 0;
});
afterEach(() => alice.stop());

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: string;
  code: string | undefined;
}

interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: unknown;
}

/** A request at the page's port, as it is written: no client puts an address or a header right. */
function ask(path: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    const outgoing = request({ port, host: '127.0.0.1', path, method, headers: { ...type, ...headers } });
    outgoing.on('error', reject).on('response', (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part));
      answer.on('end', () => {
        const code = /problem\+json/.test(answer.headers['content-type'] ?? '')
          ? (JSON.parse(text) as ProblemDetails).code
          : undefined;
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text, code });
      });
    });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function newCode(): Promise<string> {
  const { url } = (await alice.ask('post', CONTROL_ROUTES.pageLink).expect(201)).body as PageLinkView;
  expect(new URL(url).origin).toBe(`http://127.0.0.1:${port}`);
  return new URL(url).hash.replace('#pair=', '');
}

const pair = (code: string): Promise<Answer> =>
  ask(CONTROL_ROUTES.pair, { method: 'POST', body: { code, name: 'Firefox on Linux' } });

async function letIn(): Promise<PairResult & { headers: { authorization: string } }> {
  const answer = await pair(await newCode());
  expect(answer.status).toBe(201);
  const result = JSON.parse(answer.body) as PairResult;
  return { ...result, headers: { authorization: `Bearer ${result.token}` } };
}

describe('letting a browser in', () => {
  it('a code is good for one token, which is good for the API', async () => {
    const { headers } = await letIn();
    expect((await ask('/api/status', { headers })).status).toBe(200);
  });

  it('a code that was used is refused, and so is one a minute old', async () => {
    const [used, old] = [await newCode(), await newCode()];
    expect((await pair(used)).status).toBe(201);
    expect(await pair(used)).toMatchObject({ status: 401, code: 'code-wrong' });
    await clock.advance(CODE_LIFETIME_MS);
    expect(await pair(old)).toMatchObject({ status: 401, code: 'code-wrong' });
  });

  it('five wrong codes lock it for a minute, for a good code as well', async () => {
    const code = await newCode();
    for (let wrong = 0; wrong < MAX_WRONG_CODES; wrong++) expect((await pair('wrong')).status).toBe(401);
    expect(await pair(code)).toMatchObject({ status: 429, code: 'pairing-locked' });
    await clock.advance(LOCK_MS - 1);
    expect((await pair(await newCode())).status).toBe(429);
    await clock.advance(1);
    expect((await pair(await newCode())).status).toBe(201);
  });

  it('the token of the control port lets nobody in here, and that of a browser nobody there', async () => {
    const { token } = await letIn();
    const own = { authorization: `Bearer ${alice.token}` };
    expect(await ask('/api/status', { headers: own })).toMatchObject({
      status: 401,
      code: 'browser-refused',
    });
    await alice.ask('get', '/api/status').set('authorization', `Bearer ${token}`).expect(401);
  });

  it('a browser that was revoked is cut off at once, in the middle of its events', async () => {
    const { id, headers } = await letIn();
    const stream = new Promise<string>((resolve) => {
      const outgoing = request({ port, host: '127.0.0.1', path: '/api/events', headers });
      outgoing.on('error', () => resolve('cut'));
      outgoing.on('response', (answer) => {
        answer.on('data', () => undefined).on('error', () => resolve('cut'));
        answer.on('end', () => resolve('ended'));
        alice.ask('delete', CONTROL_ROUTES.browser(id)).expect(204, () => undefined);
      });
      outgoing.end();
    });
    expect(await stream).toBe('cut');
    expect((await ask('/api/status', { headers })).status).toBe(401);
    expect((await alice.ask('get', CONTROL_ROUTES.browsers)).body).toEqual([]);
    await alice.ask('delete', CONTROL_ROUTES.browser(id)).expect(404);
  });

  it('has links that need no header for what it saves, each good once, for a minute, and for one address', async () => {
    const pairing = alice.app.get(Pairing);
    const { id, token } = await letIn();
    const socket = new Socket();
    expect(() => pairing.linkTo('/api/status', socket)).toThrow('Links are for browsers');
    pairing.authenticate(token, socket);
    const link = pairing.linkTo('/api/status', socket);
    expect((await ask(link.replace('status', 'files'))).code).toBe('browser-refused');
    expect((await ask(link)).status).toBe(200);
    expect((await ask(link)).code).toBe('browser-refused');
    const late = pairing.linkTo('/api/status', socket);
    await clock.advance(LINK_LIFETIME_MS);
    expect((await ask(late)).code).toBe('browser-refused');
    const revoked = pairing.linkTo('/api/status', socket);
    await pairing.revoke(id);
    expect((await ask(revoked)).code).toBe('browser-refused');
  });

  it('is for a bounded number of browsers, with names of bounded length', async () => {
    const code = await newCode();
    const name = 'n'.repeat(MAX_BROWSER_NAME_CHARACTERS + 1);
    const refused = await ask(CONTROL_ROUTES.pair, { method: 'POST', body: { code, name } });
    expect(refused.status).toBe(422);
    const named = { code, name: name.slice(1) };
    expect((await ask(CONTROL_ROUTES.pair, { method: 'POST', body: named })).status).toBe(201);
    const environment: NodeEnvironment = alice.app.get(NodeEnvironment);
    const { page } = environment.profile;
    const [one] = page.record.browsers;
    if (one === undefined) throw new Error('it was not stored');
    await page.save({ ...page.record, browsers: Array.from({ length: MAX_BROWSERS - 1 }, () => one) });
    expect((await pair(await newCode())).status).toBe(201);
    expect(await pair(await newCode())).toMatchObject({ status: 409, code: 'browsers-too-many' });
  });

  it('says which browsers may use the page, without their tokens', async () => {
    const { id, token } = await letIn();
    const answer = await alice.ask('get', CONTROL_ROUTES.browsers).expect(200);
    const at = '2026-11-29T00:00:00.000Z';
    expect(answer.body).toEqual([{ id, name: 'Firefox on Linux', pairedAt: at, seenAt: at }]);
    expect(answer.text).not.toContain(token);
  });
});

describe('whom the page’s port answers', () => {
  const wrongHosts = ['evil.example', '127.0.0.1', 'localhost', 'localhost.evil.example', '127.0.0.1:1'];
  it.each(wrongHosts)('not under the name %j, on no route', async (host) => {
    const { headers } = await letIn();
    for (const path of ['/', '/icon.svg', '/api/status', '/no/such/route', CONTROL_ROUTES.pair]) {
      const answer = await ask(path, { headers: { ...headers, host } });
      expect([path, answer.status, answer.code]).toEqual([path, 403, 'host-refused']);
    }
  });

  it('under its own two names', async () => {
    const { headers } = await letIn();
    for (const name of ['127.0.0.1', 'localhost']) {
      const own = { host: `${name}:${port}`, origin: `http://${name}:${port}` };
      expect((await ask('/api/status', { headers: { ...headers, ...own } })).status).toBe(200);
    }
  });

  it('no page of another origin, be it of another port of this machine', async () => {
    const { headers } = await letIn();
    for (const origin of [
      'http://evil.example',
      'null',
      'http://localhost:3000',
      `https://localhost:${port}`,
    ]) {
      const answer = await ask('/api/status', { headers: { ...headers, origin } });
      expect([origin, answer.status, answer.code]).toEqual([origin, 403, 'origin-refused']);
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });

  it.each(['/api/status', '/%61pi/status', '//api/status', '/api/../api/status', '/API/status', '/api/docs'])(
    'nobody without a token at %s',
    async (path) => {
      const { status, body } = await ask(path);
      expect([401, 404]).toContain(status);
      expect(body).not.toContain('peerId');
    },
  );

  it('with the headers that keep a page in its place, on errors too', async () => {
    for (const path of ['/', '/icon.svg', '/api/status', '/no/such/route']) {
      const { headers } = await ask(path);
      expect(headers).toMatchObject(PAGE_HEADERS);
      const policy = headers['content-security-policy'] ?? '';
      for (const rule of [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
      ])
        expect(policy).toContain(rule);
      // Nothing inline, and nothing of another host.
      expect(policy).not.toMatch(/unsafe|http|\*/);
      expect(headers['x-content-type-options']).toBe('nosniff');
    }
    expect((await ask('/api/status', { headers: { host: 'evil.example' } })).headers).toMatchObject(
      PAGE_HEADERS,
    );
  });
});

describe('the port of the page', () => {
  const timeouts = { headersTimeout: 1_000, connectionsCheckingInterval: 1_000 };
  const started = async (store: MemoryPageStore, set: number | null = null): Promise<PageServer> => {
    const server = new PageServer(store, set);
    await server.start(() => undefined, timeouts);
    return server;
  };

  it('is kept by its profile, and not taken by another one meanwhile', async () => {
    const store = new MemoryPageStore();
    const first = await started(store);
    const kept = first.port;
    await first.close(0);
    const other = new MemoryPageStore();
    other.others = new Set([kept ?? 0]);
    const second = await started(other);
    expect(second.port).not.toBe(kept);
    const again = await started(store);
    expect(again.port).toBe(kept);
    await Promise.all([second.close(0), again.close(0)]);
  });

  it('is said to be taken when a link is wanted, and at the start where it was set', async () => {
    const store = new MemoryPageStore();
    store.record = { port, browsers: [] };
    const server = await started(store);
    expect(server.port).toBeNull();
    await expect(server.origin()).rejects.toMatchObject({ code: 'page-port-taken' });
    await expect(started(store, port)).rejects.toMatchObject({ code: 'page-port-taken' });
  });
});
