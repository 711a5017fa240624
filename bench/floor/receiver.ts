/*
 * The floor's receiver: takes records over TLS 1.3, saves all that arrived in
 * one durable commit, then says how many it has.
 *
 *     node bench/floor/receiver.ts DATABASE   (key and certificate in FLOOR_KEY and FLOOR_CERT)
 *
 * Prints its port. No product code.
 */
import { createServer } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { openTable, RECORD_BYTES } from './table.ts';

const save = openTable(process.argv[2] ?? '');
const server = createServer(
  {
    key: process.env['FLOOR_KEY'],
    cert: process.env['FLOOR_CERT'],
    minVersion: 'TLSv1.3',
    noDelay: true,
  },
  (socket) => {
    let waiting: Buffer[] = [];
    let saved = 0;
    let planned = false;
    const commit = (): void => {
      planned = false;
      const bytes = Buffer.concat(waiting);
      const whole = bytes.length - (bytes.length % RECORD_BYTES);
      waiting = whole < bytes.length ? [bytes.subarray(whole)] : [];
      if (whole === 0) return;
      save(bytes.subarray(0, whole));
      saved += whole / RECORD_BYTES;
      const ack = Buffer.alloc(4);
      ack.writeUInt32BE(saved);
      socket.write(ack);
    };
    socket.on('data', (chunk: Buffer) => {
      waiting.push(chunk);
      if (planned) return;
      planned = true;
      setImmediate(commit);
    });
    socket.on('end', () => process.exit());
    socket.on('error', () => process.exit());
  },
);
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
