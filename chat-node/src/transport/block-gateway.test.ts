import { once } from 'node:events';
import { connect } from 'node:tls';
import {
  BLOCK_SILENCE_MS,
  BLOCKS_ALPN_PROTOCOL,
  type BlockRequest,
  encodeBlockRequest,
  MAX_BLOCK_CONNECTIONS,
  MAX_BLOCK_CONNECTIONS_PER_PEER,
  MAX_BLOCK_REQUESTS,
  SystemClock,
} from '@p2p-chat/shared';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BlockHandler } from '../core/ports/block.transport.js';
import type { Identity } from '../profile/keystore.js';
import { testIdentity } from '../testing/identities.js';
import { RecordingHandler } from '../testing/recording-handler.js';
import { recordingLogger } from '../testing/recording-logger.js';
import { BlockGateway } from './block-gateway.js';
import { PeerGateway } from './peer-gateway.js';
import { tlsOptions } from './tls-options.js';

const HOST = '127.0.0.1';
const REQUEST: BlockRequest = {
  kind: 'block',
  conversation: 'a'.repeat(52),
  root: '00'.repeat(32),
  index: 1,
};

let alice: Identity, bob: Identity;
const cleanUp: (() => unknown)[] = [];

beforeAll(async () => {
  [alice, bob] = (await Promise.all(['alice', 'bob'].map(testIdentity))) as [Identity, Identity];
});
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

function blocksOf(identity: Identity): BlockGateway {
  const gateway = new BlockGateway({ identity, clock: new SystemClock(), logger: recordingLogger().logger });
  cleanUp.push(() => gateway.stop());
  return gateway;
}

/** Alice's node; only what is told of it differs. @returns its port */
async function serve(handler: Partial<BlockHandler>): Promise<number> {
  const clock = new SystemClock();
  const { logger } = recordingLogger();
  const blocks = blocksOf(alice);
  blocks.serve({ admits: () => true, answer: () => Promise.resolve(null), ...handler });
  const gateway = new PeerGateway({
    identity: alice,
    host: HOST,
    port: 0,
    portMayMove: false,
    user: 'Alice',
    agent: 'x/1',
    instance: 'a',
    clock,
    logger,
    onIdentified: () => undefined,
    onGone: () => undefined,
    blocks,
  });
  cleanUp.push(() => gateway.stop('over'));
  return gateway.listen(new RecordingHandler());
}

const dial = (port: number) =>
  blocksOf(bob).open(alice.peerId, [{ host: HOST, port }], new AbortController().signal);

describe('connections for blocks', () => {
  it('share the port of the links, and bring what is asked for, in order', async () => {
    const asked: string[] = [];
    const port = await serve({
      answer: (peerId, { index }) => {
        asked.push(peerId);
        return Promise.resolve(index === 2 ? null : new Uint8Array([index]));
      },
    });
    const connection = await dial(port);
    const answers = [0, 1, 2, 3].map((index) => connection.request({ ...REQUEST, index }, 1));
    expect(await Promise.all(answers)).toEqual([
      new Uint8Array([0]),
      new Uint8Array([1]),
      null,
      new Uint8Array([3]),
    ]);
    expect(new Set(asked)).toEqual(new Set([bob.peerId]));
  });

  it('are refused to who may ask for nothing', async () => {
    const port = await serve({ admits: () => false });
    await expect(dial(port).then((connection) => connection.request(REQUEST, 1))).rejects.toMatchObject({
      code: expect.stringMatching(/peer-unreachable|tls-failed/) as string,
    });
  });

  it('end where the answer has not the length that it should have', async () => {
    const port = await serve({ answer: () => Promise.resolve(new Uint8Array(2)) });
    const connection = await dial(port);
    await expect(connection.request(REQUEST, 1)).rejects.toMatchObject({ code: 'peer-unreachable' });
  });

  it('end where more is asked for at a time than may be', async () => {
    const port = await serve({ answer: () => new Promise(() => undefined) });
    const socket = connect({ ...tlsOptions(bob, [BLOCKS_ALPN_PROTOCOL]), host: HOST, port });
    cleanUp.push(() => socket.destroy());
    socket.on('error', () => undefined);
    await once(socket, 'secureConnect');
    const closed = once(socket, 'close');
    for (let nth = 0; nth <= MAX_BLOCK_REQUESTS; nth += 1) socket.write(encodeBlockRequest(REQUEST));
    await closed;
  });

  it('are few for each peer, and in all', async () => {
    const port = await serve({ answer: () => Promise.resolve(new Uint8Array(1)) });
    const open = await Promise.all(
      Array.from({ length: MAX_BLOCK_CONNECTIONS_PER_PEER }, async () => {
        const connection = await dial(port);
        await connection.request(REQUEST, 1);
        return connection;
      }),
    );
    await expect(dial(port).then((connection) => connection.request(REQUEST, 1))).rejects.toBeInstanceOf(
      Error,
    );
    expect(await open[0]?.request(REQUEST, 1)).toEqual(new Uint8Array(1));
    expect(MAX_BLOCK_CONNECTIONS).toBeGreaterThan(MAX_BLOCK_CONNECTIONS_PER_PEER);
  });

  it('that are silent are closed, before a link is', () => {
    expect(BLOCK_SILENCE_MS).toBe(30_000);
  });

  it('are no links: who speaks one of the two is not heard as the other', async () => {
    const port = await serve({});
    const socket = connect({ ...tlsOptions(bob, [BLOCKS_ALPN_PROTOCOL]), host: HOST, port });
    cleanUp.push(() => socket.destroy());
    socket.on('error', () => undefined);
    await once(socket, 'secureConnect');
    const closed = once(socket, 'close');
    socket.write(Buffer.alloc(100, 0xff));
    await closed;
  });
});
