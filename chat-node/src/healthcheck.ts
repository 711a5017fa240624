/*
 * Asks the node of the profile in P2P_CHAT_HOME whether it answers; status 0
 * where it does. It runs in the node's container every half minute, so it loads
 * next to nothing: `p2p-chat status` says more.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessage } from '@p2p-chat/shared/errors';
import { httpStatus } from '@p2p-chat/shared/http-status';
import { Settings } from '@p2p-chat/shared/settings';

const TIMEOUT_MS = 3_000;

function fail(reason: string): void {
  process.stderr.write(`The node is not well: ${reason}\n`);
  process.exitCode = 1;
}

try {
  const home = new Settings(process.env).text('P2P_CHAT_HOME') ?? '/data';
  const { port, token } = JSON.parse(readFileSync(join(home, 'run/control.json'), 'utf8')) as {
    port: number;
    token: string;
  };
  const question = { host: '127.0.0.1', port, path: '/api/status', token };
  const status = await httpStatus(question, TIMEOUT_MS);
  if (status !== 200) fail(`it answered ${status}`);
} catch (error) {
  fail(errorMessage(error));
}
