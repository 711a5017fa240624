import { afterEach, beforeEach, expect, it } from 'vitest';
import { MAX_SEARCH_CHARACTERS, SystemClock, type PeerView } from '@p2p-chat/shared';
import { ControlClient } from './control-client.js';
import { type FoundMessages, LiveView, MessageFinder } from '@p2p-chat/shared/client';
import { FakeNode } from '@p2p-chat/shared/testing';

let node: FakeNode;
let bob: PeerView;
let finder: MessageFinder;
let leaving: AbortController;

beforeEach(async () => {
  node = await FakeNode.start();
  bob = node.person('Bob');
  leaving = new AbortController();
  finder = new MessageFinder(new LiveView(new ControlClient(node.home), new SystemClock(), leaving.signal));
});

afterEach(async () => {
  finder.close();
  leaving.abort();
  await node.close();
});

function until(wanted: (now: FoundMessages) => boolean): Promise<FoundMessages> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (wanted(finder.store.get())) resolve(finder.store.get());
    };
    finder.store.subscribe(look);
    look();
  });
}

function bodies({ found }: FoundMessages): string[] {
  return found.map(({ body }) => body);
}

it('finds what the last text asks for, however fast it was typed', async () => {
  node.receive(bob, 'green', 'great', 'grape');
  for (const text of ['g', 'gr', 'gre', 'gree']) finder.look(text);
  expect(bodies(await until(({ searching }) => !searching))).toEqual(['green']);
  finder.look('gr');
  expect(bodies(await until(({ searching }) => !searching))).toEqual(['grape', 'great', 'green']);
});

it('searches on, page by page, to the end', async () => {
  node.receive(bob, ...Array.from({ length: 100 }, (_, n) => `tick ${n}`));
  finder.look('tick');
  for (let known = 0; ;) {
    const { found, atEnd } = await until((now) => !now.searching && now.found.length > known);
    if (atEnd) break;
    known = found.length;
    finder.more();
    finder.more();
  }
  expect(bodies(finder.store.get())).toEqual(Array.from({ length: 100 }, (_, n) => `tick ${99 - n}`));
  const asked = node.requests.length;
  finder.more();
  expect(node.requests).toHaveLength(asked);
});

it('asks nobody for a text without words, and cuts one that is too long', async () => {
  finder.look('...');
  expect(finder.store.get()).toMatchObject({ query: '...', found: [], searching: false });
  finder.look('x '.repeat(MAX_SEARCH_CHARACTERS));
  await until(({ searching }) => !searching);
  expect(finder.store.get()).toMatchObject({ problem: null, found: [] });
  expect(node.requests.filter((one) => one.includes('search'))).toHaveLength(1);
});

it('says what went wrong, and tries again with the next text', async () => {
  await node.crash();
  finder.look('x');
  expect((await until(({ problem }) => problem !== null)).problem).toContain('No node is running');
  await node.listen();
  node.receive(bob, 'xylophone');
  finder.look('xy');
  expect(bodies(await until(({ searching }) => !searching))).toEqual(['xylophone']);
});
