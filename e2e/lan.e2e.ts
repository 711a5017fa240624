import { cp } from 'node:fs/promises';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { diagnose, expectFailure } from './support/doctor.js';
import { allSeeAll, Lan, type LanDaemon, type LanDaemonOptions, quantile, sees } from './support/lan.js';
import { waitFor } from './support/processes.js';

const USERS = ['Anna', 'Ben', 'Cleo', 'Dora'] as const;
/** A lease, and the time that its end may take to be told, in milliseconds. */
const LEASE_MS = 32_000;

interface Shown {
  body: string;
  state: string;
}

/** Sends a message and waits until it was delivered. */
async function tells(from: LanDaemon, to: LanDaemon, text: string): Promise<void> {
  const args = ['send', to.daemon.peerId, text, '--wait', 'delivered', '--timeout', '20s'];
  const { status, stderr } = await from.daemon.cli(args);
  expect({ status, stderr }).toMatchObject({ status: 0 });
}

/** The bodies that a node has from another. */
async function heard(by: LanDaemon, from: LanDaemon): Promise<string[]> {
  return (await by.daemon.json<Shown>(['history', from.daemon.peerId])).map(({ body }) => body);
}

describe('on a network', () => {
  let lan: Lan;
  beforeAll(async () => {
    lan = await Lan.open(4);
    return () => lan.close();
  });
  afterEach(async () => {
    await lan.world.close();
    for (const host of lan.hosts) await host.dropNothing();
  });

  const daemon = (n: number, options: Partial<LanDaemonOptions> = {}): Promise<LanDaemon> =>
    lan.hosts[n]!.daemon({ user: USERS[n]!, ...options });
  const everyone = (env: Record<string, string> = {}): Promise<LanDaemon[]> =>
    Promise.all(USERS.map((_user, n) => daemon(n, { env })));
  /** Delays from the last one's readiness until each of all sees all, for so many rounds. */
  async function delaysOfStarts(rounds: number): Promise<{ delays: number[]; nodes: LanDaemon[] }> {
    const delays: number[] = [];
    for (let round = 1; ; round += 1) {
      const nodes = await everyone();
      const last = Math.max(...nodes.map(({ readyAt }) => readyAt));
      await allSeeAll(nodes);
      for (const one of nodes) {
        delays.push(
          (await sees(
            one,
            USERS.filter((user) => user !== one.user),
          )) - last,
        );
      }
      if (round === rounds) return { delays, nodes };
      await Promise.all(nodes.map((one) => one.daemon.stop()));
    }
  }

  it('without server and settings all see all within 2 s, p95 over 20 starts, and talk', async () => {
    const { delays, nodes } = await delaysOfStarts(5);
    console.log(`until all are seen, in ms: ${delays.sort((a, b) => a - b).join(' ')}`);
    expect(delays).toHaveLength(20);
    expect(quantile(delays, 0.95)).toBeLessThan(2_000);
    await Promise.all([tells(nodes[0]!, nodes[1]!, 'hello'), tells(nodes[2]!, nodes[3]!, 'good day')]);
    expect(await heard(nodes[1]!, nodes[0]!)).toEqual(['hello']);
    expect(await heard(nodes[3]!, nodes[2]!)).toEqual(['good day']);
  });

  it('with a tenth of the packets lost each way they are found, p95 under 5 s, and talk', async () => {
    const lost = ['-m', 'statistic', '--mode', 'random', '--probability', '0.1'];
    for (const host of lan.hosts) {
      await host.drop('INPUT', '-i', 'eth0', ...lost);
      await host.drop('OUTPUT', '-o', 'eth0', ...lost);
    }
    const { delays, nodes } = await delaysOfStarts(3);
    console.log(`until all are seen, in ms: ${delays.sort((a, b) => a - b).join(' ')}`);
    expect(quantile(delays, 0.95)).toBeLessThan(5_000);
    await Promise.all([tells(nodes[0]!, nodes[1]!, 'hello'), tells(nodes[2]!, nodes[3]!, 'good day')]);
  });

  it('one server is enough where multicast is filtered, and is not needed once people have met', async () => {
    for (const host of lan.hosts) await host.dropMulticast();
    const service = await lan.hosts[0]!.discovery();
    const env = { DISCOVERY_URLS: service.url };
    const [anna, ben] = await Promise.all([daemon(0, { env }), daemon(1, { env })]);
    await allSeeAll([anna, ben]);
    const cleo = await daemon(2, { env });
    const seenBy = await allSeeAll([anna, ben, cleo]);
    expect(seenBy - cleo.readyAt).toBeLessThan(2_000);
    await tells(anna, ben, 'before');

    // The server is killed: who has met goes on, and newcomers come by multicast.
    await service.kill();
    await tells(anna, ben, 'without a server');
    await tells(ben, anna, 'an answer');
    expect(await heard(ben, anna)).toEqual(['before', 'without a server', 'an answer']);
    for (const host of lan.hosts) await host.dropNothing();
    const dora = await daemon(3, { env });
    await sees(dora, ['Anna', 'Ben', 'Cleo']);
    await sees(anna, ['Ben', 'Cleo', 'Dora']);

    // It comes back empty, and is full again within one renewal, each at another time.
    await lan.hosts[0]!.discovery();
    const list = async (): Promise<{ USER: string }[]> =>
      JSON.parse(
        await lan.hosts[3]!.exec(
          process.execPath,
          '-e',
          `fetch('${service.url}').then((answer) => answer.text()).then(console.log)`,
        ),
      ) as { USER: string }[];
    const full = (): Promise<boolean> => list().then(({ length }) => length === 4);
    await waitFor('the list to be full again', full, 12_000);
  });

  it('a server that announces itself is found without a setting', async () => {
    const service = await lan.hosts[0]!.discovery();
    const anna = await daemon(1);
    const uses = async (): Promise<boolean> =>
      (
        await anna.daemon.json<{ discovery: { source: string; state: string }[] }>(['status'])
      )[0]!.discovery.some(({ source, state }) => source === service.url && state === 'ok');
    await waitFor('the server to be used', uses, 5_000);
  });

  it('two servers with different halves make one whole, without duplicates', async () => {
    for (const host of lan.hosts) await host.dropMulticast();
    const [first, second] = await Promise.all([lan.hosts[0]!.discovery(), lan.hosts[1]!.discovery()]);
    const [anna, ben, cleo, dora] = await Promise.all([
      daemon(0, { env: { DISCOVERY_URLS: first.url } }),
      daemon(1, { env: { DISCOVERY_URLS: second.url } }),
      daemon(2, { env: { DISCOVERY_URLS: `${first.url},${second.url}` } }),
      daemon(3, { env: { DISCOVERY_URLS: `${first.url},${second.url}` } }),
    ]);
    await sees(cleo, ['Anna', 'Ben', 'Dora']);
    await sees(dora, ['Anna', 'Ben', 'Cleo']);
    await sees(anna, ['Cleo', 'Dora']);
    await sees(ben, ['Cleo', 'Dora']);
  });

  it('who logs out is gone within 1 s; who is killed at once if linked, else within the lease', async () => {
    const [anna, ben, cleo, dora] = (await everyone()) as [LanDaemon, LanDaemon, LanDaemon, LanDaemon];
    await allSeeAll([anna, ben, cleo, dora]);
    const left = Date.now();
    dora.daemon.child.kill('SIGTERM');
    expect((await sees(anna, ['Ben', 'Cleo'])) - left).toBeLessThan(1_000);
    await tells(anna, ben, 'hello');
    const killed = Date.now();
    await Promise.all([ben.daemon.kill(), cleo.daemon.kill()]);
    expect((await sees(anna, ['Cleo'], 2_000)) - killed).toBeLessThan(1_000);
    expect((await sees(anna, [], LEASE_MS)) - killed).toBeLessThan(LEASE_MS);
  });

  it('two people on one host are found like any others, also with no network at all', async () => {
    const [anna, ben] = await Promise.all([
      daemon(0),
      daemon(0, { user: 'Ben', port: 7790, home: await lan.world.folder('ben') }),
    ]);
    const cleo = await daemon(2);
    await allSeeAll([anna, ben, cleo]);
    await lan.hosts[0]!.exec('ip', 'link', 'set', 'eth0', 'down');
    await tells(anna, ben, 'alone together');
    const dora = await lan.hosts[0]!.daemon({ user: 'Dora', port: 7791 });
    await sees(dora, ['Anna', 'Ben'], 5_000);
    await tells(dora, anna, 'a newcomer');
    await lan.hosts[0]!.exec('ip', 'link', 'set', 'eth0', 'up');
    await lan.hosts[0]!.exec('ip', 'route', 'replace', 'default', 'dev', 'eth0');
    await sees(cleo, ['Anna', 'Ben', 'Dora'], 10_000);
  });

  it('a copied profile is named as a conflict on both hosts, and nothing is corrupted', async () => {
    const ben = await daemon(1);
    const first = await daemon(0);
    await allSeeAll([ben, first]);
    await tells(ben, first, 'to the first');
    await first.daemon.stop();
    const copy = await lan.world.folder('copy');
    await cp(first.daemon.home, copy, { recursive: true });
    const [anna, twin] = await Promise.all([
      daemon(0, { home: first.daemon.home }),
      daemon(2, { user: 'Anna', home: copy }),
    ]);
    expect(twin.daemon.peerId).toBe(anna.daemon.peerId);
    const named = (one: LanDaemon): boolean | undefined =>
      one.sights.at(-1)?.problems.some((problem) => problem.startsWith('conflict: '));
    await waitFor('the conflict on the one', () => named(anna), 15_000);
    await waitFor('the conflict on the other', () => named(twin), 15_000);
    const found = await Promise.all([anna, twin].map((one) => diagnose(one.daemon)));
    for (const one of found)
      expectFailure(one, 'key', /^This profile is also used at /, /stop one of the nodes/);
    await twin.daemon.stop();
    await waitFor('its end', () => named(anna) === false, 60_000);
    await tells(ben, anna, 'to the one that is left');
    expect(await heard(anna, ben)).toContain('to the one that is left');
  });
});
