import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImportResult, MessageView, PeerView, StatusView } from '@p2p-chat/shared';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { controlOf, linkedPair } from './support/control.ts';
import { TerminalSession } from './support/terminal.ts';
import { parseJsonLines, type RunningDaemon, waitFor, World } from './support/processes.ts';

const world = new World();
let session: TerminalSession | undefined;
let alice: RunningDaemon;
let bob: RunningDaemon;
/** The export of Alice's side of the conversation with Bob, who does not run since. */
let file: string;

beforeAll(async () => {
  ({ alice, bob } = await linkedPair(world));
  await alice.json(['send', 'Bob', 'a question', '--wait', 'delivered']);
  await bob.json(['send', 'Alice', 'an answer\nof two lines', '--wait', 'delivered']);
  await bob.json(['send', 'Alice', 'not read yet', '--wait', 'delivered']);
  await bob.stop();
  await alice.json(['send', 'Bob', 'not delivered yet']);
  file = join(await world.folder(), 'bob.jsonl');
  await writeFile(file, (await alice.cli(['export', 'Bob'])).stdout);
});
afterEach(async () => {
  await session?.kill();
  session = undefined;
});
afterAll(() => world.close());

async function history(daemon: RunningDaemon, peerId: string): Promise<MessageView[]> {
  return daemon.json<MessageView>(['history', peerId]);
}

describe('import', () => {
  it('gains nothing where all is there already', async () => {
    const before = await history(alice, bob.peerId);
    const { stdout } = await alice.cli(['import', file]);
    expect(stdout).toBe('0 messages imported, 4 were there already.\n');
    expect(await history(alice, bob.peerId)).toEqual(before);
    expect((await alice.json<StatusView>(['status']))[0]?.outbox.queued).toBe(1);
  });

  it('refuses what is malformed with the line, and imports nothing of it', async () => {
    const other = await world.daemon({ user: 'Other' });
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    const markdown = (await alice.cli(['export', 'Bob', '--format', 'markdown'])).stdout;
    for (const [content, says] of [
      [`${lines[0]}\n${lines[1]?.slice(0, -5)}\n`, 'Line 2: It is not JSON.'],
      [[...lines.slice(0, 3), '{"id":1}'].join('\n'), 'Line 4: It is not a message of an export: id'],
      [markdown.replace('"direction":"out"', '"direction":"in"'), 'as export wrote it.'],
      [markdown.replaceAll(/^<!--.*\n/gm, ''), '--format json'],
      ['\n\n', 'nothing to import'],
    ] as const) {
      const { status, stdout, stderr } = await other.cli(['import'], { input: content });
      expect(stderr).toContain(says);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    }
    expect(await other.json(['peers', '--all'])).toEqual([]);
    expect((await other.cli(['import', join(file, 'nowhere')])).status).toBe(2);
    const own = parseJsonLines<MessageView>(lines.join('\n')).map((one) =>
      JSON.stringify(
        one.direction === 'in'
          ? { ...one, peerId: other.peerId, author: other.peerId }
          : { ...one, peerId: other.peerId },
      ),
    );
    const { status, stderr } = await other.cli(['import'], { input: own.join('\n') });
    expect(status).toBe(2);
    expect(stderr).toContain('user of this profile');
  });

  it('shows at once in a console that is open, in the list and in the conversation', async () => {
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    const other = await world.daemon({ user: 'Alice' });
    session = TerminalSession.console(other.env, { columns: 80, rows: 24 });
    await session.choose('Read Messages');
    await session.until('No messages yet');
    await other.cli(['import'], { input: lines.slice(1, 2).join('\n') });
    await session.until('an answer');
    session.press('enter');
    const before = await session.until('of two lines');
    expect(before).not.toContain('a question');
    await other.cli(['import', file]);
    const after = await session.until('not read yet');
    expect(after.indexOf('a question')).toBeGreaterThan(0);
    expect(after.indexOf('a question')).toBeLessThan(after.indexOf('of two lines'));
  });

  it('restores a history in another profile, twice to no effect, and sends and owes nothing of it', async () => {
    const original = await history(alice, bob.peerId);
    await alice.stop();
    const again = (bob = await world.restart(bob));
    const bobs = await history(again, alice.peerId);

    const other = await world.daemon({ user: 'Alice', peers: [`127.0.0.1:${again.ready.peerPort}`] });
    expect(await other.json<ImportResult>(['import', file])).toEqual([{ imported: 4, known: 0 }]);
    const input = await readFile(file);
    expect(await other.json<ImportResult>(['import'], { input })).toEqual([{ imported: 0, known: 4 }]);

    const restored = await history(other, bob.peerId);
    const facts = ({ id, body, clock, direction, sentAt }: MessageView): unknown => ({
      id,
      body,
      clock,
      direction,
      sentAt,
    });
    expect(restored.map(facts)).toEqual(original.map(facts));
    expect(restored.map(({ state }) => state)).toEqual(['delivered', 'read', 'read', 'queued']);
    const [peer] = await other.json<PeerView>(['peers', '--all']);
    expect(peer).toMatchObject({ peerId: bob.peerId, user: 'Bob', unread: 0, trust: 'contact' });

    await waitFor('the link', async () => (await controlOf(other).status()).links === 1);
    await controlOf(other).read(bob.peerId);
    await other.json(['send', bob.peerId, 'something new', '--wait', 'delivered']);
    expect(await history(again, alice.peerId)).toEqual(bobs);
    expect((await history(again, other.peerId)).map(({ body }) => body)).toEqual(['something new']);
    expect((await history(other, bob.peerId)).at(-1)?.body).toBe('something new');
  });

  it('restores it from Markdown as from JSON, whatever the messages say, and twice to no effect', async () => {
    alice = await world.restart(alice);
    const hostile = [
      'a --> b',
      '<!-- p2p-chat end 0000000000000000 {"messages":0} -->',
      '`\n```\n> \u001b[31m\r# ',
    ];
    for (const body of hostile) {
      await controlOf(alice).send(bob.peerId, body);
      await controlOf(bob).send(alice.peerId, body);
    }
    // With all that one can make of a message.
    const extras = { confirm: true };
    const { id } = await controlOf(bob).send(alice.peerId, 'a drll, @Alice', undefined, undefined, extras);
    await waitFor('it to be there', async () =>
      (await history(alice, bob.peerId)).some((one) => one.id === id),
    );
    await controlOf(bob).edit(id, 'a drill, @Alice');
    await controlOf(bob).react(id, ['👀']);
    await controlOf(alice).react(id, ['👍', '🎉']);
    await controlOf(alice).confirm(id);
    await controlOf(alice).send(bob.peerId, 'when?', undefined, undefined, { replyTo: id });
    await waitFor('all messages', async () => {
      const all = await history(alice, bob.peerId);
      const settled = all.every(({ direction, state }) => direction === 'in' || state === 'delivered');
      const drill = all.find((one) => one.id === id);
      const isThere =
        drill?.edited === true && drill.reactions?.length === 3 && drill.confirmed?.length === 1;
      return all.length === 4 + 2 * hostile.length + 2 && settled && isThere;
    });
    await controlOf(alice).read(bob.peerId);
    const { peerId } = alice;
    // As the one who imports it has it: of a conversation, and by an author, of its own.
    const originalOf = async (other: RunningDaemon): Promise<string> => {
      const { conversation } = await controlOf(alice).peer(bob.peerId);
      const theirs = await controlOf(other).peer(bob.peerId);
      const { stdout } = await alice.cli(['export', bob.peerId]);
      return stdout.replaceAll(peerId, other.peerId).replaceAll(conversation, theirs.conversation);
    };
    const file = join(await world.folder(), 'bob.md');
    await writeFile(file, (await alice.cli(['export', 'Bob', '--format', 'markdown'])).stdout);

    const other = await world.daemon({ user: 'Alice' });
    expect(await other.json<ImportResult>(['import', file])).toEqual([{ imported: 12, known: 0 }]);
    expect((await other.cli(['export', bob.peerId])).stdout).toBe(await originalOf(other));
    const input = await readFile(file);
    expect(await other.json<ImportResult>(['import'], { input })).toEqual([{ imported: 0, known: 12 }]);
    expect((await other.cli(['export', bob.peerId])).stdout).toBe(await originalOf(other));
  });
});
