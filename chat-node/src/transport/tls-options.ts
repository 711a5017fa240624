import { constants, type KeyObject } from 'node:crypto';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { BLOCKS_ALPN_PROTOCOL } from '@p2p-chat/shared';
import { ALPN_PROTOCOL, MAX_CERTIFICATE_BYTES, peerIdOfKey } from '@p2p-chat/shared';
import { TransportError } from './errors.js';

/** What a connection is for, by its ALPN name: a link, or blocks of files. */
export type Purpose = typeof ALPN_PROTOCOL | typeof BLOCKS_ALPN_PROTOCOL;

/** What both ends of a link ask of TLS: version 1.3, an Ed25519 certificate, our protocols, no resumption. */
export function tlsOptions(
  identity: { keyPem: string; certificatePem: string },
  purposes: readonly Purpose[] = [ALPN_PROTOCOL],
) {
  return {
    key: identity.keyPem,
    cert: identity.certificatePem,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    sigalgs: 'ed25519',
    ALPNProtocols: [...purposes],
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
export function peerIdOf(socket: TLSSocket, purpose: Purpose = ALPN_PROTOCOL): string {
  return peerIdOfKey(publicKeyOf(socket, purpose));
}

/**
 * The key that the far end proved, of its certificate.
 * @throws {TransportError} `tls-failed` where the channel is not one of ours
 */
export function publicKeyOf(socket: TLSSocket, purpose: Purpose = ALPN_PROTOCOL): KeyObject {
  if (socket.alpnProtocol !== purpose) throw refused(`it does not speak ${purpose}`);
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
