/*
 * The floor's sender: saves records in grouped durable commits, sends them
 * over TLS 1.3 and counts what the receiver says it has.
 *
 *     node bench/floor/sender.ts DATABASE PORT MESSAGES LONE_MESSAGES
 *
 * Prints one JSON object. No product code.
 */
import { once } from 'node:events';
import { connect } from 'node:tls';
import { BODY_BYTES, openTable, RECORD_BYTES } from './table.ts';

/** Messages in one commit. */
const GROUP = 1_024;
/** Messages that are sent and not acked at any time. */
const WINDOW = 8 * GROUP;

const [, , file = '', port = '', messages = '', loneMessages = ''] = process.argv;
const save = openTable(file);
const socket = connect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false });
await once(socket, 'secureConnect');
socket.setNoDelay(true);

let sent = 0;
let acked = 0;
let wake: () => void = () => undefined;
let rest = Buffer.alloc(0);
socket.on('data', (chunk: Buffer) => {
  rest = Buffer.concat([rest, chunk]);
  const whole = rest.length - (rest.length % 4);
  if (whole === 0) return;
  acked = rest.readUInt32BE(whole - 4);
  rest = rest.subarray(whole);
  wake();
});

function records(count: number): Buffer {
  const bytes = Buffer.alloc(count * RECORD_BYTES, '.');
  for (let at = 0; at < count; at += 1) bytes.writeUInt32BE((sent += 1), at * RECORD_BYTES);
  return bytes;
}

async function until(reached: () => boolean): Promise<void> {
  while (!reached()) await new Promise<void>((resolve) => (wake = resolve));
}

async function send(count: number): Promise<void> {
  const group = records(count);
  save(group);
  socket.write(group);
  await until(() => sent - acked < WINDOW);
}

const lone: number[] = [];
for (let count = 0; count < Number(loneMessages); count += 1) {
  const began = performance.now();
  await send(1);
  await until(() => acked === sent);
  lone.push(performance.now() - began);
}
lone.sort((a, b) => a - b);
const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => lone[Math.floor(lone.length * share)] ?? NaN);

const began = performance.now();
for (let left = Number(messages); left > 0; left -= GROUP) await send(Math.min(GROUP, left));
await until(() => acked === sent);
const seconds = (performance.now() - began) / 1_000;
console.log(
  JSON.stringify({ bodyBytes: BODY_BYTES, perSecond: Math.round(Number(messages) / seconds), p50, p95, p99 }),
);
socket.end();
process.exit();
