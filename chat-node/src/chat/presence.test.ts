import { PRESENCE_INTERVAL_MS, TYPING_EXPIRES_MS, TYPING_INTERVAL_MS } from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryStorage } from '../testing/memory-storage.js';
import { ChatEvents } from './events.js';
import { OwnProfile } from './own-profile.js';
import { PeerDirectory } from './peer-directory.js';
import type { PeerLink } from './ports/peer-link.js';
import { Presence } from './presence.js';
import { Typing } from './typing.js';
import { MemoryNetwork } from '../testing/memory-network.js';
import { MemoryNode } from '../testing/memory-node.js';
import { untilOn } from '../testing/until.js';

const silent = { debug: () => undefined, warn: () => undefined };

let clock: ManualClock;
let network: MemoryNetwork;
let alice: MemoryNode;
let bob: MemoryNode;

beforeEach(async () => {
  clock = new ManualClock();
  network = new MemoryNetwork(clock);
  alice = await new MemoryNode('Alice', network).start();
  bob = await new MemoryNode('Bob', network).start();
  await alice.chat.send(bob.peerId, ['hello']);
  await until('linked', () => bob.chat.links === 1 && alice.chat.links === 1);
});

const until = untilOn(() => clock);

const seenBy = (node: MemoryNode, other: MemoryNode) => node.chat.knownPeer(other.peerId);
const typingEvents = (node: MemoryNode): boolean[] =>
  node.events.flatMap((event) => (event.type === 'typing' ? [event.typing] : []));

describe('presence', () => {
  it('is told at the opening of a link, at each change, and is gone with the link', async () => {
    await until('online', () => seenBy(alice, bob)?.presence?.state === 'online');
    await bob.chat.profile.change({ presence: 'dnd', status: 'in a talk' });
    await until('told', () => seenBy(alice, bob)?.presence?.status === 'in a talk');
    expect(seenBy(alice, bob)?.presence).toEqual({ state: 'dnd', status: 'in a talk' });
    await bob.stop();
    await until('gone', () => seenBy(alice, bob)?.online === false);
    expect(seenBy(alice, bob)?.presence).toBeNull();
    await bob.start();
    await until('told anew', () => seenBy(alice, bob)?.presence?.state === 'dnd');
  });

  it('is away where nobody is at the keys, unless another one was set by hand', async () => {
    bob.chat.profile.setIdle(true);
    await until('away', () => seenBy(alice, bob)?.presence?.state === 'away');
    await bob.chat.profile.change({ presence: 'dnd' });
    await until('dnd', () => seenBy(alice, bob)?.presence?.state === 'dnd');
    bob.chat.profile.setIdle(false);
    await bob.chat.profile.change({ presence: 'online' });
    await until('back', () => seenBy(alice, bob)?.presence?.state === 'online');
  });

  it('shows a new name at once: the peer and its conversation are the same', async () => {
    await bob.chat.profile.change({ user: 'Robert' });
    await until('renamed', () => seenBy(alice, bob)?.user === 'Robert');
    expect(alice.chat.resolve('Robert').peerId).toBe(bob.peerId);
    await until('stored', () => alice.disk.peers.get(bob.peerId)?.user === 'Robert');
    expect(await alice.chat.history(bob.peerId, { limit: 10 })).toHaveLength(1);
    await bob.stop();
    await bob.start();
    await until('back', () => seenBy(alice, bob)?.presence?.state === 'online');
    expect(seenBy(alice, bob)?.user).toBe('Robert');
  });

  it('is told to a blocked peer as to any other', async () => {
    const carol = await new MemoryNode('Carol', network).start();
    await bob.chat.send(carol.peerId, ['hello']);
    await until('linked', () => carol.chat.links === 1);
    await bob.chat.setBlocked(alice.peerId, true);
    for (const change of [
      { presence: 'away', status: 'lunch' },
      { user: 'Robert' },
      { presence: 'online' },
    ] as const) {
      await bob.chat.profile.change(change);
      const { settings } = bob.chat.profile;
      for (const node of [alice, carol]) {
        await until(`told ${node.user}`, () => {
          const seen = seenBy(node, bob);
          return seen?.user === settings.user && seen.presence?.state === settings.presence;
        });
      }
      expect(seenBy(alice, bob)?.presence).toEqual(seenBy(carol, bob)?.presence);
    }
  });

  it('that comes too often is taken once in a while, the last one last', async () => {
    await until('online', () => seenBy(alice, bob)?.presence !== null);
    await clock.advance(PRESENCE_INTERVAL_MS);
    const before = alice.events.length;
    for (let i = 0; i <= 100; i += 1) await bob.chat.profile.change({ status: `status ${i}` });
    await until('the last one', () => seenBy(alice, bob)?.presence?.status === 'status 100');
    const told = alice.events.slice(before).filter(({ type }) => type === 'peer');
    expect(told.length).toBeLessThan(10);
  });
});

describe('typing', () => {
  beforeEach(async () => {
    // A notice counts only between people who know each other, on both sides.
    await bob.chat.send(alice.peerId, ['hello yourself']);
    await until('answered', async () => (await alice.chat.peer(bob.peerId))?.unread === 1);
    alice.events.length = 0;
  });

  it('is shown, told again only after a while, and ends by itself', async () => {
    for (let i = 0; i < 50; i += 1) bob.chat.writes(alice.peerId);
    await until('typing', () => typingEvents(alice).length > 0);
    await clock.advance(TYPING_INTERVAL_MS);
    bob.chat.writes(alice.peerId);
    await clock.advance(TYPING_EXPIRES_MS - 1);
    expect(typingEvents(alice)).toEqual([true]);
    await clock.advance(TYPING_EXPIRES_MS);
    expect(typingEvents(alice)).toEqual([true, false]);
  });

  it('ends with the message, and with the link', async () => {
    bob.chat.writes(alice.peerId);
    await until('typing', () => typingEvents(alice).length === 1);
    await bob.chat.send(alice.peerId, ['written']);
    await until('ended', () => typingEvents(alice).length === 2);
    bob.chat.writes(alice.peerId);
    await until('typing anew', () => typingEvents(alice).length === 3);
    bob.crash();
    await until('ended', () => typingEvents(alice).length === 4);
    expect(typingEvents(alice)).toEqual([true, false, true, false]);
  });

  it.each([
    ['where it is switched off', () => bob.chat.profile.change({ typing: false })],
    ['to who is blocked', () => bob.chat.setBlocked(alice.peerId, true)],
  ])('is not told %s', async (_, prepare) => {
    await prepare();
    bob.chat.writes(alice.peerId);
    await clock.advance(TYPING_EXPIRES_MS / 2);
    expect(typingEvents(alice)).toEqual([]);
  });

  it('is not shown of who is blocked', async () => {
    await alice.chat.setBlocked(bob.peerId, true);
    bob.chat.writes(alice.peerId);
    await clock.advance(TYPING_EXPIRES_MS / 2);
    expect(typingEvents(alice)).toEqual([]);
  });

  it('is neither told to a stranger nor shown of one', async () => {
    const carol = await new MemoryNode('Carol', network).start();
    await carol.chat.send(bob.peerId, ['who are you?']);
    await until('there', async () => (await bob.chat.peer(carol.peerId))?.request);
    bob.chat.writes(carol.peerId);
    carol.chat.writes(bob.peerId);
    await clock.advance(TYPING_EXPIRES_MS / 2);
    expect([...typingEvents(bob), ...typingEvents(carol)]).toEqual([]);
  });
});

describe('a peer of an older version', () => {
  it('is sent neither: its hello does not name them', async () => {
    const events = new ChatEvents(() => undefined);
    const profile = new OwnProfile(alice.profile, { save: async () => undefined }, events);
    const directory = new PeerDirectory(alice.peerId, new MemoryStorage().peers, events, clock);
    await directory.accept(bob.peerId);
    const presence = new Presence(profile, directory, clock, silent, events);
    const typing = new Typing(profile, directory, events, clock);
    const told = async (features: string[]): Promise<string[]> => {
      const sent: string[] = [];
      const peer = { peerId: bob.peerId, user: 'Bob', instance: 'b', agent: 'x/1', features, address: null };
      const link = {
        peer,
        sendPresence: () => void sent.push('presence'),
        sendTyping: () => void sent.push('typing'),
      } as unknown as PeerLink;
      for (const part of [presence, typing]) part.opened(link);
      await profile.change({ status: features.join() });
      typing.writes(bob.peerId);
      for (const part of [presence, typing]) part.closed(link);
      return sent;
    };
    expect(await told(['something-else'])).toEqual([]);
    expect(await told(['presence', 'typing'])).toEqual(['presence', 'presence', 'typing']);
  });
});

describe('the pace', () => {
  const noticeOf = (features: string[]) => {
    const told: string[] = [];
    const peer = { peerId: bob.peerId, user: 'Bob', instance: 'b', agent: 'x/1', features, address: null };
    return { told, link: { peer, sendTyping: () => void told.push('typing') } as unknown as PeerLink };
  };

  it(`of presences is one in ${PRESENCE_INTERVAL_MS} ms, from the first one on`, async () => {
    const events = new ChatEvents(() => undefined);
    const profile = new OwnProfile(alice.profile, { save: async () => undefined }, events);
    const directory = new PeerDirectory(alice.peerId, new MemoryStorage().peers, events, clock);
    const presence = new Presence(profile, directory, clock, silent, events);
    const { link } = noticeOf([]);
    const shown: string[] = [];
    directory.showed = (_, { status }) => Promise.resolve(void shown.push(status));
    presence.opened(link);
    const receive = (status: string): void =>
      presence.received(link, { type: 'presence', state: 'online', status, user: 'Bob' });
    for (const status of ['one', 'two', 'three']) receive(status);
    await clock.advance(PRESENCE_INTERVAL_MS - 1);
    expect(shown).toEqual(['one']);
    await clock.advance(1);
    expect(shown).toEqual(['one', 'three']);
    await clock.advance(PRESENCE_INTERVAL_MS);
    receive('four');
    expect(shown).toEqual(['one', 'three', 'four']);
  });

  it(`of typing is one notice in ${TYPING_INTERVAL_MS} ms, and one counts for ${TYPING_EXPIRES_MS} ms`, async () => {
    const shown: boolean[] = [];
    const events = new ChatEvents(() => undefined);
    events.subscribe((event) => {
      if (event.type === 'typing') shown.push(event.typing);
    });
    const profile = new OwnProfile(alice.profile, { save: async () => undefined }, events);
    const directory = new PeerDirectory(alice.peerId, new MemoryStorage().peers, events, clock);
    await directory.accept(bob.peerId);
    const typing = new Typing(profile, directory, events, clock);
    const { link, told } = noticeOf(['typing']);
    typing.opened(link);
    typing.writes(bob.peerId);
    await clock.advance(TYPING_INTERVAL_MS - 1);
    typing.writes(bob.peerId);
    expect(told).toEqual(['typing']);
    await clock.advance(1);
    typing.writes(bob.peerId);
    expect(told).toEqual(['typing', 'typing']);

    typing.received(link);
    await clock.advance(TYPING_EXPIRES_MS - 1);
    expect(shown).toEqual([true]);
    await clock.advance(1);
    expect(shown).toEqual([true, false]);
  });
});

describe('settings', () => {
  it('of the environment win, and say so', async () => {
    const saved: unknown[] = [];
    const store = { save: async (settings: object) => void saved.push(settings) };
    const settings = { ...alice.profile, typing: false };
    const events = new ChatEvents(() => undefined);
    const profile = new OwnProfile(settings, store, events, { typing: 'P2P_CHAT_TYPING' });
    await expect(profile.change({ typing: true })).rejects.toMatchObject({
      code: 'setting-fixed',
      message: expect.stringContaining('P2P_CHAT_TYPING') as string,
    });
    await profile.change({ typing: false, receipts: false });
    expect(saved).toEqual([{ ...settings, receipts: false }]);
  });

  it('switch receipts off from then on', async () => {
    await bob.chat.profile.change({ receipts: false });
    await bob.chat.markRead(alice.peerId);
    await clock.advance(10_000);
    const [message] = await alice.chat.history(bob.peerId, { limit: 1 });
    expect(message?.state).toBe('delivered');
  });

  it('are not taken where they could not be kept', async () => {
    const store = { save: async () => Promise.reject(new Error('the disk is full')) };
    const profile = new OwnProfile(alice.profile, store, new ChatEvents(() => undefined));
    await expect(profile.change({ status: 'x' })).rejects.toThrow('the disk is full');
    expect(profile.settings.status).toBe('');
    await expect(profile.change({ status: 'two\nlines' })).rejects.toMatchObject({ code: 'invalid-status' });
    await expect(profile.change({ user: ' ' })).rejects.toMatchObject({ code: 'invalid-user-name' });
  });
});
