import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PeerView } from '@p2p-chat/shared';
import { FakeNode } from '@p2p-chat/shared/testing';
import { command } from './testing/run-command.js';

let node: FakeNode;
let bob: PeerView;

beforeEach(async () => {
  node = await FakeNode.start();
  bob = node.person('Bob');
});
afterEach(() => node.close());

const bodies = (): string[] => (node.messages.get(bob.conversation) ?? []).map(({ body }) => body);

describe('after the person, everything is text', () => {
  it.each([
    '-h',
    '--help',
    '- item',
    '-',
    '--',
    '--version',
    '-V',
    '--unknown',
    '--line',
    '-1',
    '--no',
    '--helpful',
  ])('also %j', async (text) => {
    // What ends the flags is text only behind itself.
    const words = text === '--' ? ['--', '--'] : [text];
    for (const argv of [
      ['send', 'Bob', ...words],
      ['--home', node.home, 'send', 'Bob', ...words],
      ['send', '--json', 'Bob', ...words],
    ]) {
      node.messages.clear();
      expect(await command(argv, { home: node.home })).toMatchObject({ status: 0, stderr: '' });
      expect(bodies()).toEqual([text]);
    }
  });

  it('but the flags of send, in front of the text and behind it', async () => {
    for (const argv of [
      ['send', 'Bob', '--json', '-h'],
      ['send', 'Bob', '-h', '--json'],
      ['send', 'Bob', '--wait', 'queued', '--json', '-h', '--timeout=1s'],
      ['send', 'Bob', '--json', '--home', node.home, '--', '-h'],
    ]) {
      node.messages.clear();
      const { status, stdout } = await command(argv, { home: node.home });
      expect({ status, bodies: bodies() }).toEqual({ status: 0, bodies: ['-h'] });
      expect(JSON.parse(stdout)).toMatchObject({ state: 'queued' });
    }
    node.messages.clear();
    await command(['send', 'Bob', '--', '--json'], { home: node.home });
    expect(bodies()).toEqual(['--json']);
  });

  it('and one text is all that is sent', async () => {
    for (const argv of [
      ['send', 'Bob', 'hello', '-h'],
      ['send', 'Bob', '-h', 'hello'],
      ['send', 'Bob', 'hello', '--help'],
      ['send', 'Bob', '--json'],
    ]) {
      const { status, stdout } = await command(argv, { home: node.home });
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    }
    expect(bodies()).toEqual([]);
  });

  it.each(['', ' ', '\u200b', '\u2800', '\u3164', '\u0301'])('but %j, which shows nothing', async (text) => {
    for (const [argv, stdin] of [
      [['send', 'Bob', text], ''],
      [['send', 'Bob'], text],
      [['send', 'Bob', '--lines'], `${text}\n${text}`],
    ] as const) {
      const { status, stdout, stderr } = await command(argv, { home: node.home, stdin });
      expect({ argv, status, stdout }).toEqual({ argv, status: 2, stdout: '' });
      expect(stderr).toContain('There is nothing to send');
    }
    expect(bodies()).toEqual([]);
  });

  it('and help is in front of the person', async () => {
    for (const argv of [
      ['send', '--help'],
      ['send', '-h'],
      ['help', 'send'],
    ]) {
      const { status, stdout } = await command(argv, { home: node.home });
      expect(status).toBe(0);
      expect(stdout).toContain('p2p-chat send');
    }
  });
});

describe('where nobody reads what send prints', () => {
  it('sends all the same', async () => {
    const lines = Array.from({ length: 300 }, (_, i) => `line ${i}`);
    const stdin = Readable.from(lines.map((line) => Buffer.from(`${line}\n`)));
    const argv = ['send', 'Bob', '--lines', '--json'];
    expect(await command(argv, { home: node.home, stdin, unread: true })).toMatchObject({
      status: 0,
      stderr: '',
    });
    expect(bodies()).toEqual(lines);
  });
});

describe('a name that is none', () => {
  it.each(['', ' ', '.', '..'])('is %j: nobody is known as that', async (name) => {
    for (const argv of [
      ['send', name, 'hello'],
      ['history', name],
      ['read', name],
      ['export', name],
      ['search', 'word', '--in', name],
      ['accept', name],
      ['block', name],
      ['unblock', name],
      ['verify', name],
      ['verify', name, '--mark'],
    ]) {
      const { status, stdout, stderr } = await command(argv, { home: node.home });
      expect({ argv, status, stdout }).toEqual({ argv, status: 3, stdout: '' });
      expect(stderr).toContain('Nobody is known as');
    }
  });
});

describe('an id that is none', () => {
  it.each(['', ' ', '.', '..'])('is %j: there is nothing of that id', async (id) => {
    for (const argv of [
      ['reply', id, 'hello'],
      ['edit', id, 'hello'],
      ['delete', id],
      ['react', id, '👍'],
      ['versions', id],
      ['confirmations', id],
      ['get', id],
      ['pause', id],
      ['resume', id],
      ['cancel', id],
      ['web', '--revoke', id],
    ]) {
      const { status, stdout, stderr } = await command(argv, { home: node.home });
      expect({ argv, status, stdout }).toEqual({ argv, status: 1, stdout: '' });
      expect(stderr).toMatch(
        /No message has that id|There is no file of that id|No such browser may use the page/,
      );
    }
  });
});
