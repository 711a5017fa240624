import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { testIdentity } from '../testing/identities.js';
import { TlsListener } from './tls-listener.js';

const listen = async (where: { host: string; port: number }): Promise<number> =>
  new TlsListener({
    ...where,
    portMayMove: false,
    identity: await testIdentity('alice'),
    onSocket: () => Promise.resolve(),
    onRefused: () => undefined,
  }).start();

describe('where the gateway listens', () => {
  it.each(['192.0.2.7', 'fe80::1%none0'])('is no address that this machine has not: %s', async (host) => {
    await expect(listen({ host, port: 0 })).rejects.toMatchObject({
      code: 'port-forbidden',
      message: `P2P_CHAT_HOST is ${host}, which is no address of this machine.`,
    });
  });

  it('is no port that another program has', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(listen({ host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'port-taken' });
    other.close();
  });

  it('turns away who waits longest where descriptors are scarce', async () => {
    let areScarce = false;
    const listener = new TlsListener({
      host: '127.0.0.1',
      port: 0,
      portMayMove: false,
      identity: await testIdentity('alice'),
      descriptors: {
        get areScarce() {
          return areScarce;
        },
      },
      onSocket: () => Promise.resolve(),
      onRefused: () => undefined,
    });
    const port = await listener.start();
    const idle = async () => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    };
    const [first, second] = [await idle(), await idle()];
    areScarce = true;
    const ends = once(first, 'close');
    const third = await idle();
    await ends;
    expect([second.closed, third.closed]).toEqual([false, false]);
    listener.stop();
  });
});
