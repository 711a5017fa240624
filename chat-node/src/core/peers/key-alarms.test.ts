import { MAX_KEY_ALARMS, peerIdOfKey } from '@p2p-chat/shared';
import { ManualClock, testKeys } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryDisk, MemoryStore } from '../../storage/memory/memory-store.js';
import { ChatEvents } from '../events.js';
import type { LinkPeer } from '../ports/peer-link.js';
import { Peers } from './peers.js';

const idOf = (name: string): string => peerIdOfKey(testKeys(name).publicKey);
const [bob, other, third] = ['bob', 'other', 'third'].map(idOf) as [string, string, string];

describe('another key under the name of somebody known', () => {
  let disk: MemoryDisk;
  let peers: Peers;
  let alarms: string[];
  let changes: string[];

  async function start(): Promise<void> {
    alarms = [];
    changes = [];
    const events = new ChatEvents((error) => {
      throw error;
    });
    events.subscribe((event) => {
      if (event.type === 'key-alarm') alarms.push(event.peerId);
      if (event.type === 'peer') changes.push(event.peerId);
    });
    peers = new Peers({
      self: 'self',
      ownName: () => 'Anna',
      store: new MemoryStore(disk),
      events,
      clock: new ManualClock(),
      onNews: () => undefined,
    });
    await peers.load();
  }
  const linkOf = (peerId: string, user: string): LinkPeer => ({
    peerId,
    user,
    instance: 'one',
    agent: 'test/1',
    address: null,
  });
  const appears = (peerId: string, user: string): void => peers.linkOpened(linkOf(peerId, user));
  const announced = (peerId: string, user: string): void =>
    peers.replace(peerId, [
      { source: peerId, peerId, user, instance: 'one', seq: 1, addresses: [{ host: '192.0.2.2', port: 1 }] },
    ]);

  beforeEach(async () => {
    disk = new MemoryDisk();
    await start();
    appears(bob, 'Bob');
    await peers.accept(bob);
  });

  it.each(['Bob', 'Bоb', 'bob', 'Ｂob', 'B0b'])('%s is an alarm, and a stranger', (name) => {
    appears(other, name);
    expect(alarms).toEqual([other]);
    expect(peers.keyAlarms).toBe(1);
    expect(peers.get(other)).toMatchObject({
      contact: false,
      verified: false,
      ambiguous: true,
      keyAlarm: { peerId: bob, user: 'Bob', verified: false, blocked: false },
    });
    expect(peers.get(bob)).toMatchObject({ contact: true, ambiguous: true, keyAlarm: null });
  });

  it('is an alarm by an announcement alone, and stays one when that is gone', () => {
    announced(other, 'Bob');
    peers.replace(other, []);
    expect(alarms).toEqual([other]);
    expect(peers.get(other)).toMatchObject({ online: false, keyAlarm: { peerId: bob } });
  });

  it('is none where nobody of that name is known', () => {
    appears(other, 'Rob');
    announced(third, 'Rob');
    expect(alarms).toEqual([]);
    expect(peers.get(other)?.ambiguous).toBe(true);
  });

  it('names the badge and the block of the known one, and has neither', async () => {
    await peers.setVerified(bob, true);
    await peers.setBlocked(bob, true);
    appears(other, 'Bob');
    expect(peers.get(other)).toMatchObject({
      blocked: false,
      verified: false,
      contact: false,
      keyAlarm: { peerId: bob, verified: true, blocked: true },
    });
  });

  it('stands until it was seen, then never again, over restarts too', async () => {
    appears(other, 'Bob');
    await peers.introduce(other, undefined);
    await start();
    expect(alarms).toEqual([other]);
    await peers.sawAlarm(other);
    expect(peers.get(other)).toMatchObject({ keyAlarm: null, contact: false, ambiguous: true });
    await start();
    appears(other, 'Bob');
    expect(alarms).toEqual([]);
    expect(peers.keyAlarms).toBe(0);
  });

  it('is seen where somebody writes to it, or blocks it', async () => {
    appears(other, 'Bob');
    appears(third, 'Bob');
    await peers.accept(other);
    await peers.setBlocked(third, true);
    expect(peers.keyAlarms).toBe(0);
  });

  it('is an alarm too where it is that of another contact, who took the name', async () => {
    appears(other, 'Carol');
    await peers.accept(other);
    expect(alarms).toEqual([]);
    await peers.showed(linkOf(other, 'Carol'), { state: 'online', status: '', user: 'Carol' });
    peers.linkClosed(linkOf(other, 'Carol'));
    appears(other, 'Bob');
    expect(alarms).toEqual([other]);
    expect(peers.get(other)?.keyAlarm?.peerId).toBe(bob);
  });

  it('is an alarm where it was there before the one who became known', async () => {
    appears(other, 'Carol');
    appears(third, 'Carol');
    await peers.accept(other);
    expect(alarms).toEqual([third]);
  });

  it('changes the label of the first one too, and back when it is gone', () => {
    appears(third, 'Dora');
    changes = [];
    const link = linkOf(other, 'Dora');
    peers.linkOpened(link);
    expect(changes).toContain(third);
    expect(peers.get(third)?.ambiguous).toBe(true);
    changes = [];
    peers.linkClosed(link);
    expect(changes).toContain(third);
    expect(peers.get(third)?.ambiguous).toBe(false);
  });

  it(`is listed ${MAX_KEY_ALARMS} times at most, whoever makes keys without end`, () => {
    for (let index = 0; index <= MAX_KEY_ALARMS; index += 1) announced(idOf(`key ${index}`), 'Bob');
    expect(alarms).toHaveLength(MAX_KEY_ALARMS);
    expect(peers.keyAlarms).toBe(MAX_KEY_ALARMS);
  });

  it('leaves the name to whom it means exactly', () => {
    appears(other, 'Bоb');
    expect(peers.resolve('Bob').peerId).toBe(bob);
    expect(peers.resolve('Bоb').peerId).toBe(other);
    appears(third, 'Bob');
    expect(() => peers.resolve('Bob')).toThrow(expect.objectContaining({ code: 'peer-ambiguous' }));
  });
});
