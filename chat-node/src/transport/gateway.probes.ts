import { once } from 'node:events';
import { createServer } from 'node:net';
import { errorCode, HANDSHAKE_TIMEOUT_MS } from '@p2p-chat/shared';
import { type Probe, Probes } from '../core/ports/probe.js';
import { tryConnect } from '../runtime/try-connect.js';
import { TransportError } from './errors.js';
import { dialTls, formatAddress } from './tls-dialer.js';

export interface GatewayProbesOptions {
  identity: { peerId: string; keyPem: string; certificatePem: string };
  /** Address that the gateway listens on; '' for all. */
  host: string;
  /** The port that was wished for. */
  wishedPort: number;
  /** The port that is listened on. */
  port: () => number;
  /** Where the node says that it can be reached. */
  addresses: () => readonly string[];
}

/** Whether others can reach the own gateway, as far as this machine can tell: it dials itself. */
export class GatewayProbes extends Probes {
  constructor(private readonly options: GatewayProbesOptions) {
    super();
  }

  override list(): Probe[] {
    const { addresses, host } = this.options;
    const port = this.options.port();
    const announced = host === '' ? addresses() : [host];
    return [
      { hop: 'gateway', subject: `port ${port}`, run: (signal) => this.#listens(port, signal) },
      ...announced.map((address): Probe => {
        const subject = formatAddress({ host: address, port });
        return {
          hop: 'gateway-address',
          subject,
          run: (signal) => this.#answers(address, port, signal),
        };
      }),
    ];
  }

  async #listens(port: number, signal: AbortSignal): Promise<string> {
    const { host, wishedPort } = this.options;
    if (host !== '' && !(await isOwnAddress(host))) {
      throw new TransportError(
        'port-forbidden',
        `P2P_CHAT_HOST is ${host}, which is no address of this machine any more.`,
        {
          hint: 'Nobody reaches this node there: unset P2P_CHAT_HOST, or set it to an address of now, and restart the node.',
        },
      );
    }
    try {
      await tryConnect({ host: host === '' ? '127.0.0.1' : host, port }, HANDSHAKE_TIMEOUT_MS, signal);
    } catch (error) {
      const code = errorCode(error) ?? 'unknown error';
      throw new TransportError('peer-unreachable', `The own port ${port} does not answer (${code}).`, {
        hint: `A firewall on this machine may drop it: let TCP port ${port} pass. If it does, restart the node.`,
        cause: error,
      });
    }
    return wishedPort === port || wishedPort === 0 ? 'listening' : `listening, since ${wishedPort} was taken`;
  }

  async #answers(host: string, port: number, signal: AbortSignal): Promise<string> {
    const { identity } = this.options;
    const where = formatAddress({ host, port });
    try {
      const { socket } = await dialTls({ host, port }, identity.peerId, identity, signal);
      socket.destroy();
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      if (error.code === 'peer-identity-wrong') throw error;
      throw new TransportError(error.code, `This node does not reach itself at ${where}: ${error.message}`, {
        hint: `Others will not either: let TCP port ${port} pass the firewall of this machine.`,
        cause: error,
      });
    }
    return 'answers with the own key';
  }
}

/** Whether the machine has the address now: one that it lost cannot be listened on. */
async function isOwnAddress(host: string): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(0, host);
    await once(server, 'listening');
    return true;
  } catch (error) {
    return errorCode(error) !== 'EADDRNOTAVAIL' && errorCode(error) !== 'EINVAL';
  } finally {
    server.close();
  }
}
