import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { encodeWireFrame, PROTOCOL_VERSION } from '@p2p-chat/shared';
import { createCertificate } from '../../chat-node/dist/identity/certificate.js';
import { tlsOptions } from '../../chat-node/dist/transport/tls-options.js';
import { freePort } from './processes.ts';

/**
 * A peer named Deaf with a key of its own that says hello and then never reads again.
 * @param port of the peer gateway of a node on this machine
 */
export async function deafPeer(port: number): Promise<TLSSocket> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const socket = connect({
    host: '127.0.0.1',
    port,
    ...tlsOptions({
      keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      certificatePem: await createCertificate({ privateKey, publicKey }),
    }),
  });
  await once(socket, 'secureConnect');
  socket.write(
    encodeWireFrame({
      type: 'hello',
      protocol: PROTOCOL_VERSION,
      user: 'Deaf',
      agent: 'deaf/1',
      instance: 'deaf',
      features: [],
      port: await freePort(),
    }),
  );
  await once(socket, 'data');
  socket.pause();
  socket.on('error', () => undefined);
  return socket;
}
