/** The thread that hashes files and writes blocks: neither holds up a message. */
import { getPriority, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { errorCode, errorMessage } from '@p2p-chat/shared/errors';
import { BlobWork } from './blob-work.js';
import type { BlobAnswer, BlobCall } from './worker-client.js';

if (parentPort === null) throw new Error('blob-worker runs as a worker thread');
const port = parentPort;
/** Of the priorities of Linux. */
const LOWEST = 19;
/** A third of the weight. At a tenth, a file stands nearly still while other programs are busy. */
const LATER_THAN_MESSAGES = 5;
// Messages come first. Elsewhere this would be the priority of the whole process.
if (process.platform === 'linux') setPriority(Math.min(LOWEST, getPriority() + LATER_THAN_MESSAGES));
const work = new BlobWork();

port.on('message', ({ id, method, args }: BlobCall) => {
  void answer(id, async () => (work[method] as (...args: unknown[]) => unknown)(...args));
});

/** The buffer of a block goes back to where it came from. */
function transferOf(value: unknown): ArrayBuffer[] {
  if (typeof value !== 'object' || value === null || !('buffer' in value)) return [];
  return value.buffer instanceof ArrayBuffer && !ArrayBuffer.isView(value) ? [value.buffer] : [];
}

async function answer(id: number, run: () => Promise<unknown>): Promise<void> {
  let said: BlobAnswer;
  try {
    said = { id, value: await run() };
  } catch (error) {
    said = { id, error: { code: errorCode(error) ?? '', message: errorMessage(error) } };
  }
  port.postMessage(said, 'value' in said ? transferOf(said.value) : []);
}
