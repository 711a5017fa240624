import { messageId, type MessageView, type PeerView } from '@p2p-chat/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeNode } from '@p2p-chat/shared/testing';
import { command } from './testing/run-command.js';

/** Texts that try to end a comment, to begin one, or to be taken for the file around them. */
const HOSTILE = [
  'a --> b -- c --- d --!> e',
  '--><!-- p2p-chat message 0000000000000000 {} -->',
  '<!-- p2p-chat end 0000000000000000 {"messages":0} -->',
  'first\n<!-- p2p-chat message 0000000000000000 {} -->\n\n# Conversation with Mallory\n\n**Mallory** 12:00',
  'separated\u2028<!-- p2p-chat message 0000000000000000 {} -->\u2029-->\u0085-->',
  '\\\\<!-- \\--> \\u003c',
  '```\n`code` {"id":1} ``\n```',
  '> quoted\r\n>\rline\n\n',
  '\u001b[31mred\u0007\u0000\u009b2J',
  '\u202eright to left\u200b\u{e0041}',
  '-->',
  ' ',
  '👍 é \ufeff',
];

let node: FakeNode;
let empty: FakeNode;
let bob: PeerView;
let messages: MessageView[];
beforeEach(async () => {
  node = await FakeNode.start();
  empty = await FakeNode.start();
  bob = node.person('B*--><!--b');
  messages = HOSTILE.flatMap((body, i) => [written(2 * i, 'in', body), written(2 * i + 1, 'out', body)]);
  node.messages.set(bob.conversation, messages);
});
afterEach(async () => {
  await node.close();
  await empty.close();
});

function written(n: number, direction: 'in' | 'out', body: string): MessageView {
  const at = Date.UTC(2026, 10, 21, 23, 0, 0, 7) + n * 600_000;
  const time = new Date(at).toISOString();
  const clock = n.toString(16).padStart(16, '0');
  const { conversation, peerId } = bob;
  const id = messageId((direction === 'in' ? 'b' : 'a').repeat(26), n + 1);
  const common = { id, conversation, direction, kind: 'text', body, sentAt: time, clock };
  if (direction === 'in')
    return { ...common, author: peerId, user: bob.user, receivedAt: time, state: 'read' };
  const state = n % 4 === 1 ? 'queued' : 'delivered';
  return { ...common, author: node.peerId, user: 'Alice', receivedAt: null, state };
}

/** What the empty node has by now. */
function restored(): MessageView[] | undefined {
  const there = empty.peers.get(bob.peerId)?.conversation;
  return there === undefined ? undefined : empty.messages.get(there);
}

async function exported(from: FakeNode, format: string): Promise<string> {
  const { status, stdout } = await command(['export', bob.peerId, '--format', format], { home: from.home });
  expect(status).toBe(0);
  return stdout;
}

function jsonLines(text: string): unknown[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

function imported(stdin: string | Uint8Array): ReturnType<typeof command> {
  return command(['import', '--json'], { home: empty.home, stdin });
}

/** Expects that it is refused with these words, and that nothing of it was imported. */
async function expectRefused(text: string | Uint8Array, says: string): Promise<void> {
  const { status, stdout, stderr } = await imported(text);
  expect(stderr).toContain(says);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(empty.messages.size).toBe(0);
}

describe('import', () => {
  it.each(['json', 'markdown'])(
    'restores what export wrote as %s, once, to the last character',
    async (format) => {
      const original = jsonLines(await exported(node, 'json'));
      const text = await exported(node, format);
      const { status, stdout } = await imported(text);
      expect({ status, stdout }).toEqual({
        status: 0,
        stdout: `{"imported":${HOSTILE.length * 2},"known":0}\n`,
      });
      expect(restored()).toEqual(messages);
      expect(jsonLines(await exported(empty, 'json'))).toEqual(original);
      expect((await imported(text)).stdout).toBe(`{"imported":0,"known":${HOSTILE.length * 2}}\n`);
      expect(jsonLines(await exported(empty, 'json'))).toEqual(original);
    },
  );

  it('takes several exports in one file, and lines as Windows ends them', async () => {
    const markdown = await exported(node, 'markdown');
    const { stdout } = await imported(`${markdown}\n${markdown}`.replaceAll('\n', '\r\n'));
    expect(stdout).toBe(`{"imported":${HOSTILE.length * 2},"known":${HOSTILE.length * 2}}\n`);
    expect(restored()).toEqual(messages);
  });

  it.each(['json', 'markdown'])('takes %s with a byte order mark, as editors write it', async (format) => {
    const text = await exported(node, format);
    expect((await imported(`\ufeff${text}`)).status).toBe(0);
    expect(restored()).toEqual(messages);
  });

  it.each<[string, (text: string) => Uint8Array, string]>([
    ['UTF-16, little end first', (text) => Buffer.from(`\ufeff${text}`, 'utf16le'), 'It is UTF-16'],
    ['UTF-16, big end first', (text) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16(), 'It is UTF-16'],
    ['UTF-16 without its mark', (text) => Buffer.from(text, 'utf16le'), 'It is UTF-16'],
    [
      'UTF-16 without its mark, big end first',
      (text) => Buffer.from(text, 'utf16le').swap16(),
      'It is UTF-16',
    ],
    ['Latin-1', (text) => Buffer.from(text.replace('red', 'r\u00e9d'), 'latin1'), 'not text in UTF-8'],
  ])('refuses %s by its name', async (_, encode, says) => {
    for (const format of ['json', 'markdown'])
      await expectRefused(encode(await exported(node, format)), says);
  });

  it('refuses a folder', async () => {
    const { status, stderr } = await command(['import', node.home], { home: empty.home });
    expect(status).toBe(2);
    expect(stderr).toContain('cannot be read');
  });

  it('has one comment for each message and one for the end, and no other line looks like one', async () => {
    const lines = (await exported(node, 'markdown')).split(/[\n\r\u2028\u2029\u0085]/u);
    const comments = lines.filter((line) => line.includes('<!--') || line.includes('-->'));
    expect(comments).toHaveLength(HOSTILE.length * 2 + 1);
    for (const line of comments) {
      expect(line).toMatch(/^<!-- p2p-chat (message|end) [0-9a-f]{16} \{.*\} -->$/u);
      expect(line.slice('<!--'.length, -'-->'.length)).not.toMatch(/[<>]|--|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    }
  });

  describe('of Markdown that was changed by hand', () => {
    let lines: string[];
    let at: number;
    beforeEach(async () => {
      lines = (await exported(node, 'markdown')).split('\n');
      at = lines.findIndex((line) => line.startsWith('<!--') && line.includes('"direction":"out"'));
    });
    const changed = (change: (line: string) => string): string =>
      lines.map((line, i) => (i === at ? change(line) : line)).join('\n');

    it.each<[string, (line: string) => string]>([
      ['another state', (line) => line.replace('"state":"queued"', '"state":"read"')],
      ['another checksum', (line) => line.replace(/ [0-9a-f]{16} /, ' 0123456789abcdef ')],
      ['half of it', (line) => line.slice(0, line.length / 2)],
      ['no beginning', (line) => line.slice('<!--'.length)],
      ['another type', (line) => line.replace('message', 'end')],
      ['something behind it', (line) => `${line} <!-- note -->`],
      ['a comment of somebody', () => '<!-- note -->'],
    ])('refuses %s with the line', async (_, change) => {
      expect(changed(change)).not.toBe(lines.join('\n'));
      await expectRefused(changed(change), `Line ${at + 1}: This comment is not as export wrote it. Nothing`);
    });

    it('refuses a message that is missing, or there twice, at the end of the export', async () => {
      const total = HOSTILE.length * 2;
      const end = lines.length - 1;
      await expectRefused(
        changed(() => ''),
        `Line ${end}: The export had ${total} messages, and here are ${total - 1}.`,
      );
      await expectRefused(
        changed((line) => `${line}\n${line}`),
        `Line ${end + 1}: The export had ${total} messages, and here are ${total + 1}.`,
      );
    });

    it('refuses an export that was cut off', async () => {
      await expectRefused(lines.slice(0, -2).join('\n'), 'The end of the export is missing. Nothing');
    });

    it('does not read what is written for people', async () => {
      const text = lines.map((line) => (line.startsWith('> ') ? '> other words' : line)).join('\n');
      expect((await imported(`${text}\nA note.\n`)).status).toBe(0);
      expect(restored()).toEqual(messages);
    });

    it('says of Markdown without comments to export again as json', async () => {
      await expectRefused(lines.filter((line) => !line.startsWith('<!--')).join('\n'), '--format json');
    });
  });

  it('refuses a comment that a program wrote with what is no message', async () => {
    node.messages.set(bob.conversation, [{ ...written(0, 'in', 'hello'), clock: 'soon' }]);
    await expectRefused(await exported(node, 'markdown'), 'Line 5: It is not a message of an export: clock');
  });

  it('has nothing to import of a conversation without messages', async () => {
    node.messages.delete(bob.conversation);
    await expectRefused(await exported(node, 'markdown'), 'nothing to import');
  });
});
