import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { ManualClock } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { AddressWatch } from './address-watch.js';

function socketOn(localAddress: string): Socket {
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  stream.on('error', () => undefined);
  return Object.assign(stream, { localAddress }) as unknown as Socket;
}

describe('AddressWatch', () => {
  let clock: ManualClock;
  let own: string[];
  let watch: AddressWatch;
  beforeEach(() => {
    clock = new ManualClock();
    own = ['127.0.0.1', '192.0.2.1', '2001:db8::1'];
    watch = new AddressWatch(clock, () => own);
  });

  it('ends the connections of an address that is lost, and no other', async () => {
    const [loopback, ipv4, mapped, ipv6] = ['127.0.0.1', '192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1'].map(
      socketOn,
    );
    for (const socket of [loopback, ipv4, mapped, ipv6]) watch.add(socket!);
    const ended = (): boolean[] => [loopback, ipv4, mapped, ipv6].map((socket) => socket!.destroyed);
    await clock.advance(60_000);
    expect(ended()).toEqual([false, false, false, false]);
    own = ['127.0.0.1', '192.0.2.2', '2001:db8::1'];
    await clock.advance(1_000);
    expect(ended()).toEqual([false, true, true, false]);
  });

  it('looks only while there is a connection', async () => {
    const socket = socketOn('192.0.2.1');
    watch.add(socket);
    expect(clock.timers).toBe(1);
    socket.destroy();
    await clock.advance(0);
    expect(clock.timers).toBe(0);
    watch.add(socket);
    expect(clock.timers).toBe(0);
    watch.add(socketOn('192.0.2.1'));
    watch.stop();
    expect(clock.timers).toBe(0);
  });
});
