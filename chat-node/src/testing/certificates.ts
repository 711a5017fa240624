import { createPublicKey, type KeyObject } from 'node:crypto';
import { Extension, X509CertificateGenerator } from '@peculiar/x509';
import { testKeys } from '@p2p-chat/shared/testing';

const ED25519 = { name: 'Ed25519' };
const LONG_AGO = new Date('2000-01-01T00:00:00Z');
const FAR_AHEAD = new Date('9999-12-31T23:59:59Z');

const cryptoKeys = (privateKey: KeyObject, algorithm: { name: string } = ED25519) => ({
  privateKey: privateKey.toCryptoKey(algorithm, true, ['sign']),
  publicKey: createPublicKey(privateKey).toCryptoKey(algorithm, true, ['verify']),
});

/**
 * A self-signed certificate over the key of a test's person, as a node would not make it.
 * @param padding bytes of an extension that means nothing
 */
export async function oddCertificate(
  name: string,
  { notAfter = FAR_AHEAD, padding = 0 }: { notAfter?: Date; padding?: number },
): Promise<{ keyPem: string; certificatePem: string; bytes: number }> {
  const { privateKey } = testKeys(name);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=p2p-chat',
    serialNumber: '01',
    notBefore: LONG_AGO,
    notAfter,
    signingAlgorithm: ED25519,
    keys: cryptoKeys(privateKey),
    extensions: padding === 0 ? [] : [new Extension('1.3.6.1.4.1.99999.1', false, new Uint8Array(padding))],
  });
  return {
    keyPem: pem(privateKey),
    certificatePem: certificate.toString('pem'),
    bytes: certificate.rawData.byteLength,
  };
}

/** A certificate over one person's key that another one issued, together with the issuer's. */
export async function chainedCertificate(
  name: string,
  issuer: string,
): Promise<{ keyPem: string; leafPem: string; chainPem: string }> {
  const { privateKey } = testKeys(name);
  const authority = cryptoKeys(testKeys(issuer).privateKey);
  const root = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=authority',
    serialNumber: '01',
    notBefore: LONG_AGO,
    notAfter: FAR_AHEAD,
    signingAlgorithm: ED25519,
    keys: authority,
  });
  const leaf = await X509CertificateGenerator.create({
    subject: 'CN=p2p-chat',
    issuer: 'CN=authority',
    serialNumber: '02',
    notBefore: LONG_AGO,
    notAfter: FAR_AHEAD,
    signingAlgorithm: ED25519,
    publicKey: cryptoKeys(privateKey).publicKey,
    signingKey: authority.privateKey,
  });
  const leafPem = leaf.toString('pem');
  return { keyPem: pem(privateKey), leafPem, chainPem: `${leafPem}\n${root.toString('pem')}` };
}

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
