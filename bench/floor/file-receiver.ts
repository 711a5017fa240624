/*
 * The floor of `make bench-files`, the other end: receives over TLS 1.3, hashes each block, writes
 * it, and makes the file durable.
 *
 *     node bench/floor/file-receiver.ts PORT FILE   (key and certificate in FLOOR_KEY and FLOOR_CERT)
 */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { createServer, type TLSSocket } from 'node:tls';

const BLOCK_BYTES = 1024 * 1024;
const [port, path = ''] = process.argv.slice(2);
const server = createServer({
  key: process.env['FLOOR_KEY'],
  cert: process.env['FLOOR_CERT'],
  minVersion: 'TLSv1.3',
});
server.on('secureConnection', (socket) => {
  server.close();
  void receive(socket);
});
server.listen(Number(port), '127.0.0.1');

async function receive(socket: TLSSocket): Promise<void> {
  const file = await open(path, 'w');
  let block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  let filled = 0;
  let writing: Promise<unknown> = Promise.resolve();
  const flush = async (): Promise<void> => {
    const whole = block.subarray(0, filled);
    createHash('sha256').update(whole).digest();
    // The next block is received while this one is written.
    await writing;
    writing = file.write(whole);
    block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    filled = 0;
  };
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length;) {
      const taken = Math.min(BLOCK_BYTES - filled, chunk.length - at);
      chunk.copy(block, filled, at, at + taken);
      filled += taken;
      at += taken;
      if (filled === BLOCK_BYTES) await flush();
    }
  }
  await flush();
  await writing;
  await file.sync();
  await file.close();
}
