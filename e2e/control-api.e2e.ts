import { chmod, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CONTROL_FILE, CONTROL_ROUTES, type ControlFile, type ProblemDetails } from '@p2p-chat/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningDaemon, World } from './support/processes.ts';

/*
 * The control API as a process has it. What it takes and answers is tested over
 * the application in chat-node/src/control-api.module.test.ts.
 */

const world = new World();
let alice: RunningDaemon;
let control: ControlFile;

beforeAll(async () => {
  const umask = process.umask(0);
  alice = await world.daemon({ user: 'Alice' });
  process.umask(umask);
  control = await controlFile(alice);
});
afterAll(() => world.close());

async function controlFile(daemon: RunningDaemon): Promise<ControlFile> {
  return JSON.parse(await readFile(join(daemon.home, CONTROL_FILE), 'utf8')) as ControlFile;
}

const ask = (path: string, authorization = `Bearer ${control.token}`): Promise<Response> =>
  fetch(`http://127.0.0.1:${control.port}${path}`, { headers: { authorization } });

describe('the files of a running node', () => {
  it('are for their owner alone, whatever the umask is', async () => {
    const entries = await readdir(alice.home, { recursive: true, withFileTypes: true });
    expect(entries.length).toBeGreaterThan(4);
    for (const entry of entries) {
      const path = join(entry.parentPath, entry.name);
      const mode = (await stat(path)).mode & 0o777;
      expect([path, mode.toString(8)]).toEqual([path, entry.isDirectory() ? '700' : '600']);
    }
  });

  it('hold a new token after every start and none after the end; looser ones are refused', async () => {
    const first = await world.daemon({ user: 'Carol' });
    const before = await controlFile(first);
    await first.stop();
    await expect(stat(join(first.home, CONTROL_FILE))).rejects.toMatchObject({ code: 'ENOENT' });
    const second = await world.restart(first);
    const after = await controlFile(second);
    expect(after.peerId).toBe(before.peerId);
    expect(after.token).not.toBe(before.token);
    // 32 bytes: as hard to guess as the key itself.
    expect(Buffer.from(after.token, 'base64url')).toHaveLength(32);
    await second.kill();

    // A crash leaves the file; somebody makes it readable.
    await chmod(join(first.home, CONTROL_FILE), 0o644);
    const refused = await world.spawnDaemon(first.options);
    expect(await refused.exited).toBe(1);
    expect(refused.stderr).toContain('may be read or changed by others (mode 644)');
    expect(refused.stderr).toContain("chmod 600 '");
  });

  it('is the only place of the token: no log line and no command line has it', async () => {
    expect(`${alice.stdout}${alice.stderr}`).not.toContain(control.token);
    const commandLine = await readFile(`/proc/${alice.child.pid}/cmdline`, 'utf8');
    const environment = await readFile(`/proc/${alice.child.pid}/environ`, 'utf8');
    expect(`${commandLine}${environment}`).not.toContain(control.token);
  });
});

describe('the server of a running node', () => {
  it('is for the holder of its token alone', async () => {
    expect((await ask(CONTROL_ROUTES.status)).status).toBe(200);
    const refused = await ask(CONTROL_ROUTES.status, 'Bearer x');
    expect([refused.status, ((await refused.json()) as ProblemDetails).code]).toEqual([401, 'token-wrong']);
  });

  it('has the page that describes it, with its parts', async () => {
    expect((await ask('/api/docs')).headers.get('content-type')).toMatch(/^text\/html/);
    expect(await (await ask('/api/docs/swagger-ui-init.js')).text()).toContain('p2p-chat control API');
    expect((await ask('/api/docs/swagger-ui-bundle.js')).status).toBe(200);
  });
});
