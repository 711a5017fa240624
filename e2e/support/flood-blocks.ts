/*
 * A member of a conversation who asks a node for blocks of its files as fast as it can, over more
 * connections than it may have: of blocks, of all hashes, and of files that are not there.
 *
 *     node e2e/support/flood-blocks.ts HOME PORT CONVERSATION ROOT BLOCKS
 *
 * HOME is the profile of the member. Prints what was answered, each second, until it is killed.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import {
  type BlockRequest,
  BLOCKS_ALPN_PROTOCOL,
  encodeBlockRequest,
  MAX_BLOCK_CONNECTIONS_PER_PEER,
  MAX_BLOCK_REQUESTS,
} from '@p2p-chat/shared';
import { tlsOptions } from '../../chat-node/dist/transport/tls-options.js';

const [home = '', port = '', conversation = '', root = '', blocks = ''] = process.argv.slice(2);
const identity = {
  keyPem: readFileSync(join(home, 'identity.key'), 'utf8'),
  certificatePem: readFileSync(join(home, 'identity.crt'), 'utf8'),
};
let answered = 0;
let asked = 0;

/** By turns a block, the hashes, and a block of no file. */
function next(): BlockRequest {
  asked += 1;
  const index = asked % Number(blocks);
  if (asked % 8 === 0) return { kind: 'hashes', conversation, root, index: 0 };
  return { kind: 'block', conversation, root: asked % 2 === 0 ? 'ab'.repeat(32) : root, index };
}

function flood(): void {
  const socket = connect({
    host: '127.0.0.1',
    port: Number(port),
    ...tlsOptions(identity, [BLOCKS_ALPN_PROTOCOL]),
  });
  // What comes is not looked at: a few bytes of answers make room for one more request each.
  let owed = 0;
  socket.on('secureConnect', () => {
    for (let nth = 0; nth < MAX_BLOCK_REQUESTS; nth += 1) socket.write(encodeBlockRequest(next()));
  });
  socket.on('data', (chunk: Buffer) => {
    answered += chunk.length;
    owed += chunk.length;
    // One for each mebibyte at least, so that it asks neither too little nor more than it may for long.
    for (; owed > 512 * 1024; owed -= 512 * 1024) socket.write(encodeBlockRequest(next()));
  });
  socket.on('error', () => undefined);
  socket.on('close', () => setTimeout(flood, 10));
}

for (let nth = 0; nth < 2 * MAX_BLOCK_CONNECTIONS_PER_PEER; nth += 1) flood();
setInterval(() => console.log(answered), 1_000);
