import { afterAll, expect, it } from 'vitest';
import { acquaint, controlOf } from './support/control.ts';
import { CHAT_MAIN, type RunningDaemon, waitFor, World } from './support/processes.ts';
import { TerminalSession } from './support/terminal.ts';

const world = new World();
const sessions: TerminalSession[] = [];
afterAll(async () => {
  await Promise.all(sessions.map((session) => session.kill()));
  await world.close();
});

function open({ env }: RunningDaemon, ...more: string[]): TerminalSession {
  const session = new TerminalSession([CHAT_MAIN, 'console', ...more], { env, columns: 100, rows: 60 });
  sessions.push(session);
  return session;
}

it('two consoles and one in lines make a group, talk in it, and see who has read', async () => {
  const ann = await world.daemon({ user: 'Ann' });
  const first = `127.0.0.1:${ann.ready.peerPort}`;
  const ben = await world.daemon({ user: 'Ben', peers: [first] });
  const cat = await world.daemon({ user: 'Cat', peers: [first, `127.0.0.1:${ben.ready.peerPort}`] });
  await waitFor('links', async () => (await controlOf(ann).status()).links === 2);
  // Cat knows nobody yet: she is asked.
  await acquaint(ann, ben);

  const anns = open(ann);
  await anns.choose('New Group');
  await anns.until('what is it called?');
  anns.type('Team');
  anns.press('enter');
  await anns.choose('[ ] Ben');
  // Where one is in the list stays, to choose the next one.
  await anns.until('❯ [x] Ben');
  await anns.choose('[ ] Cat');
  await anns.until('2 people');
  await anns.choose('Done');
  await anns.until('Ann added Cat');

  const bens = open(ben);
  await bens.choose('Groups');
  await bens.choose('Team');
  await bens.choose('Read and write');
  await bens.until('Ben came in');

  const cats = open(cat, '--plain');
  const chooseLine = async (label: string): Promise<void> => {
    const line = new RegExp(`^(\\d+)\\. ${label}`, 'm');
    const number = line.exec(await cats.until(line))?.[1] ?? '';
    cats.type(`${number}\n`);
  };
  await chooseLine('Message Requests.*1 invitation');
  await cats.until('Team: Ann asks you to come');
  await chooseLine('Accept');
  await waitFor('Cat to be in', async () => (await controlOf(cat).group('Team')).state === 'member');
  for (const one of [ann, ben]) {
    await waitFor(`${one.name} to know that Cat is in`, async () => {
      const { members } = await controlOf(one).group('Team');
      return members.some(({ peerId, state }) => peerId === cat.peerId && state === 'member');
    });
  }

  anns.type('Hello all\r');
  await bens.until(/Ann: Hello all/);
  await cats.until(/Ann: Hello all/);
  await anns.until(/You: Hello all.*2 of 2, read by 2/);
  anns.press('up');
  await anns.until('who has read it');
  anns.type('w');
  await anns.until(/read: \w+ \d\d:\d\d, \w+ \d\d:\d\d/);
  bens.type('Hello Ann\r');
  cats.type('Hello from the lines\n');
  for (const session of [anns, cats]) await session.until(/Ben: Hello Ann/);
  for (const session of [anns, bens]) await session.until(/Cat: Hello from the lines/);
  const orders = await Promise.all(
    [ann, ben, cat].map(async (one) =>
      (await controlOf(one).history('Team', {})).flatMap(({ id, change }) =>
        change === undefined ? [id] : [],
      ),
    ),
  );
  expect(orders[0]).toHaveLength(3);
  expect(orders[1]).toEqual(orders[0]);
  expect(orders[2]).toEqual(orders[0]);
});

it('a room is entered with one key; its admin renames it, says what newcomers get, and has peace from it', async () => {
  const ann = await world.daemon({ user: 'Ann' });
  const ben = await world.daemon({ user: 'Ben', peers: [`127.0.0.1:${ann.ready.peerPort}`] });
  const anns = open(ann);
  await anns.choose('Rooms');
  await anns.choose('New Room');
  await anns.until('what is it called?');
  anns.type('Hall');
  anns.press('enter');
  await anns.until(/Hall +1 member · last active \d/);

  const bens = open(ben);
  await waitFor('Ben to hear of the room', async () => (await controlOf(ben).groups(true)).length === 1);
  await bens.choose('Rooms');
  await bens.choose('Hall');
  await bens.until('Ben came in');

  await anns.choose('Hall');
  await anns.choose('Members');
  await anns.until('● Ben');
  await ben.stop();
  // Who is online shows while the list is open.
  await anns.until('○ Ben');
  anns.press('escape');
  await anns.choose('Hall');
  await anns.choose('Notifications');
  await anns.choose('messages that mention you');
  await anns.choose('Hall');
  await anns.choose('Newcomers get');
  await anns.choose('the last 7 days');
  await anns.choose('Hall');
  await anns.until(/Notifications +messages that mention you/);
  await anns.until(/Newcomers get +the last 7 days/);
  await anns.choose('Rename');
  await anns.until('what is it called now?');
  anns.type('Lobby');
  anns.press('enter');
  await anns.choose('Lobby');
  await anns.choose('Leave');
  await anns.until(/Lobby +you have left/);
});
