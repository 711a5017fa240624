import { ManualClock } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryNetwork } from '../testing/memory-network.js';
import { MemoryNode } from '../testing/memory-node.js';
import { untilOn } from '../testing/until.js';

const MINUTE = 60_000;

let clock: ManualClock;
let network: MemoryNetwork;
let alice: MemoryNode;
let bob: MemoryNode;

beforeEach(async () => {
  clock = new ManualClock();
  network = new MemoryNetwork(clock);
  alice = await new MemoryNode('Alice', network).start();
  bob = await new MemoryNode('Bob', network).start();
});

const until = untilOn(() => clock);

const bodies = async (node: MemoryNode, other: MemoryNode): Promise<string[]> =>
  (await node.chat.history(other.peerId, { limit: 1_000 })).map(({ body }) => body);
const states = async (node: MemoryNode, other: MemoryNode): Promise<string[]> =>
  (await node.chat.history(other.peerId, { limit: 1_000 }))
    .filter(({ direction }) => direction === 'out')
    .map(({ state }) => state);

describe('two nodes', () => {
  it('deliver a message and its receipt of reading', async () => {
    await bob.chat.accept(alice.peerId);
    const [sent] = await alice.chat.send(bob.peerId, ['hello']);
    expect(sent).toMatchObject({ state: 'queued', direction: 'out', body: 'hello' });
    await until('delivered', async () => (await states(alice, bob))[0] === 'delivered');
    expect(await bob.chat.history(alice.peerId, { limit: 10 })).toMatchObject([
      { id: sent?.id, direction: 'in', body: 'hello', author: alice.peerId, state: 'delivered' },
    ]);
    expect(await bob.chat.markRead(alice.peerId)).toBe(1);
    await until('read', async () => (await states(alice, bob))[0] === 'read');
    expect(alice.events.filter(({ type }) => type === 'states')).toMatchObject([
      { state: 'delivered', ids: sent?.id },
      { state: 'read', ids: sent?.id },
    ]);
  });

  it('keep the order of a stream of messages beyond the window', async () => {
    await bob.chat.accept(alice.peerId);
    const all = Array.from({ length: 2_500 }, (_, index) => `message ${index}`);
    for (let at = 0; at < all.length; at += 500) await alice.chat.send(bob.peerId, all.slice(at, at + 500));
    await until('all there', async () => (await bob.chat.peer(alice.peerId))?.unread === all.length);
    const received = [...bob.disk.messages.values()].sort((a, b) => (a.clock < b.clock ? -1 : 1));
    expect(received.map(({ body }) => body)).toEqual(all);
  });

  it('keep a message for a peer that is away, across crashes of both', async () => {
    bob.crash();
    await alice.chat.send(bob.peerId, ['one', 'two']);
    alice.crash();
    await alice.start();
    await alice.chat.send(bob.peerId, ['three']);
    await bob.start();
    await until('delivered', async () => (await states(alice, bob)).every((state) => state === 'delivered'));
    expect(await bodies(bob, alice)).toEqual(['one', 'two', 'three']);
  });

  it('do not double a message whose ack was swallowed', async () => {
    await alice.chat.send(bob.peerId, ['first']);
    await until('linked', async () => (await states(alice, bob))[0] === 'delivered');
    await alice.chat.send(bob.peerId, ['second']);
    await until('arrived', async () => (await bodies(bob, alice)).length === 2);
    network.takeDown('drop');
    network.cut();
    network.heal();
    await until('delivered', async () => (await states(alice, bob))[1] === 'delivered');
    expect(await bodies(bob, alice)).toEqual(['first', 'second']);
  });

  it('notice a line that died without a word, and replace it', async () => {
    await alice.chat.send(bob.peerId, ['first']);
    await until('linked', async () => (await states(alice, bob))[0] === 'delivered');
    network.takeDown('drop');
    await alice.chat.send(bob.peerId, ['into the void']);
    await clock.advance(MINUTE);
    expect(alice.chat.links).toBe(0);
    network.heal();
    await until('delivered', async () => (await states(alice, bob))[1] === 'delivered');
    expect(await bodies(bob, alice)).toEqual(['first', 'into the void']);
  });

  it('put an answer after its question although the clock of the answer is an hour behind', async () => {
    await alice.chat.send(bob.peerId, ['question']);
    await until('there', async () => (await bodies(bob, alice)).length === 1);
    clock.jump(-60 * MINUTE);
    await bob.chat.send(alice.peerId, ['answer']);
    await until('there', async () => (await bodies(alice, bob)).length === 2);
    expect(await bodies(alice, bob)).toEqual(['question', 'answer']);
    expect(await bodies(bob, alice)).toEqual(['question', 'answer']);
  });

  it('go offline for each other at a logout, and come back', async () => {
    await alice.chat.send(bob.peerId, ['hello']);
    await until('linked', () => bob.chat.links === 1);
    await bob.stop();
    await until('gone', () => alice.chat.knownPeer(bob.peerId)?.online === false);
    await bob.start();
    await until('back', () => alice.chat.knownPeer(bob.peerId)?.online === true);
  });

  it('go offline at once when linked and killed, although discovery still lists them', async () => {
    await alice.chat.send(bob.peerId, ['hello']);
    await until('linked', () => bob.chat.links === 1);
    bob.crash();
    await until('gone', () => alice.chat.knownPeer(bob.peerId)?.online === false);
  });
});

describe('storage that fails', () => {
  it('at the sender refuses the message and leaves nothing of it', async () => {
    alice.disk.full = true;
    await expect(alice.chat.send(bob.peerId, ['lost'])).rejects.toMatchObject({ code: 'storage-full' });
    alice.disk.full = false;
    await alice.chat.send(bob.peerId, ['kept']);
    await until('there', async () => (await bodies(bob, alice)).length === 1);
    expect(await bodies(bob, alice)).toEqual(['kept']);
  });

  it('at the receiver holds back the ack until it is well again', async () => {
    bob.disk.full = true;
    await alice.chat.send(bob.peerId, ['patience']);
    await clock.advance(10_000);
    expect(await states(alice, bob)).toEqual(['queued']);
    bob.disk.full = false;
    await until('delivered', async () => (await states(alice, bob))[0] === 'delivered');
  });

  it('at the sender while an ack comes in is made up for', async () => {
    await alice.chat.send(bob.peerId, ['hello']);
    alice.disk.full = true;
    await until('arrived', async () => (await bodies(bob, alice)).length === 1);
    await clock.advance(10_000);
    expect(await states(alice, bob)).toEqual(['queued']);
    alice.disk.full = false;
    await until('delivered', async () => (await states(alice, bob))[0] === 'delivered');
  });
});

describe('blocking', () => {
  beforeEach(async () => {
    await alice.chat.send(bob.peerId, ['before']);
    await until('delivered', async () => (await states(alice, bob))[0] === 'delivered');
    await bob.chat.setBlocked(alice.peerId, true);
  });

  it('drops messages that still look delivered to their sender, and tells nobody of reading', async () => {
    await alice.chat.send(bob.peerId, ['dropped']);
    await until('delivered', async () => (await states(alice, bob))[1] === 'delivered');
    expect(await bodies(bob, alice)).toEqual(['before']);
    await bob.chat.markRead(alice.peerId);
    await clock.advance(MINUTE);
    expect(await states(alice, bob)).toEqual(['delivered', 'delivered']);
  });

  it('holds across a restart, and unblocking brings nothing back', async () => {
    bob.crash();
    await bob.start();
    await alice.chat.send(bob.peerId, ['dropped']);
    await until('delivered', async () => (await states(alice, bob))[1] === 'delivered');
    await bob.chat.setBlocked(alice.peerId, false);
    await alice.chat.send(bob.peerId, ['after']);
    await until('there', async () => (await bodies(bob, alice)).length === 2);
    expect(await bodies(bob, alice)).toEqual(['before', 'after']);
  });

  it('refuses to write to who is blocked', async () => {
    await expect(bob.chat.send(alice.peerId, ['hi'])).rejects.toMatchObject({ code: 'peer-blocked' });
  });
});

describe('what is refused', () => {
  it.each([
    ['nothing', '', 'body-empty'],
    ['only spaces', ' \n\t', 'body-empty'],
    ['more than 64 KiB', 'x'.repeat(65_537), 'body-too-large'],
    ['more than 64 KiB in bytes', 'é'.repeat(32_769), 'body-too-large'],
    ['what does not fit a frame', '\u0001'.repeat(65_536), 'body-too-large'],
    ['half a character', '\ud800', 'body-malformed'],
  ])('%s, and with it all of its call', async (_what, body, code) => {
    await expect(alice.chat.send(bob.peerId, ['fine', body])).rejects.toMatchObject({ code });
    expect(await bodies(alice, bob)).toEqual([]);
  });

  it('a message to oneself', async () => {
    await expect(alice.chat.send(alice.peerId, ['hi'])).rejects.toMatchObject({ code: 'peer-is-self' });
  });
});

describe('who is meant', () => {
  it('is found by id, short id, name, and name in another case', () => {
    for (const reference of [
      bob.peerId,
      bob.peerId.slice(0, 8),
      'Bob',
      'bob',
      ` ${bob.peerId.toUpperCase()} `,
    ]) {
      expect(alice.chat.resolve(reference).peerId).toBe(bob.peerId);
    }
    expect(() => alice.chat.resolve('Nobody')).toThrow(expect.objectContaining({ code: 'peer-unknown' }));
  });
});
