import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { directConversation, encodeWireFrame, peerIdOfKey, PROTOCOL_VERSION } from '@p2p-chat/shared';
import { createCertificate } from '../../chat-node/dist/profile/certificate.js';
import { tlsOptions } from '../../chat-node/dist/transport/tls-options.js';
import { sha256 } from '../fuzz/frames.ts';
import { freePort, type RunningDaemon } from './processes.ts';

/**
 * A peer named Deaf, with a key of its own, that says hello and that it holds
 * nothing of what the node's person wrote to it, and then never reads again.
 */
export async function deafPeer(of: RunningDaemon): Promise<TLSSocket> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const socket = connect({
    host: '127.0.0.1',
    port: of.ready.peerPort,
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
      user: 'Deaf',
      agent: 'hand-made/1',
      instance: 'deaf',
      port: await freePort(),
    }),
  );
  const conversation = directConversation(of.peerId, peerIdOfKey(publicKey), sha256);
  socket.write(encodeWireFrame({ type: 'state', conversation, feeds: [{ author: of.peerId, tips: [] }] }));
  await once(socket, 'data');
  socket.pause();
  return socket;
}
