/*
 * Part of `make pictures`: the page as it is, from real nodes in a real
 * browser, at a desk and on a phone, light and dark.
 */
import { join } from 'node:path';
import { PageUnderTest, startBrowser } from '../e2e/support/browser.ts';
import { acquaint, controlOf, deliver } from '../e2e/support/control.ts';
import { waitFor, World } from '../e2e/support/processes.ts';
import { ROOT } from './local-discovery.ts';

const PICTURES = join(ROOT, 'docs/pictures');

const world = new World();
const browser = await startBrowser();
try {
  const ben = await world.daemon({ user: 'Ben' });
  const cleo = await world.daemon({ user: 'Cleo' });
  const peers = [ben, cleo].map(({ ready }) => `127.0.0.1:${ready.peerPort}`);
  const ann = await world.daemon({ user: 'Ann', peers });
  await waitFor('the links', async () => (await controlOf(ann).status()).links === 2);
  await acquaint(ann, ben);
  await deliver(ben, ann.peerId, 'Good morning! The build is green again.');
  await deliver(ben, ann.peerId, 'Here is the log: https://ci.example/build/4711');
  await deliver(ann, ben.peerId, 'Thank you, I look at it after lunch. Where is the spare key?');
  const [question] = (await controlOf(ann).history(ben.peerId, { limit: 1 })).slice(-1);
  await controlOf(ben).send(ann.peerId, 'In the left drawer, under the cables 🙂', undefined, undefined, {
    ...(question === undefined ? {} : { replyTo: question.id }),
  });
  const [answer] = await waitFor('the answer', async () => {
    const page = await controlOf(ann).history(ben.peerId, { limit: 1 });
    return page[0]?.direction === 'in' ? page : undefined;
  });
  if (answer !== undefined) await controlOf(ann).react(answer.id, ['👍']);
  await controlOf(ann).setVerified(ben.peerId, true);
  const group = await controlOf(ben).createGroup({ name: 'Third floor', people: [ann.peerId] });
  await waitFor('the group', async () => (await controlOf(ann).group(group.id)).state === 'member');
  await controlOf(ben).send(group.id, 'Cake at four, in the kitchen');
  await controlOf(cleo).send(ann.peerId, 'Hello, this is Cleo of the third floor. May I write to you?');
  const looks = [
    { name: 'page-desk', width: 1280, height: 720, colorScheme: 'light' },
    { name: 'page-phone', width: 390, height: 720, colorScheme: 'dark' },
  ] as const;
  for (const { name, ...look } of looks) {
    const opened = await (await PageUnderTest.open(browser, look)).enter(ann);
    const { page } = opened;
    await page.getByText('wants to write to you').waitFor();
    await page.getByText('Ben: Cake at four').waitFor();
    await page.getByRole('link', { name: /^Ben/ }).first().click();
    await page.getByRole('log').getByText('In the left drawer').waitFor();
    if (name === 'page-desk') {
      await page.getByRole('button', { name: 'Details' }).click();
      await page.getByRole('img', { name: /QR code/ }).waitFor();
    }
    await opened.picture(join(PICTURES, `${name}.png`));
    console.log(`docs/pictures/${name}.png`);
    await opened.close();
  }
} finally {
  await browser.close();
  await world.close();
}
