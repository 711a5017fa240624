import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../clock.js';
import type { PeerView } from '../control/views.js';
import { FakeNode } from '../testing/fake-node.js';
import { LiveView } from './live-view.js';
import type { Store } from './store.js';
import { Timeline, type LoadedMessages } from './timeline.js';

let node: FakeNode;
let bob: PeerView;
let view: LiveView;
const leaving: AbortController[] = [];

beforeEach(async () => {
  node = await FakeNode.start();
  bob = node.person('Bob');
  const stop = new AbortController();
  leaving.push(stop);
  view = new LiveView(node.api(), new SystemClock(), stop.signal);
});

afterEach(async () => {
  leaving.splice(0).forEach((stop) => stop.abort());
  await node.close();
});

/** Until the store's value is as wanted. */
function until<T>(store: Store<T>, wanted: (value: T) => boolean): Promise<T> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!wanted(store.get())) return;
      unsubscribe();
      resolve(store.get());
    };
    const unsubscribe = store.subscribe(look);
    look();
  });
}

function bodies({ messages }: LoadedMessages): string[] {
  return messages.map((message) => message.body);
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `m${i}`);
}

async function open(): Promise<Timeline> {
  await view.start();
  const timeline = new Timeline(view, bob.conversation);
  await until(timeline.store, (now) => !now.loading);
  return timeline;
}

describe('a conversation that is opened at a message', () => {
  it('shows what lies around it, goes both ways, and follows the end again', async () => {
    await view.start();
    const sent = node.receive(bob, ...numbered(350));
    const timeline = new Timeline(view, bob.conversation, sent[150]);
    const around = await until(timeline.store, (now) => !now.loading);
    expect(bodies(around)).toEqual(numbered(350).slice(50, 251));
    expect(around).toMatchObject({ found: sent[150]!.id, atStart: false, atEnd: false });
    await timeline.older();
    await timeline.newer();
    expect(bodies(timeline.store.get())).toEqual(numbered(350).slice(0, 350));
    timeline.toEnd();
    const end = await until(timeline.store, (now) => !now.loading);
    expect(end).toMatchObject({ atEnd: true });
    expect(end.found).toBeUndefined();
    expect(bodies(end).at(-1)).toBe('m349');
    node.receive(bob, 'news');
    await until(timeline.store, (now) => bodies(now).at(-1) === 'news');
    timeline.close();
  });

  it('shows all of a short one, and what comes then', async () => {
    await view.start();
    const [only] = node.receive(bob, 'only');
    const timeline = new Timeline(view, bob.conversation, only);
    expect(await until(timeline.store, (now) => !now.loading)).toMatchObject({ atStart: true, atEnd: true });
    node.receive(bob, 'news');
    await until(timeline.store, (now) => bodies(now).join() === 'only,news');
    timeline.close();
  });
});

describe('an open conversation', () => {
  it('shows all that is unread, marks it as read as it is seen, and takes its notices away', async () => {
    await view.start();
    node.receive(bob, ...numbered(150));
    await until(view.store, (state) => state.conversations[0]?.unread === 150);
    expect(view.store.get().notices).toHaveLength(1);
    const timeline = new Timeline(view, bob.conversation);
    const loaded = await until(timeline.store, (now) => !now.loading);
    expect(bodies(loaded)).toEqual(numbered(150));
    expect(loaded).toMatchObject({ atStart: true, atEnd: true, firstUnread: loaded.messages[0]?.id });
    expect(view.store.get().notices).toEqual([]);
    expect(node.peers.get(bob.peerId)?.unread).toBe(150);
    timeline.seen(loaded.messages[99]?.id ?? '');
    await until(view.store, (state) => state.peers.get(bob.peerId)?.unread === 50);
    timeline.seen(loaded.messages[149]?.id ?? '');
    await until(view.store, (state) => state.peers.get(bob.peerId)?.unread === 0);
  });

  it('marks nothing as read while one looks elsewhere, and all that was seen when one is back', async () => {
    await view.start();
    node.receive(bob, 'hello');
    const timeline = new Timeline(view, bob.conversation);
    const loaded = await until(timeline.store, (now) => !now.loading);
    view.store.update((state) => ({ ...state, attentive: false }));
    timeline.seen(loaded.messages[0]?.id ?? '');
    // A later request shows that none was made before it.
    await view.client.peers(true);
    expect(node.requests.filter((one) => one.endsWith('/read'))).toEqual([]);
    view.store.update((state) => ({ ...state, attentive: true }));
    await until(view.store, (state) => state.peers.get(bob.peerId)?.unread === 0);
  });

  it('follows new messages, and how those that were sent do', async () => {
    node.deliver = () => 'queued';
    const timeline = await open();
    await timeline.send('hello');
    const sent = await until(timeline.store, (now) => now.messages.length === 1);
    expect(sent.messages).toMatchObject([{ body: 'hello', state: 'queued' }]);
    node.settle(bob.conversation, [sent.messages[0]?.id ?? ''], 'read');
    await until(timeline.store, (now) => now.messages[0]?.state === 'read');
    node.receive(bob, 'an answer');
    await until(timeline.store, (now) => now.messages.length === 2);
  });

  it('sends a text of which nobody knows whether it was taken as the same message again', async () => {
    const timeline = await open();
    node.losesAnswers = true;
    await expect(timeline.send('once')).rejects.toMatchObject({ code: 'node-silent' });
    await timeline.send('once');
    await timeline.send('once');
    await timeline.send('other');
    expect(node.messages.get(bob.conversation)?.map(({ body }) => body)).toEqual(['once', 'once', 'other']);
  });

  it('loads older parts until the first message, and newer ones until the last, with bounded memory', async () => {
    const all = numbered(1_450);
    node.receive(bob, ...all);
    const timeline = await open();
    for (let i = 0; i < 20; i += 1) await timeline.older();
    const top = timeline.store.get();
    expect(top).toMatchObject({ atStart: true, atEnd: false });
    expect(bodies(top)).toEqual(all.slice(0, 1_000));
    for (let i = 0; i < 20; i += 1) await timeline.newer();
    const bottom = timeline.store.get();
    expect(bottom).toMatchObject({ atStart: false, atEnd: true });
    expect(bodies(bottom)).toEqual(all.slice(-1_000));
  });

  it('does not jump to the end by itself while something older is held', async () => {
    const all = numbered(1_450);
    node.receive(bob, ...all);
    const timeline = await open();
    for (let i = 0; i < 20; i += 1) await timeline.older();
    const held = timeline.store.get().messages;
    node.receive(bob, 'new');
    await until(view.store, (state) => state.conversations[0]?.last?.body === 'new');
    expect(timeline.store.get().messages).toEqual(held);
    timeline.toEnd();
    await until(timeline.store, (now) => now.messages.at(-1)?.body === 'new');
  });

  it('takes nothing of a page that was asked for before it went back to the end', async () => {
    const all = numbered(1_450);
    node.receive(bob, ...all);
    const timeline = await open();
    const older = timeline.older();
    timeline.toEnd();
    await Promise.all([older, until(timeline.store, (now) => now.messages.length > 0)]);
    expect(bodies(timeline.store.get())).toEqual(all.slice(-100));
  });

  it('shows earlier messages that were imported between those that it holds', async () => {
    node.receive(bob, ...numbered(150));
    const timeline = await open();
    await timeline.older();
    const [first, ...rest] = node.messages.get(bob.conversation) ?? [];
    if (first === undefined) throw new Error('nothing was received');
    node.messages.set(bob.conversation, [first, { ...first, id: 'imported', body: 'imported' }, ...rest]);
    node.emit({ type: 'history', conversation: bob.conversation });
    await until(timeline.store, (now) => now.messages.length === 100);
    await timeline.older();
    expect(bodies(timeline.store.get())).toEqual(['m0', 'imported', ...numbered(150).slice(1)]);
  });

  it.each(['what was on the screen is there', 'what was on the screen is gone'])(
    'keeps its place where something in it may be another now: %s',
    async (how) => {
      const all = numbered(450);
      node.receive(bob, ...all);
      const timeline = await open();
      for (let i = 0; i < 5; i += 1) await timeline.older();
      const held = timeline.store.get();
      timeline.seen(held.messages[40]?.id ?? '');
      const isGone = how.endsWith('gone');
      const left = held.messages.filter((_, at) => at !== (isGone ? 40 : 41));
      node.messages.set(bob.conversation, left);
      node.emit({ type: 'history', conversation: bob.conversation });
      const after = await until(timeline.store, (now) => !now.loading && now.messages.length < 450);
      expect(bodies(after)).toEqual(left.map(({ body }) => body));
      expect(after).toMatchObject({ atStart: true, atEnd: true, firstUnread: held.firstUnread });
    },
  );

  it('is right again after the node was away', async () => {
    const timeline = await open();
    node.receive(bob, 'before');
    await until(timeline.store, (now) => now.messages.length === 1);
    await node.crash();
    await until(view.store, (state) => state.connection.state === 'lost');
    node.receive(bob, 'meanwhile');
    await node.listen();
    await until(timeline.store, (now) => now.messages.length === 2);
    await until(view.store, (state) => state.connection.state === 'connected');
  });
});
