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

const store = await openStore(process.argv[2] ?? '');
const conversation = new StoredConversation(THEM);
await store.commit([conversation.record()]);

/** Has left the process when it returns. */
function say(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
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
