import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';

/**
 * Which of this machine's addresses the kernel would use toward a server. No
 * packet is sent.
 * @returns null where the name is not known or there is no route
 */
export async function localAddressToward(url: URL, signal: AbortSignal): Promise<string | null> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  try {
    const { address, family } = await lookup(host);
    if (signal.aborted) return null;
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    try {
      // Any port will do: the route is the same.
      socket.connect(Number(url.port) || 80, address);
      await once(socket, 'connect', { signal });
      return socket.address().address;
    } finally {
      socket.close();
    }
  } catch {
    return null;
  }
}
