import 'reflect-metadata';
import type { KeyObject } from 'node:crypto';
import { X509CertificateGenerator } from '@peculiar/x509';

// The certificate only carries the key: identity is the key, and time plays no
// part in it. 9999-12-31 is "no end that is known" (RFC 5280, 4.1.2.5).
const NOT_BEFORE = new Date('2000-01-01T00:00:00Z');
const NOT_AFTER = new Date('9999-12-31T23:59:59Z');

/** A self-signed X.509 certificate over an Ed25519 key pair, as PEM. */
export async function createCertificate(keys: {
  privateKey: KeyObject;
  publicKey: KeyObject;
}): Promise<string> {
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=p2p-chat',
    serialNumber: '01',
    notBefore: NOT_BEFORE,
    notAfter: NOT_AFTER,
    signingAlgorithm: { name: 'Ed25519' },
    keys: {
      privateKey: keys.privateKey.toCryptoKey({ name: 'Ed25519' }, true, ['sign']),
      publicKey: keys.publicKey.toCryptoKey({ name: 'Ed25519' }, true, ['verify']),
    },
  });
  return certificate.toString('pem');
}
