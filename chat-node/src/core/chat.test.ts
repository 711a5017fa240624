import { ManualClock } from '@p2p-chat/shared/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryDisk } from '../storage/memory/memory-store.js';
import { MemoryNetwork } from '../testing/memory-network.js';
import { MemoryNode } from '../testing/memory-node.js';
import { untilOn } from '../testing/until.js';

describe('two people', () => {
  let clock: ManualClock;
  let network: MemoryNetwork;
  let alice: MemoryNode;
  let bob: MemoryNode;
  const until = untilOn(() => clock);

  beforeEach(async () => {
    clock = new ManualClock();
    network = new MemoryNetwork(clock);
    alice = await new MemoryNode('Alice', network).start();
    bob = await new MemoryNode('Bob', network).start();
  });

  afterEach(async () => {
    for (const node of [alice, bob]) if (node.running) node.crash();
  });

  const state = async (at: MemoryNode, other: MemoryNode): Promise<string[]> =>
    (await at.history(other)).map((message) => message.state);
  const acquaint = async (): Promise<void> => {
    await alice.chat.accept(bob.peerId);
    await bob.chat.accept(alice.peerId);
  };

  it('write to each other, and see what was delivered and read', async () => {
    await acquaint();
    await alice.send(bob, 'hello');
    await until('delivery', async () => (await state(alice, bob))[0] === 'delivered');
    await bob.send(alice, 'hi');
    await until('the answer', async () => (await alice.texts(bob)).length === 2);
    expect(await alice.texts(bob)).toEqual(['hello', 'hi']);
    expect(await bob.texts(alice)).toEqual(['hello', 'hi']);
    expect(await bob.read(alice)).toBe(1);
    await until('the mark', async () => (await state(alice, bob))[0] === 'read');
    expect(await alice.chat.list.queued()).toBe(0);
  });

  it('get what was written while they were away, and after a restart too', async () => {
    await acquaint();
    bob.crash();
    await alice.send(bob, 'one', 'two');
    alice.crash();
    await alice.start();
    await alice.send(bob, 'three');
    expect(await alice.chat.list.queued()).toBe(3);
    await bob.start();
    await until('delivery', async () => (await alice.chat.list.queued()) === 0);
    expect(await bob.texts(alice)).toEqual(['one', 'two', 'three']);
  });

  it('are asked before more than a few messages of a stranger are taken', async () => {
    for (let n = 1; n <= 8; n += 1) await alice.send(bob, `message ${n}`);
    await until('the request', () => bob.chat.requests.of(alice.peerId) === 5);
    await clock.advance(180_000);
    expect(await bob.texts(alice)).toHaveLength(5);
    expect(await alice.chat.list.queued()).toBe(3);
    expect(await bob.read(alice)).toBe(0);
    await bob.chat.accept(alice.peerId);
    await until('the rest', async () => (await alice.chat.list.queued()) === 0);
    expect(await bob.texts(alice)).toHaveLength(8);
    expect(bob.chat.requests.count).toBe(0);
  });

  it('have a conversation before its first message, by its id too', () => {
    const { id } = alice.chat.resolveConversation('Bob');
    expect(alice.chat.resolveConversation(id)).toEqual({ id, kind: 'direct', peerId: bob.peerId });
    expect(bob.chat.resolveConversation(id)).toEqual({ id, kind: 'direct', peerId: alice.peerId });
  });

  it('can be taken as contacts without being asked', async () => {
    bob.crash();
    bob = await new MemoryNode('Bob', network, { contacts: 'everyone' }).start();
    for (let n = 1; n <= 8; n += 1) await alice.send(bob, `message ${n}`);
    await until('all of it', async () => (await alice.chat.list.queued()) === 0);
    expect(bob.chat.peers.isContact(alice.peerId)).toBe(true);
  });

  it('notice nothing of a block, and nothing that was dropped comes back', async () => {
    await acquaint();
    await alice.send(bob, 'before');
    await until('delivery', async () => (await alice.chat.list.queued()) === 0);
    await bob.chat.setBlocked(alice.peerId, true);
    await alice.send(bob, 'do you hear me?');
    await until('delivery', async () => (await alice.chat.list.queued()) === 0);
    expect(await state(alice, bob)).toEqual(['delivered', 'delivered']);
    await bob.chat.setBlocked(alice.peerId, false);
    await alice.send(bob, 'and now?');
    await until('delivery', async () => (await alice.chat.list.queued()) === 0);
    expect(await bob.texts(alice)).toEqual(['before', 'and now?']);
    const summary = await bob.chat.list.summary(bob.chat.conversations.direct(alice.peerId).id);
    expect(summary?.unread).toBe(1);
  });

  it('get everything back where only the key was left', async () => {
    await acquaint();
    await alice.send(bob, 'one', 'two');
    await until('delivery', async () => (await alice.chat.list.queued()) === 0);
    await bob.send(alice, ...Array.from({ length: 9 }, (_, n) => `answer ${n}`));
    await until('delivery', async () => (await bob.chat.list.queued()) === 0);
    const before = await alice.texts(bob);
    alice.crash();
    alice.disk.restore(new MemoryDisk());
    await alice.start();
    await alice.send(bob, 'written before anything was back');
    await until('all of it', async () => (await alice.texts(bob)).length === before.length + 1);
    await until('delivery', async () => (await alice.chat.list.queued()) === 0);
    expect(await alice.texts(bob)).toEqual(await bob.texts(alice));
    expect(alice.chat.peers.isContact(bob.peerId)).toBe(true);
    expect(alice.chat.isCopied).toBe(false);
  });
});
