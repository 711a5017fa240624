/**
 * Writes to a store until it is killed, and says on stdout what it asks for
 * and what was promised: `node storage-writer.ts <target>`. One JSON line each:
 * {"asked": hash of a batch}, {"saved": hash}, {"delivered": seq of the watermark}.
 */
import { writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { tipOf } from '@p2p-chat/shared';
import { openStore, THEM, StoredConversation } from './stored.ts';

/** Calls that are under way at any time, so that commits are shared. */
const LANES = 16;
/** How long the reader of a full pipe is given before the next try. */
const FULL_PIPE_MS = 1;
const NOTHING = new Int32Array(new SharedArrayBuffer(4));

const store = await openStore(process.argv[2] ?? '');
const conversation = new StoredConversation(THEM);
await store.commit([conversation.record()]);

/** Has left the process when it returns. */
function say(line: object): void {
  let rest = Buffer.from(`${JSON.stringify(line)}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      // The pipe is full: its reader is slower than the store.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(NOTHING, 0, 0, FULL_PIPE_MS);
    }
  }
}

async function lane(tells: boolean): Promise<never> {
  for (let n = 0; ; n += 1) {
    const change = conversation.ours.change(Array.from({ length: 1 + (n % 5) }, () => `message ${n}`));
    const { batch } = change;
    say({ asked: batch.hash });
    await store.commit([change]);
    say({ saved: batch.hash });
    if (tells) {
      await store.commit([conversation.watermark([tipOf(batch)])]);
      say({ delivered: tipOf(batch).seq });
    }
    await setImmediate();
  }
}

await Promise.all(Array.from({ length: LANES }, (_, nth) => lane(nth === 0)));
