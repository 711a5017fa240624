import { EDIT_MENTION_MS, MAX_DELETED_VERSIONS, MAX_REACTIONS_PER_PERSON } from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryNetwork } from '../../testing/memory-network.js';
import { MemoryNode } from '../../testing/memory-node.js';
import { untilOn } from '../../testing/until.js';
import type { MessageActions } from './actions.js';
import type { Message } from './message.js';

let clock: ManualClock;
let network: MemoryNetwork;
let alice: MemoryNode;
let bob: MemoryNode;
let conversation: string;
const until = untilOn(() => clock);

beforeEach(async () => {
  clock = new ManualClock();
  network = new MemoryNetwork(clock);
  alice = await new MemoryNode('Alice', network).start();
  bob = await new MemoryNode('Bob', network).start();
  await settle();
  await alice.chat.accept(bob.peerId);
  await bob.chat.accept(alice.peerId);
  conversation = alice.chat.conversations.direct(bob.peerId).id;
});

afterEach(async () => {
  for (const node of [alice, bob]) if (node.running) node.crash();
});

/** Everything that can be delivered is, and told. */
const settle = async (): Promise<void> => {
  if (!alice.running || !bob.running) return;
  const isQuiet = async (node: MemoryNode): Promise<boolean> => (await node.chat.list.queued()) === 0;
  await until('delivery', async () => (await isQuiet(alice)) && (await isQuiet(bob)));
  for (let step = 0; step < 5; step += 1) {
    await clock.advance(1_000);
    for (let turn = 0; turn < 30; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
};
const actions = (node: MemoryNode): MessageActions => node.chat.messages.actions;
const send = async (node: MemoryNode, body: string, extras = {}): Promise<string> => {
  const [message] = await node.chat.messages.send(conversation, [body], undefined, extras);
  await settle();
  return message!.id;
};
const at = async (node: MemoryNode, id: string): Promise<Message> =>
  (await node.chat.messages.find(id)) as Message;
const both = (id: string): Promise<Message[]> => Promise.all([at(alice, id), at(bob, id)]);
const summary = async (node: MemoryNode) => (await node.chat.list.summary(conversation))!;
const onDisk = (node: MemoryNode, text: string): boolean =>
  node.disk.rows.some(({ batch }) => Buffer.from(batch.bytes).includes(text)) ||
  node.disk.saved.some(({ body }) => body.includes(text));
const refused = (code: string) => expect.objectContaining({ code }) as Error;

describe('an edit', () => {
  it('changes what the message says at its place, for both, and is no message', async () => {
    const id = await send(alice, 'first draft');
    await send(bob, 'answer');
    await bob.read(alice);
    await actions(alice).edit(id, 'second draft');
    await settle();
    for (const message of await both(id))
      expect(message).toMatchObject({ edited: true, content: { kind: 'text', body: 'second draft' } });
    expect(await bob.texts(alice)).toEqual(['second draft', 'answer']);
    expect(await summary(bob)).toMatchObject({ unread: 0, last: { content: { body: 'answer' } } });
    expect(bob.events).toContainEqual({ type: 'changed', conversation, ids: [id] });
  });

  it('is found by what it says, and not by what it said', async () => {
    const id = await send(alice, 'green apples');
    await send(alice, 'apples again');
    await send(alice, 'other');
    await actions(alice).edit(id, 'red pears');
    await actions(alice).edit(id, 'ripe pears and apples');
    const search = async (text: string, before?: string) =>
      (await alice.chat.messages.search(text, { limit: 1, ...(before === undefined ? {} : { before }) })).map(
        ({ message }) => message.content,
      );
    expect(await search('green')).toEqual([]);
    expect(await search('red')).toEqual([]);
    expect(await search('pears')).toEqual([{ kind: 'text', body: 'ripe pears and apples' }]);
    expect(await search('apples')).toEqual([{ kind: 'text', body: 'ripe pears and apples' }]);
    expect(await search('apples', id)).toEqual([{ kind: 'text', body: 'apples again' }]);
  });

  it('is for its author alone, for a text alone, and for a body that can be sent', async () => {
    const id = await send(alice, 'hello');
    await expect(actions(bob).edit(id, 'no')).rejects.toEqual(refused('message-not-yours'));
    await expect(actions(alice).edit(id, ' ')).rejects.toEqual(refused('body-empty'));
    await expect(actions(alice).edit('x', 'y')).rejects.toEqual(refused('message-unknown'));
    const { id: entry } = await actions(alice).edit(id, 'hello again');
    await expect(actions(alice).edit(entry, 'y')).rejects.toEqual(refused('message-unknown'));
    await bob.chat.setBlocked(alice.peerId, true);
    await expect(actions(bob).react(id, ['👍'])).rejects.toEqual(refused('peer-blocked'));
  });
});

describe('earlier versions', () => {
  it('are for the author alone, and gone with the message', async () => {
    const id = await send(alice, 'one');
    await actions(alice).edit(id, 'two');
    await actions(alice).edit(id, 'three');
    await settle();
    const bodies = (await actions(alice).versions(id)).map(({ body }) => body);
    expect(bodies).toEqual(['one', 'two', 'three']);
    await expect(actions(bob).versions(id)).rejects.toEqual(refused('message-not-yours'));
    await actions(alice).remove(id);
    await expect(actions(alice).versions(id)).rejects.toEqual(refused('message-deleted'));
  });
});

describe('an edit that mentions somebody', () => {
  const told = (id: string) =>
    bob.events.filter((event) => event.type === 'mention' && event.id === id).length;

  it('tells them where no earlier version did, also in a muted conversation unless that is set to nothing', async () => {
    const id = await send(alice, 'come');
    await actions(alice).edit(id, 'come, @Bob');
    await settle();
    expect(told(id)).toBe(1);
    await actions(alice).edit(id, 'come at 3, @Bob');
    await actions(alice).edit(id, 'come at 3');
    await actions(alice).edit(id, 'come at 4, @Bob');
    await settle();
    expect(told(id)).toBe(1);
    const called = await send(alice, 'you, @Bob');
    await actions(alice).edit(called, 'yes, you, @Bob');
    await settle();
    expect(told(called)).toBe(0);
    const message = await at(bob, id);
    const notifies = async (mute: 'all' | 'mentions' | 'off'): Promise<boolean[]> => {
      await bob.chat.setMute(conversation, mute);
      const plain = await at(bob, await send(alice, `plain ${mute}`));
      return [message, plain].map((one) => bob.chat.notifies(one)).concat(bob.chat.notifies(plain, true));
    };
    expect(await notifies('all')).toEqual([true, true, true]);
    expect(await notifies('mentions')).toEqual([true, false, true]);
    expect(await notifies('off')).toEqual([false, false, false]);
  });

  it('tells them within five minutes of the message', async () => {
    const [soon, late] = [await send(alice, 'soon'), await send(alice, 'late')];
    await clock.advance(EDIT_MENTION_MS - 60_000);
    await actions(alice).edit(soon, 'soon, @Bob');
    await settle();
    await clock.advance(60_000);
    await actions(alice).edit(late, 'late, @Bob');
    await settle();
    expect([told(soon), told(late)]).toEqual([1, 0]);
  });
});

describe('an answer', () => {
  it('quotes what it answers, as that is now', async () => {
    const id = await send(alice, 'shall we?');
    const answer = await send(bob, 'yes', { replyTo: id });
    const quote = async () => (await both(answer)).map((message) => [message.replyTo, message.quote?.body]);
    expect(await quote()).toEqual([
      [id, 'shall we?'],
      [id, 'shall we?'],
    ]);
    await actions(alice).edit(id, 'shall we not?');
    await settle();
    expect(await quote()).toEqual([
      [id, 'shall we not?'],
      [id, 'shall we not?'],
    ]);
    await actions(alice).remove(id);
    await settle();
    for (const { quote: gone } of await both(answer)) expect(gone).toMatchObject({ body: '', deleted: true });
    await expect(send(bob, 'no', { replyTo: id })).rejects.toEqual(refused('message-deleted'));
  });
});

describe('a delete for everybody', () => {
  it('erases the message and its edits at both ends', async () => {
    const id = await send(alice, 'canary one');
    await actions(alice).edit(id, 'canary two');
    await actions(bob).react(id, ['👍']);
    await settle();
    expect([onDisk(alice, 'canary'), onDisk(bob, 'canary')]).toEqual([true, true]);
    await actions(alice).remove(id);
    await settle();
    expect([onDisk(alice, 'canary'), onDisk(bob, 'canary')]).toEqual([false, false]);
    for (const message of await both(id))
      expect(message).toMatchObject({
        deleted: true,
        edited: false,
        reactions: [],
        content: { name: 'deleted' },
      });
    expect((await at(alice, id)).deletion).toMatchObject({ asked: 1, done: 1 });
    expect(await alice.texts(bob)).toEqual(['unknown']);
    await expect(actions(alice).edit(id, 'y')).rejects.toEqual(refused('message-deleted'));
    await expect(actions(bob).react(id, ['👍'])).rejects.toEqual(refused('message-deleted'));
  });

  it('reaches who was away, and tells how many have erased it', async () => {
    const id = await send(alice, 'canary');
    await bob.stop();
    await settle();
    const { id: entry } = await actions(alice).remove(id);
    expect((await at(alice, id)).deletion).toMatchObject({ asked: 1, done: 0 });
    expect((await actions(alice).remove(id)).id).toBe(entry);
    expect(onDisk(bob, 'canary')).toBe(true);
    const told = () =>
      alice.events.filter((event) => event.type === 'changed' && event.ids.includes(id)).length;
    const before = told();
    await bob.start();
    await settle();
    expect(onDisk(bob, 'canary')).toBe(false);
    expect(told()).toBe(before + 1);
    expect((await at(alice, id)).deletion).toMatchObject({ asked: 1, done: 1 });
  });

  it('is for its author alone', async () => {
    const id = await send(alice, 'hello');
    await expect(actions(bob).remove(id)).rejects.toEqual(refused('message-not-yours'));
  });

  it('comes back with the rest where the author was restored, and with the rest alone where the other one was', async () => {
    const id = await send(alice, 'canary');
    for (let nth = 0; nth < MAX_DELETED_VERSIONS + 1; nth += 1)
      await actions(alice).edit(id, `canary ${nth}`);
    await send(bob, 'between');
    await actions(alice).remove(id);
    await send(alice, 'after');
    for (const node of [alice, bob]) {
      await node.stop();
      node.disk.restore(new (node.disk.constructor as new () => typeof node.disk)());
      await node.start();
      await settle();
      await (node === alice ? alice.chat.accept(bob.peerId) : bob.chat.accept(alice.peerId));
      await settle();
      expect(await node.texts(node === alice ? bob : alice)).toEqual(['unknown', 'between', 'after']);
      expect((await at(node, id)).deleted).toBe(true);
      expect(onDisk(node, 'canary')).toBe(false);
    }
  });
});

describe('a delete for oneself', () => {
  it('hides the message here alone, also after a start', async () => {
    const [kept, gone] = [await send(alice, 'kept'), await send(alice, 'gone')];
    expect((await summary(bob)).unread).toBe(2);
    await actions(bob).hide(gone);
    expect(await bob.texts(alice)).toEqual(['kept']);
    expect(await alice.texts(bob)).toEqual(['kept', 'gone']);
    expect(await summary(bob)).toMatchObject({ unread: 1, last: { id: kept } });
    expect(bob.events).toContainEqual({ type: 'removed', conversation, ids: [gone] });
    await bob.stop();
    await bob.start();
    expect(await bob.texts(alice)).toEqual(['kept']);
    expect(await bob.chat.messages.search('gone', { limit: 9 })).toEqual([]);
    expect(await bob.read(alice)).toBe(1);
  });
});

describe('reactions', () => {
  it('are one set of each person, the latest, in one form', async () => {
    const id = await send(alice, 'hello');
    await actions(bob).react(id, ['👍', '❤', '❤️']);
    await actions(alice).react(id, ['👍']);
    await settle();
    const {
      peerId: [a, b],
    } = { peerId: [alice.peerId, bob.peerId] as const };
    for (const { reactions } of await both(id))
      expect(reactions).toEqual([
        { emoji: '👍', by: [b, a] },
        { emoji: '❤️', by: [b] },
      ]);
    await actions(bob).react(id, []);
    await settle();
    for (const { reactions } of await both(id)) expect(reactions).toEqual([{ emoji: '👍', by: [a] }]);
    expect(await summary(bob)).toMatchObject({ unread: 1, last: { id } });
  });

  it('of who is blocked are not shown, and come back', async () => {
    const id = await send(alice, 'hello');
    await actions(alice).react(id, ['👍']);
    await settle();
    const shown = async () => (await at(bob, id)).reactions.length;
    expect(await shown()).toBe(1);
    await bob.chat.setBlocked(alice.peerId, true);
    expect(await shown()).toBe(0);
    await bob.chat.setBlocked(alice.peerId, false);
    expect(await shown()).toBe(1);
  });

  it('are emoji, and not too many', async () => {
    const id = await send(alice, 'hello');
    await expect(actions(bob).react(id, ['ok'])).rejects.toEqual(refused('reaction-malformed'));
    const many = [...'😀😁😂😃😄😅😆😇😈'];
    expect(many).toHaveLength(MAX_REACTIONS_PER_PERSON + 1);
    await expect(actions(bob).react(id, many)).rejects.toEqual(refused('reaction-malformed'));
    await actions(bob).react(id, many.slice(1));
  });
});

describe('mentions', () => {
  it('are peer ids, by the name in the text or as a client gives them', async () => {
    const mentions = async (id: string) =>
      (await both(id)).map(({ content }) => content.kind === 'text' && content.mentions);
    expect(await mentions(await send(alice, 'ask @bob!'))).toEqual([[bob.peerId], [bob.peerId]]);
    expect(await mentions(await send(alice, 'hello', { mentions: [bob.peerId] }))).toEqual([
      [bob.peerId],
      [bob.peerId],
    ]);
    const id = await send(alice, 'hello');
    await actions(alice).edit(id, 'hello @Bob');
    await settle();
    expect(await mentions(id)).toEqual([[bob.peerId], [bob.peerId]]);
    await expect(send(alice, 'x', { mentions: ['a'.repeat(52)] })).rejects.toEqual(
      refused('mention-unknown'),
    );
  });
});

describe('a message that asks to be confirmed', () => {
  it('waits at its reader until it is confirmed, and its author sees who has', async () => {
    await bob.stop();
    const id = await send(alice, 'Drill at 3', { confirm: true });
    const lists = async () => actions(alice).confirmations(id);
    expect(await lists()).toEqual({ confirmed: [], read: [], delivered: [], missing: [bob.peerId] });
    await bob.start();
    await settle();
    expect(await lists()).toEqual({ confirmed: [], read: [], delivered: [bob.peerId], missing: [] });
    await bob.read(alice);
    await settle();
    expect(await lists()).toEqual({ confirmed: [], read: [bob.peerId], delivered: [], missing: [] });
    await bob.stop();
    await bob.start();
    expect((await summary(bob)).toConfirm).toMatchObject([{ id }]);
    expect((await summary(alice)).toConfirm).toEqual([]);
    await settle();
    await actions(alice).remind(id);
    await settle();
    expect(bob.events).toContainEqual({ type: 'reminder', conversation, id });
    const { id: entry } = await actions(bob).confirm(id);
    expect((await actions(bob).confirm(id)).id).toBe(entry);
    await settle();
    expect((await summary(bob)).toConfirm).toEqual([]);
    expect(await lists()).toMatchObject({
      confirmed: [{ peerId: bob.peerId }],
      read: [],
      delivered: [],
      missing: [],
    });
    await actions(alice).remove(id);
    await settle();
    await expect(actions(bob).confirm(id)).rejects.toEqual(refused('message-deleted'));
  });

  it('is confirmed by others alone, where it asks for it, and only its author is told', async () => {
    const [plain, asking] = [await send(alice, 'hello'), await send(alice, 'confirm', { confirm: true })];
    await expect(actions(bob).confirm(plain)).rejects.toEqual(refused('confirm-not-asked'));
    await expect(actions(alice).confirm(asking)).rejects.toEqual(refused('confirm-not-asked'));
    await expect(actions(alice).confirmations(plain)).rejects.toEqual(refused('confirm-not-asked'));
    await expect(actions(bob).confirmations(asking)).rejects.toEqual(refused('message-not-yours'));
  });
});

describe('in a group', () => {
  it('an admin deletes what others wrote, also after they are none any more, and members confirm', async () => {
    const { rosters, conversations } = alice.chat;
    const person = { peerId: bob.peerId, user: 'Bob' };
    const { id: group } = await rosters.found('Team', { open: false, history: 'all' }, [person]);
    const members = (): string[] => conversations.get(group)?.members() ?? [];
    await until('Bob in the group', () => members().length === 2);
    await until('the group at Bob', () => bob.chat.conversations.get(group)?.members().length === 2);
    const post = async (node: MemoryNode, body: string, extras = {}): Promise<string> => {
      const [message] = await node.chat.messages.send(group, [body], undefined, extras);
      return message!.id;
    };
    const asking = await post(alice, 'Drill at 3, @Bob', { confirm: true });
    const theirs = await post(bob, 'canary of Bob');
    await until(
      'the messages',
      async () => (await at(alice, theirs)) !== null && (await at(bob, asking)) !== null,
    );
    expect((await at(bob, asking)).content).toMatchObject({ mentions: [bob.peerId] });
    await expect(actions(bob).remove(asking)).rejects.toEqual(refused('message-not-yours'));
    await actions(bob).confirm(asking);
    await until(
      'the confirmation',
      async () => (await actions(alice).confirmations(asking)).confirmed.length === 1,
    );
    await actions(alice).remove(theirs);
    await until('the delete', async () => (await at(bob, theirs)).deleted);
    await until('the word of it', async () => (await at(alice, theirs)).deletion?.done === 1);
    expect([onDisk(alice, 'canary'), onDisk(bob, 'canary')]).toEqual([false, false]);
    const conversation = conversations.get(group)!;
    await rosters.about(conversation, 'promote', person);
    await rosters.about(conversation, 'demote', { peerId: alice.peerId, user: 'Alice' });
    expect((await at(alice, theirs)).deleted).toBe(true);
    const own = await post(bob, 'still there');
    await until('the message', async () => (await at(alice, own)) !== null);
    await expect(actions(alice).remove(own)).rejects.toEqual(refused('message-not-yours'));
  });

  it.each(['block', 'drop'] as const)(
    'an edit that a delete could not name leaves no line and no hole at who comes later (lines that %s)',
    async (mode) => {
      const carol = await new MemoryNode('Carol', network).start();
      const { rosters, conversations } = alice.chat;
      const person = { peerId: bob.peerId, user: 'Bob' };
      const { id: group } = await rosters.found('Team', { open: false, history: 'all' }, [person]);
      await until('the group at Bob', () => bob.chat.conversations.get(group)?.members().length === 2);
      const post = async (node: MemoryNode, body: string) =>
        (await node.chat.messages.send(group, [body]))[0]!.id;
      const id = await post(bob, 'canary one');
      await until('the message', async () => (await alice.chat.messages.find(id)) !== null);
      network.takeDown(mode);
      await actions(bob).edit(id, 'canary two');
      const after = await post(bob, 'after');
      await actions(alice).remove(id);
      network.heal();
      if (mode === 'drop') network.cut();
      await until('the erasing', () => !onDisk(alice, 'canary') && !onDisk(bob, 'canary'));
      await until('the rest', async () => (await alice.chat.messages.find(after)) !== null);
      await settle();
      await bob.stop();
      const who = { peerId: carol.peerId, user: 'Carol' };
      await rosters.about(conversations.get(group)!, 'add', who);
      await until('the invitation', () => carol.chat.conversations.get(group) !== undefined);
      await carol.chat.rosters.enter(carol.chat.conversations.get(group)!);
      const lines = async (node: MemoryNode) =>
        (await node.chat.messages.history(group, { limit: 10 }))
          .filter(({ change }) => change === undefined)
          .map((one) => [one.id, one.deleted]);
      await until('the history', async () => (await lines(carol)).length > 1);
      for (const node of [carol, alice])
        expect(await lines(node)).toEqual([
          [id, true],
          [after, false],
        ]);
      carol.crash();
    },
  );

  it.each([0, 1, 2, 3, 4])(
    'such an edit is named before it is erased: its author is killed after %i commits, and who deleted the message never comes back',
    async (commits) => {
      const [carol, dave] = [new MemoryNode('Carol', network), new MemoryNode('Dave', network)];
      for (const node of [carol, dave]) await node.start();
      const person = ({ peerId, user }: MemoryNode) => ({ peerId, user });
      const { rosters, conversations } = alice.chat;
      const found = await rosters.found('Team', { open: false, history: 'all' }, [
        person(bob),
        person(carol),
      ]);
      const { id: group } = found;
      const groupAt = (node: MemoryNode) => node.chat.conversations.get(group)!;
      const isIn = (node: MemoryNode, count: number) => () => groupAt(node)?.members().length === count;
      await until('the invitation', () => carol.chat.conversations.get(group) !== undefined);
      await carol.chat.rosters.enter(groupAt(carol));
      for (const node of [alice, bob, carol]) await until(`${node.user} in the group`, isIn(node, 3));
      await rosters.about(conversations.get(group)!, 'promote', person(carol));
      const post = async (node: MemoryNode, body: string) =>
        (await node.chat.messages.send(group, [body]))[0]!.id;
      const id = await post(bob, 'canary one');
      for (const node of [alice, carol])
        await until('the message', async () => (await node.chat.messages.find(id)) !== null);
      // Bob changes it alone; Alice deletes it, and Carol alone hears of that.
      for (const node of [alice, carol]) await node.stop();
      await actions(bob).edit(id, 'canary two');
      const after = await post(bob, 'after');
      await bob.stop();
      for (const node of [carol, alice]) await node.start();
      await actions(alice).remove(id);
      await until('the delete at Carol', async () => (await at(carol, id)).deleted);
      await alice.stop();
      await bob.start();
      bob.disk.commitsLeft = commits;
      await until(
        'the kill, or all that Bob has to do',
        () => bob.disk.commitsLeft < 0 || !onDisk(bob, 'canary'),
      );
      bob.crash();
      bob.disk.commitsLeft = Number.POSITIVE_INFINITY;
      await bob.start();
      await until('the rest at Carol', async () => (await carol.chat.messages.find(after)) !== null);
      await until('the erasing', () => !onDisk(carol, 'canary') && !onDisk(bob, 'canary'));
      await bob.stop();
      await carol.chat.rosters.about(groupAt(carol), 'add', person(dave));
      await until('the invitation of Dave', () => dave.chat.conversations.get(group) !== undefined);
      await dave.chat.rosters.enter(groupAt(dave));
      const lines = async (node: MemoryNode) =>
        (await node.chat.messages.history(group, { limit: 10 }))
          .filter(({ change }) => change === undefined)
          .map((one) => [one.id, one.deleted]);
      await until('the history', async () => (await lines(dave)).length > 1);
      for (const node of [carol, dave])
        expect(await lines(node)).toEqual([
          [id, true],
          [after, false],
        ]);
      for (const node of [carol, dave]) node.crash();
    },
  );
});
