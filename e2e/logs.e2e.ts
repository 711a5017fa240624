import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { CONTROL_FILE, type ControlFile, encodeJsonFrame } from '@p2p-chat/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCertificate } from '../chat-node/dist/profile/certificate.js';
import { tlsOptions } from '../chat-node/dist/transport/tls-options.js';
import { acquaint, controlOf } from './support/control.ts';
import { TerminalSession } from './support/terminal.ts';
import {
  type CommandResult,
  type RunningDaemon,
  type RunningProcess,
  waitFor,
  World,
} from './support/processes.ts';

/** What an attacker would like to see as a line of its own, or as a command to the terminal of who reads the log. */
const FORGED = '\n{"level":60,"forged":true}\n\r{"forged":true}\u001b[2J\u009b2J\u2028{"forged":true}\n';
const SECRET = `for Bob alone ${randomBytes(12).toString('hex')}`;

const world = new World();
let discovery: RunningProcess & { url: string; port: number };
let alice: RunningDaemon;
let bob: RunningDaemon;
let session: TerminalSession;
/** Where Node writes, on a signal, what it knows of Bob's process: as for a dump of it. */
let dump: string;
const failed: CommandResult[] = [];

beforeAll(async () => {
  const env = { LOG_LEVEL: 'debug' };
  discovery = await world.discovery({ env });
  const folder = await world.folder();
  dump = join(folder, 'dump.json');
  const NODE_OPTIONS = `--report-on-signal --report-directory=${folder} --report-filename=dump.json`;
  bob = await world.daemon({
    user: 'Bob',
    discovery: [discovery.url, await rogueUrl()],
    env: { ...env, NODE_OPTIONS },
  });
  alice = await world.daemon({ user: 'Alice', peers: [`127.0.0.1:${bob.ready.peerPort}`], env });
  await waitFor('Bob', async () => (await controlOf(alice).peers(false)).length > 0);
  await acquaint(alice, bob);
  await alice.json(['send', bob.peerId, SECRET, '--wait', 'delivered']);
  session = TerminalSession.console(bob.env);
  await session.until('What would you like to do?');
});
afterAll(async () => {
  await session.kill();
  await world.close();
});

const closing: (() => void)[] = [];
afterAll(() => closing.forEach((close) => close()));

/** A discovery service that answers with lines of its own. */
async function rogueUrl(): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(500, { 'content-type': 'application/problem+json', 'x-registry-id': 'x' });
    response.end(JSON.stringify({ code: `x${FORGED}`, detail: FORGED, title: FORGED }));
  }).listen(0, '127.0.0.1');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

/** Unlike `once`, whatever error comes before it. */
const closeOf = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()));

/** Says to a node's gateway what it is given, and waits for its end. */
async function say(port: number, ...frames: object[]): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const certificatePem = await createCertificate({ privateKey: createPrivateKey(keyPem), publicKey });
  const socket: TLSSocket = connectTls({
    ...tlsOptions({ keyPem, certificatePem }),
    host: '127.0.0.1',
    port,
  });
  socket.on('error', () => undefined).resume();
  const closed = closeOf(socket);
  await once(socket, 'secureConnect');
  for (const frame of frames) socket.write(encodeJsonFrame(JSON.stringify(frame)));
  socket.end();
  await closed;
}

async function request(port: number, text: string): Promise<void> {
  const socket = connectTcp(port, '127.0.0.1');
  socket.on('error', () => undefined).resume();
  socket.end(text);
  await closeOf(socket);
}

const hello = { type: 'hello', protocol: 1, user: 'Eve', agent: 'x', instance: 'i', port: 0 };

describe('the logs', () => {
  it('have one JSON object a line, and none that somebody else wrote', async () => {
    const { peerPort, controlPort } = bob.ready;
    await say(peerPort, { ...hello, user: FORGED });
    await say(peerPort, { ...hello, agent: FORGED, instance: FORGED });
    await say(peerPort, { ...hello, protocol: FORGED });
    await say(peerPort, hello, { type: FORGED });
    await say(peerPort, hello, { type: 'error', code: FORGED.slice(0, 60), detail: FORGED });
    await say(peerPort, { type: 'error', code: FORGED.slice(0, 60), detail: FORGED });
    await say(peerPort, hello, { type: 'bye', reason: FORGED });
    await request(peerPort, FORGED);
    for (const port of [discovery.port, controlPort]) {
      const path = encodeURIComponent(FORGED);
      await request(port, `GET /${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
      await request(port, `GET /%zz${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
      await request(port, `GET / HTTP/1.1\r\nHost: x${FORGED}\r\n\r\n`);
      await request(port, `PUT / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n${FORGED}`);
      const body = JSON.stringify({ HOST: FORGED, PORT: 1, USER: FORGED });
      await request(
        port,
        `PUT / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    }
    // The service that answers so is named in the log, with its words.
    await waitFor('the words of the rogue service', () => bob.stderr.includes('discovery service fails'));
    for (const service of [discovery, alice, bob]) {
      for (const line of service.stderr.split('\n').filter((text) => text !== '')) {
        const parsed = JSON.parse(line) as Record<string, unknown>;
        expect([typeof parsed['level'], typeof parsed['time']], line).toEqual(['number', 'string']);
        expect(Object.keys(parsed)).not.toContain('forged');
        // eslint-disable-next-line no-control-regex -- this is what must not reach a terminal
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
      }
    }
  });

  it('say nothing of who hangs up in the middle of a request', async () => {
    const before = discovery.stderr.length;
    for (let count = 0; count < 50; count += 1) {
      await request(
        discovery.port,
        'PUT / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{',
      );
    }
    // Its answer comes after what those have led to.
    expect((await fetch(`${discovery.url}/health`)).ok).toBe(true);
    expect(discovery.stderr.slice(before)).toBe('');
  });
});

describe('nothing secret', () => {
  it('is in what the processes print, in error texts, in their environment or in their command lines, nor in a dump of these', async () => {
    const { token } = JSON.parse(await readFile(join(bob.home, CONTROL_FILE), 'utf8')) as ControlFile;
    const keys = await Promise.all(
      [alice, bob].map(({ home }) => readFile(join(home, 'identity.key'), 'utf8')),
    );
    const base64 = keys.flatMap((pem) =>
      pem.split('\n').filter((line) => line !== '' && !line.startsWith('-')),
    );
    expect(base64.length).toBeGreaterThanOrEqual(2);
    // The seed alone, which is the key, in the forms in which it could be printed.
    const seeds = keys.map((pem) => createPrivateKey(pem).export({ format: 'jwk' }).d ?? '');
    const secrets = [
      token,
      ...base64,
      ...seeds,
      ...seeds.map((seed) => Buffer.from(seed, 'base64url').toString('hex')),
      SECRET,
    ];
    failed.push(
      await bob.cli(['send', 'Nobody', SECRET]),
      await bob.cli(['send', alice.peerId], { input: SECRET.repeat(4_000) }),
      await bob.cli(['history', alice.peerId, '--before', 'x']),
      await bob.cli(['status', '--json']),
      await bob.cli(['export', 'Nobody']),
    );
    const control = `http://127.0.0.1:${bob.ready.controlPort}`;
    const answers = await Promise.all(
      ['/api/status', '/api/peers/Nobody', `/api/conversations/${alice.peerId}/messages`].map(
        async (path) => {
          const headers = { authorization: `Bearer ${token}x`, 'content-type': 'application/json' };
          const body = JSON.stringify({ body: SECRET });
          const answer = await fetch(control + path, { method: 'POST', headers, body });
          return (await answer.text()) + JSON.stringify([...answer.headers]);
        },
      ),
    );
    const proc = await Promise.all(
      [discovery.child, alice.child, bob.child, session].flatMap(({ pid }) =>
        ['cmdline', 'environ'].map((file) => readFile(`/proc/${pid}/${file}`, 'latin1')),
      ),
    );
    bob.child.kill('SIGUSR2');
    const dumped = await waitFor('the dump', async () => {
      const text = await readFile(dump, 'utf8').catch(() => '');
      return text.endsWith('}\n') && text;
    });
    // With what the process has set for itself and for its children.
    expect(JSON.parse(dumped)).toMatchObject({ environmentVariables: { P2P_CHAT_USER: 'Bob' } });
    const everything = [
      ...[discovery, alice, bob].flatMap(({ stdout, stderr }) => [stdout, stderr]),
      ...failed.flatMap(({ stdout, stderr }) => [stdout, stderr]),
      ...answers,
      ...proc,
      dumped,
      session.output,
    ].join('\n');
    expect(everything.length).toBeGreaterThan(2_000);
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(20);
      expect(everything.includes(secret), secret.slice(0, 4)).toBe(false);
    }
  });
});
