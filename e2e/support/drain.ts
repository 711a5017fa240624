import { controlOf, residentBytes, sendAll, wholeConversation } from './control.ts';
import { type RunningDaemon, waitFor, type World } from './processes.ts';

const MiB = 1024 * 1024;

export interface Drain {
  /** Of the messages, as they were accepted and as they arrived. */
  accepted: string[];
  arrived: string[];
  /** What the sender holds more than right after its start, in MiB, at most. */
  grownMiB: number;
  /** For people: times and memory. */
  figures: string;
}

/**
 * Queues messages of 128 bytes for a peer who is away, kills their sender,
 * starts both again and watches the sender's memory until all are delivered.
 * @throws {Error} where not all of them are queued after the start
 */
export async function drain(
  world: World,
  { alice, bob }: { alice: RunningDaemon; bob: RunningDaemon },
  total: number,
  timeoutMs: number,
): Promise<Drain> {
  await bob.stop();
  const bodies = Array.from({ length: total }, (_, n) => `${n} `.padEnd(128, '.'));
  const accepted = await sendAll(alice, bob, bodies);
  await alice.kill();

  const began = performance.now();
  const again = await world.daemon(alice.options);
  const startMs = performance.now() - began;
  const { queued } = (await controlOf(again).status()).outbox;
  if (queued !== total) throw new Error(`${queued} of ${total} are queued after the start`);
  const resident = async (): Promise<number> => (await residentBytes(again.child.pid ?? 0)) / MiB;
  const atStart = await resident();

  const bobAgain = await world.daemon(bob.options);
  let most = 0;
  await waitFor(
    'the outbox to be empty',
    async () => {
      most = Math.max(most, await resident());
      return (await controlOf(again).status()).outbox.queued === 0;
    },
    timeoutMs,
  );
  const figures =
    `${total}: start ${startMs.toFixed(0)} ms with ${atStart.toFixed(0)} MiB, ` +
    `at most ${most.toFixed(0)} MiB while draining`;
  const arrived = (await wholeConversation(bobAgain, again.peerId)).map(({ id }) => id);
  return { accepted, arrived, grownMiB: most - atStart, figures };
}
