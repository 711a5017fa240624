/*
 * Sends to the multicast address of mDNS whatever it is given: packets, one a
 * line, in base64 on stdin. Ends when all have left.
 *
 *     node rogue-multicast.ts ADDRESS
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const socket = createSocket({ type: 'udp4', reuseAddr: true });
socket.bind(5353);
await once(socket, 'listening');
socket.setMulticastInterface(process.argv[2] ?? '');
for await (const line of createInterface({ input: process.stdin })) {
  await new Promise<void>((resolve) => {
    socket.send(Buffer.from(line, 'base64'), 5353, '224.0.0.251', () => resolve());
  });
}
socket.close();
