/* The floor of `make bench-files`, one end: reads a file, hashes it, and sends it over TLS 1.3. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { connect } from 'node:tls';

const BLOCK_BYTES = 1024 * 1024;
const [port, file = ''] = process.argv.slice(2);
const socket = connect({
  host: '127.0.0.1',
  port: Number(port),
  rejectUnauthorized: false,
  minVersion: 'TLSv1.3',
});
await pipeline(
  createReadStream(file, { highWaterMark: BLOCK_BYTES }),
  async function* hashed(blocks: AsyncIterable<Buffer>) {
    for await (const block of blocks) {
      createHash('sha256').update(block).digest();
      yield block;
    }
  },
  socket,
);
