import { ALPN_PROTOCOL, errorCode, HANDSHAKE_TIMEOUT_MS, shortPeerId } from '@p2p-chat/shared';
import type { PeerAddress } from '../core/peers/peer.js';
import type { PeerTransport } from '../core/ports/peer-link.js';
import { AddressProbes, type Probe } from '../core/ports/probe.js';
import { tryConnect } from '../runtime/try-connect.js';
import { TransportError } from './errors.js';
import { dialTls, formatAddress } from './tls-dialer.js';

/** Keeps a handshake to packets of a few hundred bytes; Node's own choice, with ML-KEM, fills whole ones both ways. */
const SMALL_KEY_EXCHANGE = 'X25519';

/** The way to an address over TCP and TLS, up to the hello. */
export class TlsAddressProbes extends AddressProbes {
  constructor(
    private readonly identity: { keyPem: string; certificatePem: string },
    private readonly transport: PeerTransport,
  ) {
    super();
  }

  override toward(peerId: string, address: PeerAddress, linked: boolean): Probe {
    const subject = formatAddress(address);
    let found = '';
    const protocol: Probe = {
      hop: 'peer-protocol',
      subject,
      run: (signal) => this.#hello(peerId, address, linked, signal),
    };
    const identity: Probe = {
      hop: 'peer-identity',
      subject,
      run: () => isWanted(subject, peerId, found),
      next: [protocol],
    };
    const tls: Probe = {
      hop: 'peer-tls',
      subject,
      run: async (signal) => {
        found = await this.#handshake(address, signal);
        return 'TLS 1.3';
      },
      next: [identity],
    };
    return { hop: 'peer-connect', subject, run: (signal) => connects(address, signal), next: [tls] };
  }

  async #handshake(address: PeerAddress, signal: AbortSignal): Promise<string> {
    try {
      return await this.#identified(address, signal);
    } catch (error) {
      if (!(error instanceof TransportError) || error.code === 'aborted') throw error;
      // Where large packets are lost, either end may be the first to give up.
      const answers = await this.#identified(address, signal, SMALL_KEY_EXCHANGE).catch(() => null);
      if (answers !== null) throw largeLost(address, error);
      throw error.code === 'handshake-timeout' ? silent(address, error) : noNode(address, error);
    }
  }

  async #identified(address: PeerAddress, signal: AbortSignal, groups?: string): Promise<string> {
    const { socket, peerId } = await dialTls(
      address,
      null,
      this.identity,
      signal,
      ALPN_PROTOCOL,
      groups === undefined ? {} : { groups },
    );
    socket.destroy();
    return peerId;
  }

  async #hello(peerId: string, address: PeerAddress, linked: boolean, signal: AbortSignal): Promise<string> {
    if (linked) return 'the link is open';
    try {
      const { agent } = await this.transport.dial(peerId, [address], signal);
      return `${agent} said hello`;
    } catch (error) {
      if (!(error instanceof TransportError) || error.code === 'aborted') throw error;
      throw new TransportError(
        error.code,
        `${formatAddress(address)} has the right key, and no link comes about: ${error.message}`,
        { hint: 'Update p2p-chat on both machines, and see the log of the node there.', cause: error },
      );
    }
  }
}

function noNode(address: PeerAddress, cause: TransportError): TransportError {
  const why = errorCode(cause.cause) ?? cause.message.replace(/\.$/, '');
  return new TransportError(
    cause.code,
    `What listens at ${formatAddress(address)} is no p2p-chat node (${why}).`,
    { hint: 'Another program has that port: ask for the port that "p2p-chat status" shows there.', cause },
  );
}

function silent(address: PeerAddress, cause: TransportError): TransportError {
  return new TransportError(
    cause.code,
    `What listens at ${formatAddress(address)} takes the connection and says nothing.`,
    { hint: 'Restart the node there; something in between may also hold the connection back.', cause },
  );
}

function largeLost(address: PeerAddress, cause: TransportError): TransportError {
  return new TransportError(
    'large-packets-lost',
    `Small packets reach ${formatAddress(address)} and come back, and large ones are lost on the way.`,
    {
      hint: 'Something in between (a tunnel, a switch, a router) takes less than the interfaces send: set a smaller MTU on both machines (ip link set eth0 mtu 1280), or let ICMP "fragmentation needed" pass.',
      cause,
    },
  );
}

async function connects(address: PeerAddress, signal: AbortSignal): Promise<string> {
  const where = formatAddress(address);
  try {
    await tryConnect(address, HANDSHAKE_TIMEOUT_MS, signal);
    return 'connected';
  } catch (error) {
    throw unreachable(where, address.port, error);
  }
}

function unreachable(where: string, port: number, cause: unknown): TransportError {
  const code = errorCode(cause) ?? 'unknown error';
  switch (code) {
    case 'ECONNREFUSED':
      return new TransportError('peer-unreachable', `The connection is refused at ${where} (${code}).`, {
        hint: `The node does not run there, or a firewall rejects it: start it, and let TCP port ${port} pass.`,
        cause,
      });
    case 'ETIMEDOUT':
      return new TransportError('peer-unreachable', `Nothing answers at ${where} (${code}).`, {
        hint: `That machine is off or elsewhere, or a firewall drops what is sent: let TCP port ${port} pass there.`,
        cause,
      });
    default:
      return new TransportError('peer-unreachable', `There is no way to ${where} (${code}).`, {
        hint: 'Check that both machines are connected to the same network.',
        cause,
      });
  }
}

function isWanted(where: string, wanted: string, found: string): string {
  if (found === wanted) return `proves to be ${shortPeerId(wanted)}`;
  throw new TransportError(
    'peer-identity-wrong',
    `${where} answers with the key of ${shortPeerId(found)}, not with that of ${shortPeerId(wanted)}.`,
    {
      hint: 'Somebody else has that address now, or pretends to: nothing was sent. Ask them by another way where they are.',
    },
  );
}
