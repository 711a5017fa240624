import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DiscoverySourceView, StatusView } from '@p2p-chat/shared';
import { afterEach, expect, it } from 'vitest';
import { freePort, type RunningDaemon, waitFor, World } from './support/processes.ts';

const world = new World();
afterEach(() => world.close());

async function sources(daemon: RunningDaemon): Promise<Record<string, DiscoverySourceView>> {
  const [{ discovery }] = (await daemon.json<StatusView>(['status'])) as [StatusView];
  return Object.fromEntries(discovery.map((one) => [one.source, one]));
}

it('shows the health of each source on its own, and one that hangs or fails delays no other', async () => {
  const service = await world.discovery();
  const hanging = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(hanging, 'listening');
  const hangingUrl = `http://127.0.0.1:${(hanging.address() as AddressInfo).port}`;
  const refusing = `http://127.0.0.1:${await freePort()}`;
  const unknown = 'http://no-such-machine.invalid:7777';
  const nobody = `127.0.0.1:${await freePort()}`;

  const ben = await world.daemon({ user: 'Ben', discovery: [service.url] });
  const cleo = await world.daemon({ user: 'Cleo' });
  const anna = await world.daemon({
    user: 'Anna',
    discovery: [hangingUrl, refusing, unknown, service.url],
    peers: [nobody, `127.0.0.1:${cleo.ready.peerPort}`],
  });
  // While the first one still hangs: it is given up after 3 s.
  const online = async (): Promise<string> =>
    (await anna.json<{ user: string }>(['peers'])).map(({ user }) => user).join();
  await waitFor('Anna to see both', async () => (await online()) === 'Ben,Cleo');
  expect((await anna.cli(['send', 'Ben', 'hello', '--wait', 'delivered'])).status).toBe(0);

  const shown = await waitFor('each source to have been tried', async () => {
    const all = await sources(anna);
    return Object.values(all).every(({ state }) => state !== 'starting') && all;
  });
  expect(shown).toMatchObject({
    [hangingUrl]: { state: 'failing', detail: expect.stringContaining('no answer') as string },
    [refusing]: { state: 'failing', detail: expect.stringContaining('connection refused') as string },
    [unknown]: { state: 'failing', detail: expect.stringContaining('check DISCOVERY_URLS') as string },
    [service.url]: { state: 'ok', detail: '1 other listed' },
    [`static ${nobody}`]: { state: 'failing', detail: expect.stringContaining('Nobody answers') as string },
    [`static 127.0.0.1:${cleo.ready.peerPort}`]: {
      state: 'ok',
      detail: `answers as ${cleo.peerId.slice(0, 8)}`,
    },
    'last-known': {
      state: 'ok',
      detail: expect.stringMatching(/^\d contacts? with a known address/) as string,
    },
  });
  const { stdout } = await anna.cli(['status']);
  for (const [name, { state, detail }] of Object.entries(shown)) {
    if (name === 'last-known') continue;
    expect(stdout).toContain(`${state.padEnd(8)} ${name}: ${detail}`);
  }

  await ben.kill();
  await service.kill();
  await waitFor('the loss to show', async () => (await sources(anna))[service.url]!.state === 'failing');
  await world.discovery({ port: service.port });
  await waitFor('its return to show', async () => (await sources(anna))[service.url]!.state === 'ok');
  hanging.close().closeAllConnections();
});
