import { peerIdOfKey } from '@p2p-chat/shared';
import { ManualClock, testKeys } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryStore } from '../../storage/memory/memory-store.js';
import { ChatEvents } from '../events.js';
import { Peers } from '../peers/peers.js';
import type { Sighting } from '../ports/peer-discovery.js';
import type { PeerLink } from '../ports/peer-link.js';
import { MovedPeers } from './moved-peers.js';

const anna = peerIdOfKey(testKeys('anna').publicKey);
const ben = peerIdOfKey(testKeys('ben').publicKey);
const HERE = '192.0.2.2';
const THERE = '192.0.2.77';

describe('MovedPeers', () => {
  let peers: Peers;
  let moved: MovedPeers;
  let asked: number;
  /** Whether the far end of the link answers. */
  let answers: boolean;
  let link: PeerLink;
  beforeEach(() => {
    const events = new ChatEvents((error) => {
      throw error;
    });
    peers = new Peers({
      self: anna,
      ownName: () => 'Anna',
      store: new MemoryStore(),
      events,
      clock: new ManualClock(),
      onNews: () => undefined,
    });
    moved = new MovedPeers(peers);
    asked = 0;
    answers = true;
    link = fakeLink();
    open(link);
  });

  function fakeLink(): PeerLink {
    const nothing = (): void => undefined;
    const one: PeerLink = {
      peer: {
        peerId: ben,
        user: 'Ben',
        instance: 'first',
        agent: 'test/1',
        address: { host: HERE, port: 7780 },
      },
      send: nothing,
      sendBatch: nothing,
      close: nothing,
      isAlive: () => {
        asked += 1;
        if (!answers) close(one);
        return Promise.resolve(answers);
      },
    };
    return one;
  }
  function open(one: PeerLink): void {
    peers.linkOpened(one.peer);
    moved.opened(one);
  }
  function close(one: PeerLink): void {
    peers.linkClosed(one.peer);
    moved.closed(one);
  }
  async function see(seq: number, host: string, instance = 'first'): Promise<void> {
    const sighting: Sighting = {
      source: 'mdns',
      peerId: ben,
      user: 'Ben',
      addresses: [{ host, port: 7780 }],
      instance,
      seq,
    };
    moved.replace('mdns', [sighting]);
    await Promise.resolve();
  }
  const shown = (): unknown => {
    const known = peers.get(ben);
    return { online: known?.online, linked: known?.linked, hosts: known?.addresses.map(({ host }) => host) };
  };

  it('leave a link alone that leads to where the peer is announced', async () => {
    await see(1, HERE);
    expect(asked).toBe(0);
    expect(shown()).toEqual({ online: true, linked: true, hosts: [HERE] });
  });

  it('ask once for each announcement from elsewhere, and leave a link that lives', async () => {
    await see(1, THERE);
    await see(1, THERE);
    expect(asked).toBe(1);
    await see(2, THERE);
    expect(asked).toBe(2);
    expect(shown()).toMatchObject({ online: true, linked: true });
  });

  it('are there, at the new address alone, where the link does not live', async () => {
    await see(1, HERE);
    answers = false;
    await see(2, THERE);
    expect(asked).toBe(1);
    expect(shown()).toEqual({ online: true, linked: false, hosts: [THERE] });
  });

  it('are gone where the link ends by itself, whatever was announced', async () => {
    await see(1, THERE);
    close(link);
    expect(shown()).toMatchObject({ online: false, linked: false });
  });

  it('are not looked for by what another start announces', async () => {
    answers = false;
    await see(1, THERE, 'second');
    expect(asked).toBe(0);
  });

  it('know the link that took the place of another', async () => {
    const next = fakeLink();
    close(link);
    open(next);
    moved.closed(link);
    await see(1, THERE);
    expect(asked).toBe(1);
  });
});
