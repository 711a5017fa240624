import { afterEach, expect, it } from 'vitest';
import { deliver, linkedPair, sendAll } from './support/control.ts';
import { World } from './support/processes.ts';
import { TerminalSession } from './support/terminal.ts';

const world = new World();
let session: TerminalSession | undefined;
afterEach(async () => {
  await session?.kill();
  await world.close();
});

it('finds a message far back, goes to it in its conversation, and comes back', async () => {
  const { alice, bob } = await linkedPair(world);
  const talk = Array.from({ length: 600 }, (_, n) =>
    n === 100 ? 'The spare key is under the Mühle' : `talk ${n}`,
  );
  await sendAll(bob, alice, talk);
  await deliver(bob, 'Alice', 'keys are in the drawer');

  session = TerminalSession.console(alice.env, { columns: 80, rows: 24 });
  await session.choose('Search Messages');
  session.type('KEY');
  await session.until('❯ Bob');
  const both = await session.until('The spare key');
  expect(both.indexOf('keys are in the drawer')).toBeLessThan(both.indexOf('The spare key'));
  session.type(' muh');
  const found = await session.until((screen) => !screen.includes('drawer'));
  expect(found).toContain('Bob: talk 99');
  expect(found).toContain('Bob: talk 101');

  session.press('enter');
  const conversation = await session.until('talk 105');
  expect(conversation).toContain('The spare key is under the Mühle');
  expect(conversation).toContain('talk 95');
  session.press('pageup');
  await session.until('talk 85');
  session.press('escape');
  await session.until('› KEY muh');
  session.press('escape');
  await session.until('Read Messages');
});
