import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileView, SentFilesView } from '@p2p-chat/shared';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { acquaint, controlOf, linkedPair } from './support/control.ts';
import { runCli, type RunningDaemon, waitFor, World } from './support/processes.ts';

const MIB = 1024 * 1024;
const world = new World();
let folder: string, alice: RunningDaemon, bob: RunningDaemon;

beforeAll(async () => {
  folder = await world.folder('files');
  // Slow enough to be interrupted: 8 MiB take two seconds.
  ({ alice, bob } = await linkedPair(world, { alice: { env: { P2P_CHAT_FILES_RATE: '4' } } }));
});
afterAll(() => world.close());

/** A new file of random bytes. */
async function file(name: string, size: number): Promise<{ path: string; bytes: Buffer }> {
  const path = join(folder, name);
  const bytes = randomBytes(size);
  await writeFile(path, bytes);
  return { path, bytes };
}

async function sent(...args: string[]): Promise<SentFilesView> {
  const [result] = await alice.json<SentFilesView>(['send-file', 'Bob', ...args]);
  if (result === undefined) throw new Error('send-file prints what it sent');
  await waitFor('Bob to see it', async () =>
    (await controlOf(bob).files()).some(({ message }) => message === result.id),
  );
  return result;
}

/** What a process has read so far, from files above all; null where the system does not say so. */
async function bytesRead({ child }: RunningDaemon): Promise<number | null> {
  const io = await readFile(`/proc/${child.pid}/io`, 'utf8').catch(() => null);
  return io === null ? null : Number(/rchar: (\d+)/.exec(io)?.[1]);
}

/** The file as Bob has it. */
async function atBob(id: string): Promise<FileView | undefined> {
  return (await controlOf(bob).files()).find((one) => one.id === id);
}

it('is sent, listed, fetched under a name that is not taken, and given up', async () => {
  const { path, bytes } = await file('report.pdf', 3 * MIB + 7);
  await chmod(path, 0o755);
  const { id, conversation, files } = await sent(path, '--caption', 'As promised');
  expect(files).toMatchObject([{ name: 'report.pdf', size: bytes.length, type: 'application/pdf' }]);
  const [listed] = await bob.json<FileView>(['files', 'Alice']);
  expect(listed).toMatchObject({
    id,
    name: 'report.pdf',
    size: bytes.length,
    from: alice.peerId,
    state: 'offered',
    progress: 0,
    path: null,
  });
  const [got] = await bob.json<{ path: string }>(['get', id]);
  expect(got).toEqual({ path: join(bob.home, 'downloads/report.pdf') });
  expect(await readFile(got?.path ?? '')).toEqual(bytes);
  expect((await stat(got?.path ?? '')).mode & 0o777).toBe(0o600);
  expect(await atBob(id)).toMatchObject({ state: 'complete', progress: 1, path: got?.path, conversation });
  await waitFor('Alice to know', async () => (await controlOf(alice).files())[0]?.state === 'complete');

  const again = await sent(path);
  const [second] = await bob.json<{ path: string }>(['get', again.id]);
  expect(second?.path).toBe(join(bob.home, 'downloads/report (1).pdf'));
  expect((await bob.json(['search', 'report'])).length).toBe(2);
  expect((await bob.cli(['history', 'Alice'])).stdout).toContain(
    '[file] report.pdf (3.1 MB)\n    As promised',
  );

  const taken = join(folder, 'taken along');
  const { stdout } = await bob.cli(['export', 'Alice', '--files', taken]);
  expect(stdout).toContain('"name":"report.pdf"');
  expect((await readdir(taken)).sort()).toEqual([`${again.id} report (1).pdf`, `${id} report.pdf`].sort());

  const doomed = await sent((await file('doomed.txt', 10)).path);
  await alice.json(['delete', doomed.id]);
  await waitFor('it to be gone', async () => (await atBob(doomed.id))?.problem?.code === 'file-withdrawn');
  await waitFor('it to be served no more', async () => {
    const own = (await controlOf(alice).files()).find((one) => one.id === doomed.id);
    return own?.state === 'failed';
  });

  const given = await sent((await file('withdrawn.txt', 10)).path);
  await alice.json(['cancel', given.id]);
  await controlOf(bob).fetchFile(given.id);
  await waitFor('what was withdrawn not to come', async () => (await atBob(given.id))?.state === 'paused');
  await bob.json(['cancel', given.id]);
  expect(await atBob(given.id)).toMatchObject({ state: 'offered' });
  expect((await bob.cli(['get', 'nonsense'])).status).toBe(1);
});

it('comes to the end after kills of either side, with little of it sent twice', async () => {
  const { path, bytes } = await file('large.bin', 8 * MIB);
  const { id } = await sent(path);
  await controlOf(bob).fetchFile(id);
  for (const [who, least] of [
    ['bob', 0.1],
    ['alice', 0.3],
    ['bob', 0.5],
  ] as const) {
    await waitFor('the next blocks', async () => ((await atBob(id))?.progress ?? 0) >= least);
    if (who === 'bob') {
      await bob.kill();
      bob = await world.restart(bob);
    } else {
      await alice.kill();
      alice = await world.restart(alice);
    }
  }
  const whole = await waitFor('the file', async () => {
    const now = await atBob(id);
    return now?.state === 'complete' ? now : undefined;
  });
  expect(await readFile(whole.path ?? '')).toEqual(bytes);
  expect(await readdir(join(bob.home, 'files/parts'))).toEqual([]);
});

it('is stopped and goes on when one says so, and shows how far it is on both sides', async () => {
  const { path, bytes } = await file('paused.bin', 8 * MIB);
  const { id } = await sent(path);
  await bob.json(['resume', id]);
  await waitFor('a part of it', async () => ((await atBob(id))?.progress ?? 0) > 0.1);
  const [own] = (await controlOf(alice).files()).filter((one) => one.id === id);
  expect(own?.progress).toBeGreaterThan(0);
  // A command takes longer to start than the file may take; what is stopped stays so.
  await controlOf(bob).pauseFile(id);
  const [paused] = await bob.json<FileView>(['pause', id]);
  expect(paused).toMatchObject({ id, state: 'paused', problem: null });
  const [resumed] = await bob.json<FileView>(['resume', id]);
  expect(resumed).toMatchObject({ id, state: 'fetching' });
  // Of what is given up nothing is left, and nothing is shown.
  await controlOf(bob).cancelFile(id);
  await waitFor('nothing of it', async () => (await atBob(id))?.progress === 0);
  expect(await atBob(id)).toMatchObject({ state: 'offered', rate: null });
  const [got] = await bob.json<{ path: string }>(['get', id]);
  expect(await readFile(got?.path ?? '')).toEqual(bytes);
});

it('waits for a sender who is away, and comes by itself where a rule says so', async () => {
  await bob.json(['files', 'Alice', '--rule', 'always:1']);
  const [small, large] = [await file('small.txt', 1_000), await file('big.bin', 2 * MIB)];
  await bob.stop();
  const [first] = await alice.json<SentFilesView>(['send-file', 'Bob', small.path, large.path]);
  bob = await world.restart(bob);
  await waitFor('the small one', async () => (await atBob(`${first?.id}.1`))?.state === 'complete');
  expect(await atBob(`${first?.id}.2`)).toMatchObject({ state: 'offered' });

  await alice.stop();
  await controlOf(bob).fetchFile(`${first?.id}.2`);
  await waitFor('it to wait', async () => (await atBob(`${first?.id}.2`))?.problem?.code === 'nobody-there');
  alice = await world.restart(alice);
  const [got] = await bob.json<{ path: string }>([
    'get',
    `${first?.id}.2`,
    '--to',
    join(folder, 'elsewhere'),
  ]);
  expect(await readFile(got?.path ?? '')).toEqual(large.bytes);

  await bob.json(['files', 'Alice', '--rule', 'never']);
  const refused = await bob.cli(['get', (await sent(small.path)).id]);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('never fetched');
  await bob.json(['files', 'Alice', '--rule', 'ask']);
});

it('may be a folder, of which links and pipes are left out', async () => {
  const tree = join(folder, 'tree');
  await mkdir(join(tree, 'a/b'), { recursive: true });
  await mkdir(join(tree, 'empty'));
  await writeFile(join(tree, 'a/b/c.txt'), 'c');
  await writeFile(join(tree, '.hidden'), 'h');
  await symlink('/etc/passwd', join(tree, 'link'));
  const { id, skipped } = await sent(tree);
  expect(skipped).toEqual(['link: a link']);
  const [got] = await bob.json<{ path: string }>(['get', id]);
  expect(got?.path).toBe(join(bob.home, 'downloads/tree'));
  const there = await readdir(got?.path ?? '', { recursive: true });
  expect(there.sort()).toEqual(['_hidden', 'a', 'a/b', 'a/b/c.txt', 'empty']);
});

it('offered without a copy is not served once it was changed', async () => {
  const { path } = await file('moving.txt', 100);
  const { id } = await sent(path, '--no-copy');
  await writeFile(path, randomBytes(100));
  await controlOf(bob).fetchFile(id);
  await waitFor('it to be absent', async () => (await atBob(id))?.problem?.code === 'file-absent');
});

it('is uploaded and downloaded as it is read, by whoever has the token alone', async () => {
  const { port, token } = JSON.parse(await readFile(join(alice.home, 'run/control.json'), 'utf8')) as {
    port: number;
    token: string;
  };
  const bytes = randomBytes(5 * MIB);
  const base = `http://127.0.0.1:${port}/api`;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' };
  const chunks = Array.from({ length: 5 }, (_, at) => bytes.subarray(at * MIB, (at + 1) * MIB));
  const answer = await fetch(`${base}/conversations/Bob/files?name=${encodeURIComponent('a "b".html')}`, {
    method: 'POST',
    headers,
    body: ReadableStream.from(chunks),
    duplex: 'half',
  });
  expect(answer.status).toBe(201);
  const { id } = (await answer.json()) as SentFilesView;
  const content = await fetch(`${base}/files/${id}/content`, { headers });
  expect(content.headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''a%20%22b%22.html");
  expect(content.headers.get('x-content-type-options')).toBe('nosniff');
  expect(content.headers.get('content-type')).toBe('application/octet-stream');
  const digest = (what: Uint8Array): string => createHash('sha256').update(what).digest('hex');
  expect(digest(new Uint8Array(await content.arrayBuffer()))).toBe(digest(bytes));
  expect((await fetch(`${base}/files/${id}/content`)).status).toBe(401);
});

it('of a stranger is not fetched unasked', async () => {
  const eve = await world.daemon({ user: 'Eve', peers: [`127.0.0.1:${bob.ready.peerPort}`] });
  const { path } = await file('unasked.txt', 10);
  await waitFor('Eve to see Bob', async () => (await controlOf(eve).status()).links === 1);
  const [offer] = await eve.json<SentFilesView>(['send-file', bob.peerId, path]);
  await waitFor('the request', async () => (await atBob(offer?.id ?? '')) !== undefined);
  await controlOf(bob).setFileRule(offer?.conversation ?? '', { fetch: 'always', upTo: MIB });
  const [more] = await eve.json<SentFilesView>(['send-file', bob.peerId, path]);
  await waitFor('the next one', async () => (await atBob(more?.id ?? '')) !== undefined);
  expect(await atBob(more?.id ?? '')).toMatchObject({ state: 'offered' });
  expect((await runCli(['files', '--json'], { env: eve.env })).status).toBe(0);
});

it('goes to several at once, to groups and to rooms, and what all have fetched makes room for more', async () => {
  const carol = await world.daemon({
    user: 'Carol',
    peers: [`127.0.0.1:${alice.ready.peerPort}`, `127.0.0.1:${bob.ready.peerPort}`],
    env: { P2P_CHAT_FILES_QUOTA: '5' },
  });
  await waitFor('the links', async () => (await controlOf(carol).status()).links === 2);
  await acquaint(carol, alice, bob);
  await controlOf(carol).createGroup({ name: 'Team', people: [alice.peerId, bob.peerId] });
  await controlOf(carol).createGroup({ name: 'Room', open: true });
  const isIn = async (name: string, count: number): Promise<boolean> => {
    const found = (await controlOf(carol).groups()).find((one) => one.name === name);
    return found?.members.filter(({ state }) => state === 'member').length === count;
  };
  await waitFor('the group', () => isIn('Team', 3));
  await waitFor('the room', async () => (await bob.cli(['room', 'join', 'Room'])).status === 0);
  await waitFor('Bob in the room', () => isIn('Room', 2));

  const { path, bytes } = await file('for all.bin', 2 * MIB);
  const whom = 'Alice,Team,Room';
  const before = await bytesRead(carol);
  const offers = await carol.json<SentFilesView>(['send-file', whom, path, '--caption', 'For all']);
  expect(new Set(offers.map(({ conversation }) => conversation)).size).toBe(3);
  // Once for all of them.
  if (before !== null) expect(((await bytesRead(carol)) ?? 0) - before).toBeLessThan(2 * bytes.length);
  const [toAlice, toTeam, toRoom] = offers.map(({ id }) => id);
  const got = async (who: RunningDaemon, id: string | undefined): Promise<void> => {
    await waitFor('the offer', async () => (await controlOf(who).files()).some((one) => one.id === id));
    const [found] = await who.json<{ path: string }>(['get', id ?? '']);
    expect((await readFile(found?.path ?? '')).equals(bytes)).toBe(true);
  };
  await got(alice, toAlice);
  await got(bob, toTeam);
  await got(bob, toRoom);
  expect((await bob.cli(['history', 'Team'])).stdout).toContain('For all');

  // Its copy stays while somebody in the group has not fetched it.
  const next = (await file('next.bin', 4 * MIB)).path;
  const refused = await carol.cli(['send-file', 'Bob', next, '--json']);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('files-quota');
  await got(alice, toTeam);
  await waitFor('room for more', async () => (await carol.cli(['send-file', 'Bob', next])).status === 0);
});

it('is offered by a node that has a low priority and no right to raise it', async () => {
  // As the user of a service; root could raise it.
  const drop = process.getuid?.() === 0 ? ['setpriv', '--bounding-set', '-sys_nice'] : [];
  const polite = await world.daemon({ user: 'Polite', launcher: [...drop, 'nice', '-n', '15'] });
  await controlOf(polite).createGroup({ name: 'Alone', people: [] });
  const { path } = await file('polite.txt', 10);
  expect(await polite.json(['send-file', 'Alone', path])).toMatchObject([
    { files: [{ name: 'polite.txt' }] },
  ]);
});
