import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { deliver, linkedPair } from './support/control.ts';
import {
  baseEnvironment,
  CHAT_MAIN,
  parseJsonLines,
  type RunningDaemon,
  RunningProcess,
  waitFor,
  World,
} from './support/processes.ts';

const world = new World();
afterEach(() => world.close());

function follow(daemon: RunningDaemon, file: string): RunningProcess {
  const child = spawn(process.execPath, [CHAT_MAIN, 'events', '--json', '--resume', file], {
    env: { ...baseEnvironment(), ...daemon.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return world.track(new RunningProcess('events', child));
}

function bodies({ stdout }: RunningProcess): string[] {
  const complete = stdout.slice(0, stdout.lastIndexOf('\n') + 1);
  return parseJsonLines<{ event: string; body?: string }>(complete).flatMap(({ event, body }) =>
    event === 'resync' ? ['resync'] : body === undefined ? [] : [body],
  );
}

it('goes on where the last run ended, also where nothing had happened in it', async () => {
  const { alice, bob } = await linkedPair(world);
  const file = join(await world.folder(), 'place');
  const say = (text: string): Promise<unknown> => deliver(alice, 'Bob', text);

  const first = follow(bob, file);
  await waitFor('the place', () => readFile(file, 'utf8'));
  await first.stop('SIGINT');
  await say('between one and two');
  const second = follow(bob, file);
  await waitFor('the first message', () => bodies(second).length === 1);
  await say('during two');
  await waitFor('the second message', () => bodies(second).length === 2);
  await second.kill();
  await say('between two and three');
  const third = follow(bob, file);
  await waitFor('the third message', () => bodies(third).includes('between two and three'));
  expect(bodies(second)).toEqual(['between one and two', 'during two']);
  // Who is killed between telling and noting tells it again.
  expect(bodies(third).filter((body) => body !== 'during two')).toEqual(['between two and three']);
  expect(await third.stop('SIGINT')).toBe(0);
});

it('says that events may be missing where the node was started again, and goes on', async () => {
  const { alice, bob } = await linkedPair(world);
  const file = join(await world.folder(), 'place');
  const first = follow(bob, file);
  await waitFor('the place', () => readFile(file, 'utf8'));
  await first.stop('SIGINT');
  await deliver(alice, 'Bob', 'unheard');
  const again = await world.restart(bob);
  const second = follow(again, file);
  await waitFor('the warning', () => bodies(second).includes('resync'));
  await deliver(alice, 'Bob', 'heard');
  await waitFor('the message', () => bodies(second).includes('heard'));
  expect(bodies(second)).toEqual(['resync', 'heard']);
  expect(second.stderr).toContain('may be missing');
  await second.stop('SIGINT');
});
