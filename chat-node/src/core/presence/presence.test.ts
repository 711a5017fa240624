import { PRESENCE_INTERVAL_MS, TYPING_EXPIRES_MS, TYPING_INTERVAL_MS } from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryNetwork } from '../../testing/memory-network.js';
import { MemoryNode } from '../../testing/memory-node.js';
import { untilOn } from '../../testing/until.js';
import { ChatEvents } from '../events.js';
import type { OutgoingFrame, PeerLink } from '../ports/peer-link.js';
import { OwnProfile } from './own-profile.js';
import { PresenceSession } from './presence.js';
import { TypingSession } from './typing.js';

let clock: ManualClock;
let network: MemoryNetwork;
let alice: MemoryNode;
let bob: MemoryNode;

beforeEach(async () => {
  clock = new ManualClock();
  network = new MemoryNetwork(clock);
  alice = await new MemoryNode('Alice', network).start();
  bob = await new MemoryNode('Bob', network).start();
  await alice.send(bob, 'hello');
  await until('linked', () => bob.chat.peers.links === 1 && alice.chat.peers.links === 1);
});

const until = untilOn(() => clock);

const seenBy = (node: MemoryNode, other: MemoryNode) => node.chat.peers.get(other.peerId);
const writes = (from: MemoryNode, to: MemoryNode): void =>
  from.chat.writes(from.chat.conversations.direct(to.peerId).id);
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
    expect(alice.chat.peers.resolve('Robert').peerId).toBe(bob.peerId);
    await until('stored', () => alice.disk.peers.get(bob.peerId)?.user === 'Robert');
    expect(await alice.history(bob)).toHaveLength(1);
    await bob.stop();
    await bob.start();
    await until('back', () => seenBy(alice, bob)?.presence?.state === 'online');
    expect(seenBy(alice, bob)?.user).toBe('Robert');
  });

  it('is told to a blocked peer as to any other', async () => {
    const carol = await new MemoryNode('Carol', network).start();
    await bob.send(carol, 'hello');
    await until('linked', () => carol.chat.peers.links === 1);
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
    await bob.send(alice, 'hello yourself');
    await until('answered', async () => (await alice.texts(bob)).length === 2);
    alice.events.length = 0;
  });

  it('is shown, told again only after a while, and ends by itself', async () => {
    for (let i = 0; i < 50; i += 1) writes(bob, alice);
    await until('typing', () => typingEvents(alice).length > 0);
    await clock.advance(TYPING_INTERVAL_MS);
    writes(bob, alice);
    await clock.advance(TYPING_EXPIRES_MS - 1);
    expect(typingEvents(alice)).toEqual([true]);
    await clock.advance(TYPING_EXPIRES_MS);
    expect(typingEvents(alice)).toEqual([true, false]);
  });

  it('ends with the message, and with the link', async () => {
    writes(bob, alice);
    await until('typing', () => typingEvents(alice).length === 1);
    await bob.send(alice, 'written');
    await until('ended', () => typingEvents(alice).length === 2);
    writes(bob, alice);
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
    writes(bob, alice);
    await clock.advance(TYPING_EXPIRES_MS / 2);
    expect(typingEvents(alice)).toEqual([]);
  });

  it('is not shown of who is blocked', async () => {
    await alice.chat.setBlocked(bob.peerId, true);
    writes(bob, alice);
    await clock.advance(TYPING_EXPIRES_MS / 2);
    expect(typingEvents(alice)).toEqual([]);
  });

  it('is neither told to a stranger nor shown of one', async () => {
    const carol = await new MemoryNode('Carol', network).start();
    await carol.send(bob, 'who are you?');
    await until('there', () => bob.chat.requests.of(carol.peerId) === 1);
    writes(bob, carol);
    writes(carol, bob);
    await clock.advance(TYPING_EXPIRES_MS / 2);
    expect([...typingEvents(bob), ...typingEvents(carol)]).toEqual([]);
  });
});

describe('the pace', () => {
  const noticeOf = () => {
    const told: OutgoingFrame[] = [];
    const peer = { peerId: bob.peerId, user: 'Bob', instance: 'b', agent: 'x/1', address: null };
    const link: PeerLink = {
      peer,
      send: (frame) => void told.push(frame),
      sendBatch: () => undefined,
      isAlive: () => Promise.resolve(true),
      close: () => undefined,
    };
    return { told, link };
  };
  const makeProfile = (events: ChatEvents): OwnProfile =>
    new OwnProfile(alice.profile, { save: async () => undefined }, events);

  it(`of presences is one in ${PRESENCE_INTERVAL_MS} ms, from the first one on`, async () => {
    const { link, told } = noticeOf();
    const shown: string[] = [];
    const profile = makeProfile(new ChatEvents(() => undefined));
    const presence = new PresenceSession(link, {
      profile,
      peers: { showed: (_, { status }) => Promise.resolve(void shown.push(status)) },
      clock,
      log: { debug: () => undefined, warn: () => undefined },
    });
    presence.tell();
    presence.tell();
    expect(told).toEqual([{ type: 'presence', state: 'online', status: '', user: 'Alice' }]);
    await profile.change({ receipts: false });
    presence.tell();
    expect(told.at(-1)).toMatchObject({ type: 'presence', receipts: false });
    const receive = (status: string): void =>
      presence.received({ type: 'presence', state: 'online', status, user: 'Bob' });
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
      if (event.type !== 'typing') return;
      expect(event).toMatchObject({ conversation: 'the conversation', peerId: bob.peerId });
      shown.push(event.typing);
    });
    const { link, told } = noticeOf();
    const typing = new TypingSession(link, 'the conversation', {
      profile: makeProfile(events),
      peers: { isTrusted: () => true },
      events,
      clock,
    });
    typing.writes();
    await clock.advance(TYPING_INTERVAL_MS - 1);
    typing.writes();
    expect(told).toEqual([{ type: 'typing' }]);
    await clock.advance(1);
    typing.writes();
    typing.sent();
    typing.writes();
    expect(told).toHaveLength(3);

    typing.received();
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
    await until('there', async () => (await bob.texts(alice)).length === 1);
    await bob.chat.accept(alice.peerId);
    expect(await bob.read(alice)).toBe(1);
    await clock.advance(10_000);
    const [message] = await alice.history(bob);
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
