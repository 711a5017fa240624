import { constants, type KeyObject } from 'node:crypto';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { ALPN_PROTOCOL, MAX_CERTIFICATE_BYTES, peerIdOfKey } from '@p2p-chat/shared';
import { TransportError } from './errors.js';

/** What both ends of a link ask of TLS: version 1.3, an Ed25519 certificate, our protocol, no resumption. */
export function tlsOptions(identity: { keyPem: string; certificatePem: string }) {
  return {
    key: identity.keyPem,
    cert: identity.certificatePem,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    sigalgs: 'ed25519',
    ALPNProtocols: [ALPN_PROTOCOL],
    // A resumed session would not show the certificate again.
    secureOptions: constants.SSL_OP_NO_TICKET,
    requestCert: true,
    // There is no authority to ask: the key is the identity, and peerIdOf
    // checks it before anything is sent or read.
    rejectUnauthorized: false,
  } as const;
}

/**
 * Who is at the far end, from the certificate whose key the handshake proved.
 * @throws {TransportError} `tls-failed` where the channel is not one of ours
 */
export function peerIdOf(socket: TLSSocket): string {
  return peerIdOfKey(publicKeyOf(socket));
}

/**
 * The key that the far end proved, of its certificate.
 * @throws {TransportError} `tls-failed` where the channel is not one of ours
 */
export function publicKeyOf(socket: TLSSocket): KeyObject {
  if (socket.alpnProtocol !== ALPN_PROTOCOL) throw refused(`it does not speak ${ALPN_PROTOCOL}`);
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) throw refused('it shows no certificate');
  if (certificate.raw.length > MAX_CERTIFICATE_BYTES) throw refused('its certificate is too large');
  if (certificate.publicKey.asymmetricKeyType !== 'ed25519') throw refused('its key is not Ed25519');
  if (!certificate.verify(certificate.publicKey) || sendsChain(socket.getPeerCertificate(true))) {
    throw refused('its certificate is not self-signed');
  }
  if (certificate.validToDate.getTime() < Date.now()) throw refused('its certificate has expired');
  return certificate.publicKey;
}

// A self-signed certificate is its own issuer, in Node's chain by identity.
function sendsChain(certificate: ReturnType<TLSSocket['getPeerCertificate']> | PeerCertificate): boolean {
  if (!('issuerCertificate' in certificate)) return false;
  const issuer = certificate.issuerCertificate as PeerCertificate | undefined;
  return issuer !== undefined && issuer.fingerprint256 !== certificate.fingerprint256;
}

function refused(reason: string): TransportError {
  return new TransportError('tls-failed', `The far end is no chat node: ${reason}.`);
}
