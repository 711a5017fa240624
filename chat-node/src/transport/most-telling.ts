import { toTransportError, TransportError } from './errors.js';

// Somebody else at an address says more than nobody at another.
const TELLING: TransportError['code'][] = [
  'peer-identity-wrong',
  'peer-refused',
  'protocol-error',
  'peer-is-self',
  'tls-failed',
  'handshake-timeout',
  'peer-unreachable',
];

/** Of several attempts that failed, the error that says most. */
export function mostTelling(errors: unknown[]): TransportError {
  const translated = errors.map((error) => toTransportError(error, 'peer'));
  const rank = ({ code }: TransportError): number => {
    const index = TELLING.indexOf(code);
    return index === -1 ? TELLING.length : index;
  };
  translated.sort((a, b) => rank(a) - rank(b));
  return translated[0] ?? new TransportError('peer-unreachable', 'No address of this peer is known.');
}
