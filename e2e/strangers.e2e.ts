import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import {
  encodeJsonFrame,
  encodeWireFrame,
  FrameDecoder,
  HANDSHAKE_TIMEOUT_MS,
  MAX_UNAUTHENTICATED,
} from '@p2p-chat/shared';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createCertificate } from '../chat-node/dist/profile/certificate.js';
import { tlsOptions } from '../chat-node/dist/transport/tls-options.js';
import { Bystanders, dripping, settled } from './support/bystanders.ts';
import { waitFor, World } from './support/processes.ts';

const world = new World();
let people: Bystanders;
let mallory: { keyPem: string; certificatePem: string };

beforeAll(async () => {
  people = await Bystanders.meet(world);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  mallory = {
    keyPem,
    certificatePem: await createCertificate({ privateKey: createPrivateKey(keyPem), publicKey }),
  };
});
afterEach(() => people.closeSockets());
afterAll(() => world.close());

const knock = (from = 1): Socket => people.knock(people.bob.ready.peerPort, from);
const undisturbed = (attack: () => Promise<void | (() => unknown)>): Promise<void> =>
  people.undisturbed(people.bob, attack);

async function knockTls(): Promise<TLSSocket> {
  const socket = connectTls({ ...tlsOptions(mallory), host: '127.0.0.1', port: people.bob.ready.peerPort });
  people.keep(socket).resume();
  await once(socket, 'secureConnect');
  return socket;
}

const HELLO = Buffer.from(
  encodeWireFrame({
    type: 'hello',
    protocol: 1,
    user: 'Mallory',
    agent: '',
    instance: 'm',
    port: 0,
  }),
);
/** How a TLS handshake begins. */
const CLIENT_HELLO = Buffer.from('16030100f5010000f10303', 'hex');

describe('two people chat undisturbed while a stranger', () => {
  it('opens 1,000 connections and says nothing; those within the limit are gone after 5 s', async () => {
    await undisturbed(async () => {
      const opened = Array.from({ length: 1_000 }, (_, index) => knock(index));
      await settled(opened);
      await waitFor('those past the limit to be closed', () => people.sockets.size <= MAX_UNAUTHENTICATED);
      expect(people.sockets.size).toBeGreaterThan(0);
    });
    const again = Array.from({ length: MAX_UNAUTHENTICATED }, (_, index) => knock(index));
    const began = performance.now();
    await Promise.all(again.map((socket) => once(socket, 'close').catch(() => null)));
    expect(performance.now() - began).toBeLessThan(HANDSHAKE_TIMEOUT_MS + 3_000);
  });

  it('begins a TLS handshake and never ends it, 40 times', async () => {
    await undisturbed(async () => {
      for (let from = 0; from < 40; from += 1) {
        const socket = knock(from);
        await once(socket, 'connect');
        socket.write(CLIENT_HELLO.subarray(0, 1 + (from % CLIENT_HELLO.length)));
      }
    });
  });

  it('sends one byte a second: of a TLS handshake, of a hello, and of a message on a link of its own', async () => {
    await undisturbed(async () => {
      const shaking = Array.from({ length: 20 }, (_, from) => knock(from));
      const greeting = await Promise.all(Array.from({ length: 4 }, knockTls));
      const linked = await knockTls();
      linked.write(HELLO);
      // The header of a frame of 256 KiB, which would take three days.
      linked.write(Buffer.from('0004000001', 'hex'));
      const stops = [
        dripping(shaking, CLIENT_HELLO),
        dripping(greeting, HELLO),
        dripping([linked], Buffer.from(' ')),
      ];
      return async () => {
        await waitFor('those without a hello to be closed', () => people.sockets.size <= 1);
        for (const stop of stops) stop();
      };
    });
  });

  it('closes its half of each connection at once', async () => {
    await undisturbed(async () => {
      for (let from = 0; from < 200; from += 1) {
        const socket = knock(from);
        await settled([socket]);
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
      encodeJsonFrame('{"type":"hello","protocol":1,"user":"\\ud800","agent":"","instance":"","port":1}'),
    ],
    [
      'sends 64 KiB of combining marks as its name',
      encodeJsonFrame(
        `{"type":"hello","protocol":1,"user":"a${'\u0301'.repeat(32_768)}","agent":"","instance":"","port":1}`,
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
    await undisturbed(async () => {
      const socket = await knockTls();
      const decoder = new FrameDecoder();
      let pongs = 0;
      socket.on('data', (chunk: Buffer) => {
        for (const { payload } of decoder.push(chunk)) if (payload.includes('pong')) pongs += 1;
      });
      socket.write(HELLO);
      const pings = Buffer.concat(Array<Uint8Array>(1_000).fill(encodeWireFrame({ type: 'ping' })));
      const flooding = (async () => {
        for (let count = 0; count < 100; count += 1) if (!socket.write(pings)) await once(socket, 'drain');
      })();
      return async () => {
        await flooding;
        await waitFor('an answer to each', () => pongs === 100_000);
      };
    });
  });
});
