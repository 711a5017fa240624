import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AttachedNode, lastWords, NODE_LOG } from './attached-node.js';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'attached-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Starts a program in the place of the node. */
async function startWith(program: string): Promise<AttachedNode> {
  const main = join(folder, 'main.mjs');
  await writeFile(main, program);
  await chmod(main, 0o600);
  return AttachedNode.start({ main, env: process.env, home: join(folder, 'home') });
}

describe('a node of the console', () => {
  it('is there when it says so, and ends when it is released', async () => {
    const node = await startWith(`
      process.on('disconnect', () => process.exit(7));
      console.error('a line for the log');
      console.log(JSON.stringify({ event: 'ready', argv: process.argv.slice(2), attached: process.env.P2P_CHAT_ATTACHED }));
    `);
    await node.release();
    expect(await node.exited).toBe(7);
    const log = join(folder, 'home', NODE_LOG);
    expect(await readFile(log, 'utf8')).toBe('a line for the log\n');
    expect((await stat(log)).mode & 0o777).toBe(0o600);
  });

  it('says in its own words why it could not start, and where the log is', async () => {
    const starting = startWith(
      `console.error('p2p-chat: The profile is in use.\\n  End process 17.'); process.exitCode = 1;`,
    );
    await expect(starting).rejects.toMatchObject({
      code: 'node-failed',
      message: 'The node could not start: The profile is in use.',
      hint: expect.stringContaining(NODE_LOG) as string,
    });
  });

  it('says what is in the way where nothing can be written', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    const starting = AttachedNode.start({ main: '', env: {}, home: join(file, 'home') });
    await expect(starting).rejects.toMatchObject({
      code: 'node-failed',
      message: `Cannot write to ${join(file, 'home', NODE_LOG)}: ${file} is a file (ENOTDIR).`,
      hint: expect.stringContaining('P2P_CHAT_HOME') as string,
    });
  });

  it('says at least the status where there are no words', async () => {
    await expect(startWith('process.exitCode = 9')).rejects.toThrow('it ended with status 9');
  });
});

describe('the last words of a node', () => {
  const logged = (level: number, msg: string): string => `${JSON.stringify({ level, msg })}\n`;
  it.each([
    [
      'what it told a person',
      `p2p-chat: first\np2p-chat: second\n  a hint\n${logged(50, 'logged')}`,
      'second',
    ],
    [
      'what it told as JSON',
      `${logged(50, 'logged')}${JSON.stringify({ error: { code: 'internal', detail: 'no such module' } })}\n`,
      'no such module',
    ],
    ['the last logged error', logged(50, 'first') + logged(60, 'second') + logged(30, 'info'), 'second'],
    [
      'what it died of',
      'node:internal:1\n\nTypeError [ERR_X]: x is not y\n    at f (file:1)\n\nNode.js v24\n',
      'x is not y',
    ],
    ['its last line', 'Killed\n\n', 'Killed'],
    ['none', '', undefined],
  ])('are %s', (_, log, words) => {
    expect(lastWords(log)).toBe(words);
  });
});
