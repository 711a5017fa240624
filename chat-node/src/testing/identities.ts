import { peerIdOfKey } from '@p2p-chat/shared';
import { testKeys } from '@p2p-chat/shared/testing';
import { createCertificate } from '../profile/certificate.js';
import type { Identity } from '../profile/keystore.js';

/** The identity of a name, the same in every run. */
export async function testIdentity(name: string): Promise<Identity> {
  const { privateKey, publicKey } = testKeys(name);
  return {
    peerId: peerIdOfKey(publicKey),
    privateKey,
    publicKey,
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificatePem: await createCertificate({ privateKey, publicKey }),
  };
}
