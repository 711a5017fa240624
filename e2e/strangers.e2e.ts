import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect as connectTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import {
  CONTROL_FILE,
  CONTROL_ROUTES,
  type ControlFile,
  encodeJsonFrame,
  encodeWireFrame,
  FrameDecoder,
  HANDSHAKE_TIMEOUT_MS,
  MAX_UNAUTHENTICATED,
  type MessageView,
  type SendResult,
} from '@p2p-chat/shared';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createCertificate } from '../chat-node/dist/identity/certificate.js';
import { tlsOptions } from '../chat-node/dist/transport/tls-options.js';
import { acquaint } from './support/control.ts';
import { type RunningDaemon, waitFor, World } from './support/processes.ts';

/** Messages that Alice writes to Bob during each attack. */
const MESSAGES = 20;
/** What a person would not notice, in milliseconds; on a busy machine. */
const MAX_LATENCY_MS = 1_000;
const MAX_GROWTH_BYTES = 64 * 1024 * 1024;

const world = new World();
let alice: RunningDaemon;
let bob: RunningDaemon;
let mallory: { keyPem: string; certificatePem: string };
const sockets = new Set<Socket>();

beforeAll(async () => {
  bob = await world.daemon({ user: 'Bob' });
  alice = await world.daemon({ user: 'Alice', peers: [`127.0.0.1:${bob.ready.peerPort}`] });
  await waitFor('Bob', async () => (await alice.json(['peers'])).length === 1);
  await acquaint(alice, bob);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  mallory = {
    keyPem,
    certificatePem: await createCertificate({ privateKey: createPrivateKey(keyPem), publicKey }),
  };
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
});
afterAll(() => world.close());

/** A connection to Bob from one of this machine's many loopback addresses. */
function knock(from = 1): Socket {
  const socket = connectTcp({
    port: bob.ready.peerPort,
    host: '127.0.0.1',
    localAddress: `127.0.${1 + Math.floor(from / 250)}.${1 + (from % 250)}`,
  });
  return keep(socket);
}

function keep<T extends Socket>(socket: T): T {
  sockets.add(socket.on('error', () => undefined));
  socket.on('close', () => sockets.delete(socket));
  return socket;
}

async function knockTls(): Promise<TLSSocket> {
  const socket = connectTls({ ...tlsOptions(mallory), host: '127.0.0.1', port: bob.ready.peerPort });
  keep(socket).resume();
  await once(socket, 'secureConnect');
  return socket;
}

const residentBytes = async (): Promise<number> => {
  const status = await readFile(`/proc/${bob.child.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
};

/** How long each message takes from Alice's hand to Bob's disk and back, in milliseconds. */
async function chat(): Promise<number[]> {
  const { port, token } = JSON.parse(await readFile(join(alice.home, CONTROL_FILE), 'utf8')) as ControlFile;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const url = `http://127.0.0.1:${port}${CONTROL_ROUTES.messages(bob.peerId)}`;
  const taken: number[] = [];
  for (let count = 0; count < MESSAGES; count += 1) {
    const began = performance.now();
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ body: `${count}` }) });
    const { id } = (await answer.json()) as SendResult;
    for (;;) {
      const [last] = (await (await fetch(`${url}?limit=1`, { headers })).json()) as MessageView[];
      if (last?.id === id && last.state !== 'queued') break;
      expect(performance.now() - began).toBeLessThan(10 * MAX_LATENCY_MS);
    }
    taken.push(performance.now() - began);
  }
  return taken;
}

/** While an attack goes on two others chat undisturbed, and afterwards the memory is what it was. */
async function undisturbed(attack: () => Promise<void>): Promise<void> {
  const before = await residentBytes();
  await attack();
  expect(Math.max(...(await chat()))).toBeLessThan(MAX_LATENCY_MS);
  for (const socket of sockets) socket.destroy();
  expect(bob.running).toBe(true);
  expect((await residentBytes()) - before).toBeLessThan(MAX_GROWTH_BYTES);
  const [status] = await bob.json<{ links: number }>(['status']);
  expect(status?.links).toBe(1);
}

describe('two people chat undisturbed while a stranger', () => {
  it('opens 1,000 connections and says nothing; those within the limit are gone after 5 s', async () => {
    await undisturbed(async () => {
      const opened = Array.from({ length: 1_000 }, (_, index) => knock(index));
      await Promise.all(
        opened.map((socket) =>
          Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => null),
        ),
      );
      await waitFor('those past the limit to be closed', () => sockets.size <= MAX_UNAUTHENTICATED);
      expect(sockets.size).toBeGreaterThan(0);
    });
    const again = Array.from({ length: MAX_UNAUTHENTICATED }, (_, index) => knock(index));
    const began = performance.now();
    await Promise.all(again.map((socket) => once(socket, 'close').catch(() => null)));
    expect(performance.now() - began).toBeLessThan(HANDSHAKE_TIMEOUT_MS + 3_000);
  });

  it('begins a TLS handshake and never ends it, 40 times', async () => {
    const hello = Buffer.from('16030100f5010000f10303', 'hex');
    await undisturbed(async () => {
      for (let from = 0; from < 40; from += 1) {
        const socket = knock(from);
        await once(socket, 'connect');
        socket.write(hello.subarray(0, 1 + (from % hello.length)));
      }
    });
  });

  it('closes its half of each connection at once', async () => {
    await undisturbed(async () => {
      for (let from = 0; from < 200; from += 1) {
        const socket = knock(from);
        await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => null);
        socket.end();
      }
    });
  });

  it.each<[string, Buffer]>([
    ['promises 4 GiB', Buffer.from('ffffffff01', 'hex')],
    ['nests JSON 10,000 levels deep', encodeJsonFrame('['.repeat(10_000) + ']'.repeat(10_000))],
    ['sends bytes that are no UTF-8', Buffer.from('000000050122fffe22', 'hex')],
    ['sends __proto__ keys', encodeJsonFrame('{"type":"hello","__proto__":{"protocol":1},"protocol":1}')],
    ['sends numbers past 2^53', encodeJsonFrame('{"type":"hello","protocol":9007199254740993}')],
    [
      'sends lone surrogates',
      encodeJsonFrame(
        '{"type":"hello","protocol":1,"user":"\\ud800","agent":"","instance":"","features":[],"port":1}',
      ),
    ],
    [
      'sends 64 KiB of combining marks as its name',
      encodeJsonFrame(
        `{"type":"hello","protocol":1,"user":"a${'\u0301'.repeat(32_768)}","agent":"","instance":"","features":[],"port":1}`,
      ),
    ],
  ])('%s, 100 times', async (_what, bytes) => {
    await undisturbed(async () => {
      for (let count = 0; count < 100; count += 1) {
        const socket = await knockTls();
        const closed = once(socket, 'close').catch(() => null);
        socket.write(bytes);
        await closed;
      }
    });
  });

  it('with a link of its own asks 100,000 times whether anybody is there', async () => {
    const socket = await knockTls();
    const decoder = new FrameDecoder();
    let pongs = 0;
    socket.on('data', (chunk: Buffer) => {
      for (const { payload } of decoder.push(chunk)) if (payload.includes('pong')) pongs += 1;
    });
    const hello = { protocol: 1, user: 'Mallory', agent: '', instance: 'm', features: [], port: 0 };
    socket.write(encodeWireFrame({ type: 'hello', ...hello }));
    const pings = Buffer.concat(Array<Buffer>(1_000).fill(encodeWireFrame({ type: 'ping' })));
    const flooding = (async () => {
      for (let count = 0; count < 100; count += 1) if (!socket.write(pings)) await once(socket, 'drain');
    })();
    expect(Math.max(...(await chat()))).toBeLessThan(MAX_LATENCY_MS);
    await flooding;
    await waitFor('an answer to each', () => pongs === 100_000);
  });
});
