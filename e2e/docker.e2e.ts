import { readdir, readFile, readlink } from 'node:fs/promises';
import {
  CONTROL_ROUTES,
  type GroupView,
  type MessageView,
  type PageLinkView,
  type PairResult,
  type PeerView,
  type StatusView,
} from '@p2p-chat/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ComposeProject, docker, dockerOk } from './support/compose.js';
import { likeOfficialImage } from './support/mongo-image.js';
import { freePort, waitFor } from './support/processes.js';
import { TerminalSession } from './support/terminal.js';

const IMAGES = ['p2p-chat/discovery-service', 'p2p-chat/chat-node'];
/** RFC 6762; open where the machine has a network for it. */
const MULTICAST = 'udp 5353';
/** Given to containers that are stopped in order; those that matter here need less. */
const STOP_SECONDS = '10';

const projects: ComposeProject[] = [];
function project(label: string, env: Record<string, string>, files: string[] = []): ComposeProject {
  const one = new ComposeProject(label, env, files);
  projects.push(one);
  return one;
}
afterAll(() => Promise.all(projects.map((one) => one.destroy())));

let discoveryUrl = '';
/** The files of Compose for a database as the official image starts it. */
let official: string[];
let discovery: ComposeProject;
let alice: ComposeProject;
let bob: ComposeProject;

beforeAll(async () => {
  const port = await freePort();
  discoveryUrl = `http://127.0.0.1:${port}`;
  discovery = project('lan', { DISCOVERY_PORT: String(port) });
  official = await likeOfficialImage();
  const strict = [...official, 'docker-compose.strict.yml'];
  alice = project('alice', { P2P_CHAT_USER: 'Alice', DISCOVERY_URLS: discoveryUrl }, strict);
  bob = project('bob', { P2P_CHAT_USER: 'Bob', DISCOVERY_URLS: discoveryUrl }, official);
});

/** Starts the chat node of each and waits until it is healthy. */
async function up(...people: ComposeProject[]): Promise<void> {
  await Promise.all(people.map((one) => one.compose('up', '--detach', '--wait', 'chat-node')));
}

async function status(one: ComposeProject): Promise<StatusView> {
  const [view] = await one.json<StatusView>('status');
  if (view === undefined) throw new Error('status printed nothing');
  return view;
}

/** The texts of a conversation, each with its direction. */
async function history(one: ComposeProject, peer: string): Promise<string[]> {
  const messages = await one.json<MessageView>('history', peer);
  return messages.map(({ direction, body }) => `${direction} ${body}`);
}

async function untilOnline(one: ComposeProject, user: string): Promise<PeerView> {
  return waitFor(`${user} to be online for ${one.name}`, async () =>
    (await one.json<PeerView>('peers')).find((peer) => peer.user === user && peer.online),
  );
}

describe('the images', () => {
  it.each(IMAGES)('%s holds production dependencies only, and its size is told', async (image) => {
    const found = await dockerOk(['run', '--rm', '--entrypoint', 'ls', image, 'node_modules']);
    const names = found.split('\n');
    expect(names).toContain('fastify');
    for (const development of ['typescript', 'vitest', 'eslint', 'prettier', 'supertest', 'fast-check']) {
      expect(names).not.toContain(development);
    }
    const bytes = Number(await dockerOk(['image', 'inspect', '--format', '{{.Size}}', image]));
    const base = Number(
      await dockerOk(['image', 'inspect', '--format', '{{.Size}}', 'node:24-bookworm-slim']),
    );
    console.log(
      `${image}: ${Math.round(bytes / 1e6)} MB, of which the base image is ${Math.round(base / 1e6)} MB`,
    );
    expect(bytes - base).toBeLessThan(120e6);
  });

  it.each(IMAGES)('%s runs as a user without rights over what it runs', async (image) => {
    const id = await dockerOk(['run', '--rm', '--entrypoint', 'id', image, '-u']);
    expect(id.trim()).not.toBe('0');
    const writable = await dockerOk(['run', '--rm', '--entrypoint', 'find', image, '/app', '-writable']);
    expect(writable).toBe('');
  });
});

describe('docker compose up discovery', () => {
  it('becomes healthy and answers a plain client', async () => {
    await discovery.compose('up', '--detach', '--wait', 'discovery');
    const answer = await fetch(discoveryUrl, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ HOST: '192.0.2.7', PORT: '7780', USER: 'plain' }),
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toContainEqual(
      expect.objectContaining({ HOST: '192.0.2.7', PORT: 7780, USER: 'plain' }),
    );
  });

  it('starts nothing else', async () => {
    expect(await discovery.compose('ps', '--services')).toBe('discovery\n');
  });
});

describe('two people on one host', () => {
  const identities = new Map<string, string>();
  const told = ['out one', 'in two'];

  it('find each other, each with a node and a database of its own', async () => {
    await up(alice, bob);
    for (const [one, other] of [
      [alice, 'Bob'],
      [bob, 'Alice'],
    ] as const) {
      await untilOnline(one, other);
      const view = await status(one);
      expect(view.storage).toBe('mongodb');
      identities.set(one.name, view.peerId);
    }
    expect(new Set(identities.values()).size).toBe(2);
  });

  it('exchange messages both ways', async () => {
    expect(await alice.cli('send', 'Bob', 'one', '--wait', 'delivered')).toMatchObject({ status: 0 });
    expect(await bob.cli('send', 'Alice', 'two', '--wait', 'delivered')).toMatchObject({ status: 0 });
    expect(await history(alice, 'Bob')).toEqual(told);
    expect(await history(bob, 'Alice')).toEqual(['in one', 'out two']);
  });

  it('talk in one group, of which each has the messages in one order', async () => {
    const [group] = await alice.json<GroupView>('group', 'create', 'Crew', 'Bob');
    const id = group?.id ?? '';
    await waitFor('Bob to be in', async () =>
      (await bob.json<GroupView>('group', 'list')).some((one) => one.id === id && one.state === 'member'),
    );
    expect(await bob.cli('send', id, 'three', '--wait', 'delivered')).toMatchObject({ status: 0 });
    expect(await alice.cli('send', id, 'four', '--wait', 'delivered')).toMatchObject({ status: 0 });
    for (const one of [alice, bob]) {
      const rows = await one.json<MessageView>('history', id);
      expect(rows.flatMap(({ kind, body }) => (kind === 'text' ? [body] : []))).toEqual(['three', 'four']);
    }
  });

  it('run without rights, and with the history on no port', async () => {
    for (const [one, user, capabilities] of [
      [alice, '999:999', []],
      [bob, '', ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL', 'SETGID', 'SETUID']],
    ] as const) {
      const inspected = JSON.parse(await dockerOk(['inspect', ...(await one.containers())])) as {
        Config: { Labels: Record<string, string>; User: string };
        HostConfig: {
          ReadonlyRootfs: boolean;
          CapDrop: string[] | null;
          CapAdd: string[] | null;
          NetworkMode: string;
          SecurityOpt: string[] | null;
          PortBindings: Record<string, unknown> | null;
        };
      }[];
      const of = (service: string) =>
        inspected.find(({ Config }) => Config.Labels['com.docker.compose.service'] === service);
      const hardened = { ReadonlyRootfs: true, CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges:true'] };
      expect(of('chat-node')?.HostConfig).toMatchObject({ ...hardened, CapAdd: null, NetworkMode: 'host' });
      expect(of('mongo')?.HostConfig).toMatchObject({ ...hardened, NetworkMode: 'none' });
      expect(of('mongo')?.HostConfig.CapAdd ?? []).toEqual(capabilities);
      expect(of('mongo')?.Config.User).toBe(user);
      expect(Object.keys(of('mongo')?.HostConfig.PortBindings ?? {})).toEqual([]);
    }
  });

  it('are let do nothing but what they must: as the kernel sees the running processes', async () => {
    for (const one of [discovery, alice, bob]) {
      for (const id of await one.containers()) {
        const label = '{{index .Config.Labels "com.docker.compose.service"}}';
        const service = (await dockerOk(['inspect', '--format', label, id])).trim();
        const pids = (await dockerOk(['top', id, '-eo', 'pid'])).split('\n').slice(1).filter(Boolean);
        expect(pids.length).toBeGreaterThan(0);
        const ports = new Set<string>();
        for (const pid of pids.map((text) => text.trim())) {
          const { bounding, ...rights } = await rightsOf(pid);
          expect({ service, ...rights }).toEqual({ service, ...NO_RIGHTS });
          // Where the database starts as root, and becomes its own user, it had some, and no way back to them.
          if (service !== 'mongo' || one === alice)
            expect({ service, bounding }).toEqual({ service, bounding: 0 });
          for (const port of await listening(pid)) ports.add(port);
        }
        ports.delete(MULTICAST);
        expect([service, ...ports]).toEqual([service, ...(await meant(one, service))]);
      }
    }
  });

  const NO_RIGHTS = { capabilities: 0, newPrivileges: false, isRoot: false, root: 'ro', core: '0' };

  async function rightsOf(pid: string): Promise<typeof NO_RIGHTS & { bounding: number }> {
    const lines = (await readFile(`/proc/${pid}/status`, 'utf8')).split('\n');
    const field = (name: string): string[] =>
      lines
        .find((line) => line.startsWith(`${name}:`))
        ?.split(/\s+/)
        .slice(1) ?? [];
    const set = (name: string): number => parseInt(field(name)[0]!, 16);
    const mounts = (await readFile(`/proc/${pid}/mounts`, 'utf8')).split('\n').map((line) => line.split(' '));
    return {
      capabilities: ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'].reduce((sum, name) => sum + set(name), 0),
      bounding: set('CapBnd'),
      newPrivileges: field('NoNewPrivs')[0] !== '1',
      // Real, effective, saved, and that of the file system.
      isRoot: field('Uid').includes('0'),
      // Bytes of memory that a crash leaves on the disk.
      core: /^Max core file size +(\S+)/m.exec(await readFile(`/proc/${pid}/limits`, 'utf8'))?.[1] ?? '',
      root: mounts.find(([, at]) => at === '/')?.[3]?.split(',')[0] ?? '',
    };
  }

  /** Where a process of a container can be reached by others: not on loopback, nor where there is no network. */
  async function listening(pid: string): Promise<string[]> {
    const devices = (await readFile(`/proc/${pid}/net/dev`, 'utf8')).match(/^\s*\S+(?=:)/gm) ?? [];
    if (devices.every((name) => name.trim() === 'lo')) return [];
    const own = new Set<string>();
    for (const fd of await readdir(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(await readlink(`/proc/${pid}/fd/${fd}`).catch(() => ''))?.[1];
      if (inode !== undefined) own.add(inode);
    }
    const found = new Set<string>();
    // In state 0A TCP listens; in 07 UDP has no fixed peer.
    for (const [table, state] of [
      ['tcp', '0A'],
      ['udp', '07'],
    ] as const) {
      for (const family of ['', '6']) {
        const [, ...rows] = (await readFile(`/proc/${pid}/net/${table}${family}`, 'utf8')).trim().split('\n');
        for (const row of rows) {
          const columns = row.trim().split(/\s+/);
          const [address = '', port = ''] = (columns[1] ?? '').split(':');
          const isLoopback = address === '0100007F' || address === '00000000000000000000000001000000';
          if (columns[3] === state && own.has(columns[9] ?? '') && !isLoopback) {
            found.add(`${table} ${parseInt(port, 16)}`);
          }
        }
      }
    }
    return [...found].sort();
  }

  /** The ports that a service is there for. */
  async function meant(one: ComposeProject, service: string): Promise<string[]> {
    if (service === 'discovery') return [`tcp ${new URL(discoveryUrl).port}`];
    return service === 'chat-node' ? [`tcp ${(await status(one)).peerPort}`] : [];
  }

  it('have everything after SIGKILL of all containers', async () => {
    await alice.compose('kill');
    await bob.compose('kill');
    await up(alice, bob);
    for (const one of [alice, bob]) expect((await status(one)).peerId).toBe(identities.get(one.name));
    expect(await history(alice, 'Bob')).toEqual(told);
    expect(await history(bob, 'Alice')).toEqual(['in one', 'out two']);
  });

  it('get what was written while they were killed', async () => {
    await bob.compose('kill', 'chat-node');
    expect(await alice.cli('send', 'Bob', 'three')).toMatchObject({ status: 0 });
    await up(bob);
    await waitFor('the third message', async () => (await history(bob, 'Alice')).includes('in three'));
  });

  it('lose nothing by docker compose down, nor by a database that starts as another user than before', async () => {
    await alice.compose('down', '--timeout', STOP_SECONDS);
    expect(await alice.containers()).toEqual([]);
    alice = alice.with(official);
    await up(alice);
    expect((await status(alice)).peerId).toBe(identities.get(alice.name));
    expect(await history(alice, 'Bob')).toEqual([...told, 'out three']);
  });
});

describe('docker compose run chat-node console', () => {
  const opened: TerminalSession[] = [];
  afterAll(() => Promise.all(opened.map((session) => session.kill())));

  function openConsole(one: ComposeProject): TerminalSession {
    const args = one.arguments(['run', '--rm', 'chat-node', 'console']);
    const session = new TerminalSession(args, { file: 'docker', env: one.env });
    opened.push(session);
    return session;
  }

  it('is enough alone: starts what it needs and a node of its own', async () => {
    const carol = project('carol', { P2P_CHAT_USER: 'Carol', DISCOVERY_URLS: discoveryUrl });
    const session = openConsole(carol);
    await session.until('Read Messages');
    await session.until(/\d online/);
    await session.choose('Send Messages');
    await session.choose('Bob');
    await session.until('Write the first one');
    session.type('Carol was here');
    session.press('enter');
    await waitFor('the message of the console', async () =>
      (await history(bob, 'Carol')).includes('in Carol was here'),
    );

    expect(await bob.cli('send', 'Carol', 'Welcome')).toMatchObject({ status: 0 });
    await session.until('Welcome');
    session.press('ctrl-c');
    expect(await session.exited).toBe(0);
  });

  it('attaches to a running chat-node; Logout ends both and they stay ended', async () => {
    const { peerId } = await status(alice);
    const session = openConsole(alice);
    await session.until('Read Messages');
    expect(session.screen).toContain(peerId.slice(0, 8));
    expect(session.output).not.toContain('Starting a node');
    await session.choose('Read Messages');
    await session.choose('Bob');
    await session.until('three');

    session.press('escape');
    await session.until('Cancel');
    session.press('escape');
    await session.choose('Logout');
    expect(await session.exited).toBe(0);
    await waitFor('the chat node to end', async () => {
      const [container] = (await alice.compose('ps', '--all', '--quiet', 'chat-node')).trim().split('\n');
      const state = await dockerOk([
        'inspect',
        '--format',
        '{{.State.Status}} {{.State.ExitCode}}',
        container ?? '',
      ]);
      return state.trim() === 'exited 0';
    });
  });

  it('says on the screen why the database is not well, and where its log is', async () => {
    const dora = project('dora', { P2P_CHAT_USER: 'Dora' }, ['e2e/support/broken-mongo.yml']);
    const session = openConsole(dora);
    expect(await session.exited).toBe(1);
    const said = session.output;
    expect(said).toContain('MongoDB cannot be reached: connect ENOENT /run/mongodb/mongodb-27017.sock');
    expect(said).toContain('It does not run');
    expect(said).toContain('docker compose logs mongo');
  });

  it('without a terminal says what to use instead', async () => {
    const { status: code, stderr } = await docker(
      bob.arguments(['run', '--rm', '-T', 'chat-node', 'console']),
      bob.env,
    );
    expect(code).toBe(2);
    expect(stderr).toContain('The console needs a terminal');
  });
});

describe('the page', () => {
  /** Lets a browser in by a link, as the page does, and asks for what it shows first. */
  async function enter(url: string): Promise<StatusView> {
    const { origin, hash } = new URL(url);
    const page = await fetch(`${origin}/`);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('/assets/')]);
    const answer = await fetch(`${origin}${CONTROL_ROUTES.pair}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code: hash.replace('#pair=', ''), name: 'a test' }),
    });
    expect(answer.status).toBe(201);
    const { token } = (await answer.json()) as PairResult;
    const headers = { authorization: `Bearer ${token}` };
    return (await (await fetch(`${origin}${CONTROL_ROUTES.status}`, { headers })).json()) as StatusView;
  }

  it('of a node that runs: docker compose exec chat-node p2p-chat web', async () => {
    const [link] = await bob.json<PageLinkView>('web');
    expect((await enter(link?.url ?? '')).peerId).toBe((await status(bob)).peerId);
  });

  it('alone: docker compose run --rm chat-node web, until Ctrl-C', async () => {
    const dora = project('dora', { P2P_CHAT_USER: 'Dora', DISCOVERY_URLS: discoveryUrl });
    const args = dora.arguments(['run', '--rm', 'chat-node', 'web']);
    const session = new TerminalSession(args, { file: 'docker', env: dora.env, columns: 120, rows: 60 });
    try {
      const screen = await session.until(/http:\/\/127\.0\.0\.1:\d+\/#pair=[\w-]+/);
      const [url = ''] = /http:\S+/.exec(screen) ?? [];
      expect((await enter(url)).user).toBe('Dora');
      session.press('ctrl-c');
      expect(await session.exited).toBe(0);
    } finally {
      await session.kill();
    }
  });
});

describe('a node that is stopped', () => {
  it('ends in order and within its time', async () => {
    const [container] = (await bob.compose('ps', '--quiet', 'chat-node')).trim().split('\n');
    await bob.compose('stop', 'chat-node');
    const { stdout } = await docker([
      'inspect',
      '--format',
      '{{.State.ExitCode}} {{.State.OOMKilled}}',
      container ?? '',
    ]);
    expect(stdout.trim()).toBe('0 false');
  });
});
