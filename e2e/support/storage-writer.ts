/**
 * Writes to a store until it is killed, and says on stdout what it asks for
 * and what was promised: `node storage-writer.ts <target>`. One JSON line each:
 * {"asked": ids}, {"saved": ids}, {"delivered": ids}.
 */
import { writeSync } from 'node:fs';
import { openStore, outgoing, PEER } from './storage.ts';

/** Calls that are under way at any time, so that commits are shared. */
const LANES = 16;

const store = await openStore(process.argv[2] ?? '');
const last = await store.messages.conversation(PEER);
let clock = parseInt(last?.lastClock || '0', 16);

function say(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

async function lane(): Promise<never> {
  for (;;) {
    const batch = Array.from({ length: 1 + Math.floor(Math.random() * 5) }, () => outgoing((clock += 1)));
    const ids = batch.map((message) => message.id);
    say({ asked: ids });
    await store.messages.addOutgoing(batch);
    say({ saved: ids });
    const delivered = ids.slice(0, Math.floor(Math.random() * ids.length));
    say({ delivered: await store.messages.setState(PEER, delivered, 'delivered') });
  }
}

await Promise.all(Array.from({ length: LANES }, lane));
