import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileView } from '@p2p-chat/shared';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { allSeeAll, Lan, type LanHost } from './support/lan.js';
import { waitFor } from './support/processes.js';

const MIB = 1024 * 1024;
const SIZE = 48 * MIB;
const CUTS = 3;
/** What each interruption may send again: a block and 1 % of the file. */
const MAX_AGAIN = MIB + SIZE / 100;
/** TLS, TCP, and what the nodes say to each other beside it. */
const OVERHEAD = 1.05;
const TIMEOUT_MS = 60_000;

let lan: Lan;
beforeAll(async () => {
  lan = await Lan.open(2);
});
afterAll(() => lan.close());

async function received(host: LanHost): Promise<number> {
  return Number(await host.exec('cat', '/sys/class/net/eth0/statistics/rx_bytes'));
}

/** Every connection breaks, and no other one comes about for a moment. */
async function cut(host: LanHost): Promise<void> {
  const reset = ['-p', 'tcp', '-j', 'REJECT', '--reject-with', 'tcp-reset'];
  await host.exec('iptables', '-A', 'INPUT', '-i', 'eth0', ...reset);
  await host.exec('iptables', '-A', 'OUTPUT', '-o', 'eth0', ...reset);
}

it('a file comes through cut lines and a change of address, with little of it sent again', async () => {
  // Twelve seconds for the file, so that it is interrupted.
  const anna = await lan.hosts[0]!.daemon({ user: 'Anna', env: { P2P_CHAT_FILES_RATE: '4' } });
  const ben = await lan.hosts[1]!.daemon({ user: 'Ben' });
  await allSeeAll([anna, ben]);
  await anna.daemon.cli(['accept', ben.daemon.peerId]);
  await ben.daemon.cli(['accept', anna.daemon.peerId]);
  const bytes = randomBytes(SIZE);
  const path = join(await lan.world.folder('lan-files'), 'large.bin');
  await writeFile(path, bytes);

  const atBen = async (id: string): Promise<FileView | undefined> =>
    (await ben.daemon.json<FileView>(['files'])).find((one) => one.id === id);
  const until = (what: string, id: string, is: (file: FileView) => boolean): Promise<FileView> =>
    waitFor(
      what,
      async () => {
        const file = await atBen(id);
        return file !== undefined && is(file) ? file : undefined;
      },
      TIMEOUT_MS,
    );

  const [offer] = await anna.daemon.json<{ id: string }>(['send-file', 'Ben', path]);
  const id = offer?.id ?? '';
  await until('the offer', id, () => true);
  const before = await received(lan.hosts[1]!);
  await ben.daemon.json(['resume', id]);
  for (let nth = 1; nth <= CUTS; nth += 1) {
    await until('the next blocks', id, ({ progress }) => progress >= nth / (CUTS + 3));
    await cut(lan.hosts[1]!);
    await until('the cut', id, ({ state }) => state === 'paused');
    await lan.hosts[1]!.dropNothing();
    await until('it to go on', id, ({ state }) => state === 'fetching');
  }
  await until('the next blocks', id, ({ progress }) => progress >= (CUTS + 1) / (CUTS + 3));
  await lan.hosts[0]!.moveTo('10.77.0.77');
  const { path: there } = await until('the file', id, ({ state }) => state === 'complete');
  expect((await readFile(there ?? '')).equals(bytes)).toBe(true);
  const sent = (await received(lan.hosts[1]!)) - before;
  expect(sent).toBeLessThan(SIZE * OVERHEAD + (CUTS + 1) * MAX_AGAIN);
});
