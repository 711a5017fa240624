import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FoundMessageView, PeerView } from '@p2p-chat/shared';
import { FakeNode } from '@p2p-chat/shared/testing';
import { command } from './testing/run-command.js';

let node: FakeNode;
let bob: PeerView;
beforeEach(async () => {
  node = await FakeNode.start();
  bob = node.person('Bob');
});
afterEach(() => node.close());

async function found(...args: string[]): Promise<FoundMessageView[]> {
  const { status, stdout } = await command(['search', ...args, '--json'], { home: node.home });
  expect(status).toBe(0);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as FoundMessageView);
}

describe('search', () => {
  it('prints when, who and the line with the match, the latest first', async () => {
    node.receive(bob, 'the build is green', 'lunch?', 'Well.\nBuild again,\u001b[31m please');
    const { status, stdout } = await command(['search', 'build'], { home: node.home });
    expect(status).toBe(0);
    expect(stdout.replace(/\d{4}-\d\d-\d\d \d\d:\d\d/g, 'WHEN')).toBe(
      'WHEN  Bob: Build again, please\nWHEN  Bob: the build is green\n',
    );
  });

  it('gives messages with their neighbours to programs', async () => {
    const [first, second, third] = node.receive(bob, 'one', 'two', 'three');
    expect(await found('TW')).toEqual([{ ...second, previous: first, next: third }]);
  });

  it('takes several words, which must all match, and one conversation', async () => {
    const carol = node.person('Carol');
    node.receive(bob, 'green build', 'red build');
    node.receive(carol, 'build: green');
    expect((await found('build', 'green')).map(({ body }) => body)).toEqual(['build: green', 'green build']);
    for (const one of ['Bob', bob.peerId, bob.conversation])
      expect((await found('green', '--in', one)).map(({ body }) => body)).toEqual(['green build']);
    expect(await command(['search', 'green', '--in', 'Nobody'], { home: node.home })).toMatchObject({
      status: 3,
    });
  });

  it('asks for as many pages as it takes, and goes on before a message', async () => {
    node.receive(bob, ...Array.from({ length: 250 }, (_, n) => `tick ${n}`));
    const all = await found('tick', '--limit', '230');
    expect(all.map(({ body }) => body)).toEqual(Array.from({ length: 230 }, (_, n) => `tick ${249 - n}`));
    const rest = await found('tick', '--limit', '230', '--before', all.at(-1)!.id);
    expect(rest).toHaveLength(20);
  });

  it('says that nothing was found, and what a query without words lacks', async () => {
    expect(await command(['search', 'needle'], { home: node.home })).toEqual({
      status: 0,
      stdout: '',
      stderr: 'No message has all these words.\n',
    });
    expect(await found('needle')).toEqual([]);
    const empty = await command(['search', '...'], { home: node.home });
    expect(empty.status).toBe(2);
    expect(empty.stderr).toContain('no word to search for');
    expect(await command(['search'], { home: node.home })).toMatchObject({ status: 2 });
  });
});
