/**
 * Writes to a store until it is killed, and says on stdout what it asks for
 * and what was promised: `node storage-writer.ts <target>`. One JSON line each:
 * {"asked": ids}, {"saved": ids}, {"delivered": ids}.
 */
import { openStore, outgoing, PEER } from './storage.ts';

/** Calls that are under way at any time, so that commits are shared. */
const LANES = 16;

const store = await openStore(process.argv[2] ?? '');
const last = await store.messages.conversation(PEER);
let clock = parseInt(last?.lastClock || '0', 16);

/** Resolves when it has left the process, however slowly it is read. */
function say(line: object): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${JSON.stringify(line)}\n`, (error) => (error ? reject(error) : resolve()));
  });
}

async function lane(): Promise<never> {
  for (;;) {
    const batch = Array.from({ length: 1 + Math.floor(Math.random() * 5) }, () => outgoing((clock += 1)));
    const ids = batch.map((message) => message.id);
    await say({ asked: ids });
    await store.messages.addOutgoing(batch);
    await say({ saved: ids });
    const delivered = ids.slice(0, Math.floor(Math.random() * ids.length));
    await say({ delivered: await store.messages.setState(PEER, delivered, 'delivered') });
  }
}

await Promise.all(Array.from({ length: LANES }, lane));
