import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import {
  encodeWireFrame,
  FrameDecoder,
  parseFrame,
  type PlainFrame,
  PROTOCOL_VERSION,
} from '@p2p-chat/shared';
import { createCertificate } from '../../chat-node/dist/profile/certificate.js';
import { tlsOptions } from '../../chat-node/dist/transport/tls-options.js';
import { freePort } from './processes.ts';

/**
 * A peer named Deaf that says hello and then never reads again.
 * @param port of the peer gateway of a node on this machine
 */
export async function deafPeer(port: number): Promise<TLSSocket> {
  const socket = await strangePeer(port, 'Deaf');
  await once(socket, 'data');
  socket.pause();
  return socket;
}

/**
 * A peer named Picky that refuses for good each message that has this text, and acks the others.
 * @param port of the peer gateway of a node on this machine
 */
export async function pickyPeer(port: number, refused: string, code: string): Promise<TLSSocket> {
  const socket = await strangePeer(port, 'Picky');
  const decoder = new FrameDecoder();
  socket.on('data', (chunk: Buffer) => {
    for (const { payload } of decoder.push(chunk)) {
      const frame = parseFrame(payload);
      if (frame.type === 'ping') socket.write(encodeWireFrame({ type: 'pong' }));
      if (frame.type !== 'message') continue;
      for (const one of frame.messages) {
        if (!one.ok) throw new Error(`a malformed message: ${one.code}`);
        const { id, body } = one.message;
        const answer: PlainFrame =
          body === refused ? { type: 'reject', id, code } : { type: 'ack', ids: [id] };
        socket.write(encodeWireFrame(answer));
      }
    }
  });
  return socket;
}

/** A peer with a key of its own that has said hello and knows nothing but messages. */
async function strangePeer(port: number, user: string): Promise<TLSSocket> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const socket = connect({
    host: '127.0.0.1',
    port,
    ...tlsOptions({
      keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      certificatePem: await createCertificate({ privateKey, publicKey }),
    }),
  });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  socket.write(
    encodeWireFrame({
      type: 'hello',
      protocol: PROTOCOL_VERSION,
      user,
      agent: 'hand-made/1',
      instance: user,
      features: [],
      port: await freePort(),
    }),
  );
  return socket;
}
