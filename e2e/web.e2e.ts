import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import type { BrowserView, SafetyNumberView } from '@p2p-chat/shared';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { linkOf, MESSAGE, type PageOptions, Pages, type PageUnderTest } from './support/browser.ts';
import { controlOf, deliver, linkedPair, sendAll } from './support/control.ts';
import { ATTACKS, MARKUP } from './support/hostile-text.ts';
import { ROOT, type RunningDaemon, waitFor, World } from './support/processes.ts';
import { TerminalSession } from './support/terminal.ts';
import { AT_REST, settled, topOf, visibleMessages } from './support/web-timeline.ts';

/*
 * The page in a real browser: Ann has it open, Ben has a console or the
 * commands, Cleo is a stranger. They are the same people in all scenes.
 */

/** What a browser may load before the first screen: script, gzipped. */
const MAX_FIRST_LOAD_BYTES = 60 * 1024;
/** Where the pictures go, where somebody wants to look at them. */
const PICTURES = process.env['PICTURES'];

const world = new World();
let pages: Pages;
let ann: RunningDaemon;
let ben: RunningDaemon;
let cleo: RunningDaemon;

beforeAll(async () => {
  pages = await Pages.start();
  ({ alice: ann, bob: ben } = await linkedPair(world, {
    alice: { user: 'Ann' },
    // A large file of his takes long enough to be stopped.
    bob: { user: 'Ben', env: { P2P_CHAT_FILES_RATE: '1' } },
  }));
  cleo = await world.daemon({ user: 'Cleo', peers: [`127.0.0.1:${ann.ready.peerPort}`] });
  await waitFor('the links', async () => (await controlOf(ann).status()).links === 2);
  await deliver(ben, ann.peerId, 'Good morning! The build is green again.');
  await deliver(ann, ben.peerId, 'Then I look for the spare key now.');
  await deliver(ben, ann.peerId, 'It is in the left drawer, I think.');
});
afterEach(() => pages.clear());
afterAll(async () => {
  await pages?.close();
  await world.close();
});

/** A PNG of one pixel. */
const RED_DOT =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';

/** Ann's page, with a conversation open. */
async function withConversation(name: string | RegExp, options: PageOptions = {}): Promise<PageUnderTest> {
  return (await (await pages.open(options)).enter(ann)).openConversation(name);
}

/** That nothing went wrong in it, and nothing was asked of anybody else. */
function expectClean({ faults, requests, page }: PageUnderTest): void {
  expect(faults).toEqual([]);
  const { origin } = new URL(page.url());
  expect(
    requests.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith(`blob:${origin}`)),
  ).toEqual([]);
}

describe('getting in', () => {
  it('by a link, once; then without one, until the browser is revoked', async () => {
    const { url } = await linkOf(ann);
    const { page } = await pages.open();
    await page.goto(url);
    await page.getByRole('navigation').waitFor();
    expect(page.url()).not.toContain('pair');
    await page.reload();
    await page.getByRole('navigation').waitFor();

    const thief = await pages.open();
    await thief.page.goto(url);
    await thief.page.getByText('This link was used before, or it is too old.').waitFor();
    await thief.page.getByRole('heading', { name: 'Let this browser in' }).waitFor();

    const before = await ann.json<BrowserView>(['web', '--list']);
    expect(before.map(({ name }) => name)).toContain('Chrome on Linux');
    expect((await ann.cli(['web', '--revoke'])).status).toBe(0);
    await page.getByText('This browser may not use the page any more.').waitFor();
    expect(await ann.json(['web', '--list'])).toEqual([]);
  });

  it('loads less than 60 kB of script before the first screen', () => {
    const index = readFileSync(join(ROOT, 'web/dist/index.html'), 'utf8');
    const scripts = [...index.matchAll(/(?:src|href)="(\/assets\/[^"]+\.js)"/g)].map(([, path = '']) => path);
    const bytes = scripts.map((path) => gzipSync(readFileSync(join(ROOT, 'web/dist', path))).length);
    expect(scripts.length).toBeGreaterThan(0);
    expect(bytes.reduce((sum, one) => sum + one, 0)).toBeLessThan(MAX_FIRST_LOAD_BYTES);
  });
});

describe('two people, one in the page and one in a console', () => {
  it('write to each other, and see what was read', async () => {
    const opened = await withConversation(/^Ben/);
    const { page } = opened;
    await page.getByText('It is in the left drawer, I think.').last().waitFor();
    await waitFor('it to be read', async () =>
      (await controlOf(ben).history(ann.peerId, { limit: 1 })).every(({ state }) => state === 'read'),
    );
    await page.getByLabel(MESSAGE).fill('From the page 🙂');
    await page.keyboard.press('Enter');
    await page.getByText('From the page').last().waitFor();
    await page.getByText('delivered').last().waitFor();

    const console = TerminalSession.console(ben.env);
    try {
      await console.until('What would you like to do?');
      console.press('enter');
      await console.until('Read Messages: whose?');
      console.press('enter');
      await console.until('From the page');
      await page.getByText('read', { exact: true }).last().waitFor();
      console.type('And from the console');
      await page.getByText('Ben is typing…').first().waitFor();
      console.press('enter');
      await page.getByRole('log').getByText('And from the console').waitFor();
    } finally {
      await console.kill();
    }
    expectClean(opened);
    ben = await world.restart(ben);
    await waitFor('the link', async () => (await controlOf(ann).peer(ben.peerId)).online);
  });

  it('compare the same safety number, and note that they did', async () => {
    const opened = await withConversation(/^Ben/);
    const { page } = opened;
    await page.getByRole('button', { name: 'Details' }).click();
    const [number] = await ben.json<SafetyNumberView>(['verify', ann.peerId]);
    const groups = page.getByRole('region', { name: 'Safety number' }).getByRole('listitem');
    await groups.first().waitFor();
    expect((await groups.allTextContents()).join(' ')).toBe(number?.safetyNumber);
    await page.getByRole('img', { name: 'The safety number as a QR code' }).waitFor();
    await page.getByRole('button', { name: 'mark as verified' }).click();
    await page.getByRole('button', { name: 'Take the mark back' }).waitFor();
    expect((await controlOf(ann).peer(ben.peerId)).verified).toBe(true);
    expectClean(opened);
  });

  it('a stranger asks, and is accepted', async () => {
    const opened = await (await pages.open()).enter(ann);
    const { page } = opened;
    await controlOf(cleo).send(ann.peerId, 'May I write to you?');
    await page.getByText('wants to write to you').waitFor();
    await page.getByRole('link', { name: /^Cleo/ }).click();
    await page.getByText('May I write to you?').waitFor();
    expect(await opened.axe()).toEqual([]);
    await page.getByRole('button', { name: 'Accept' }).click();
    await page.getByRole('button', { name: 'Accept' }).waitFor({ state: 'detached' });
    expect((await controlOf(ann).peer(cleo.peerId)).trust).toBe('contact');
    expectClean(opened);
  });

  it('find what was said, with what was said before and after, and go there', async () => {
    const opened = await (await pages.open()).enter(ann);
    const { page } = opened;
    await page.keyboard.press('Control+k');
    await page.keyboard.type('spare key');
    const found = page.getByRole('button', { name: /spare key/ });
    await found.waitFor();
    expect(await found.textContent()).toMatch(/build is green.*spare key.*left drawer/s);
    expect(await found.locator('mark').allTextContents()).toEqual(['spare', 'key']);
    await found.click();
    await page.getByRole('log').getByText('Then I look for the spare key now.').waitFor();
    expectClean(opened);
  });
});

describe('what can be done with a message', () => {
  it('an answer, a reaction, a change, a confirmation and a deletion reach the other, and come from them', async () => {
    const opened = await withConversation(/^Ben/);
    const { page } = opened;
    const log = page.getByRole('log');
    const act = async (text: string, action: string): Promise<void> => {
      const row = log.getByRole('article').filter({ hasText: text }).last();
      await row.hover();
      await row.getByRole('button', { name: 'What to do with this message' }).click();
      await page.getByRole('dialog').getByRole('button', { name: action, exact: true }).click();
    };
    const { id } = await controlOf(ben).send(ann.peerId, 'Shall we meet at noon?', undefined, undefined, {
      confirm: true,
    });
    await log.getByText('Shall we meet at noon?').waitFor();
    await log.getByRole('button', { name: 'Confirm' }).click();
    await log.getByText('confirmed').waitFor();
    await act('Shall we meet at noon?', '👍');
    await log.getByRole('button', { name: '👍: You' }).waitFor();
    await act('Shall we meet at noon?', 'Reply');
    await page.getByLabel(MESSAGE).fill('At one, pleas');
    await page.keyboard.press('Enter');
    await act('At one, pleas', 'Edit');
    await page.getByLabel(MESSAGE).fill('At one, please');
    await page.keyboard.press('Enter');
    await log.getByText('edited').waitFor();
    const seen = await waitFor('the answer', async () => {
      const [question, answer] = (await controlOf(ben).history(ann.peerId, { limit: 2 })).slice(-2);
      return answer?.edited === true && (question?.reactions?.length ?? 0) > 0
        ? { question, answer }
        : undefined;
    });
    expect(seen.answer).toMatchObject({ body: 'At one, please', replyTo: id });
    expect(seen.question?.confirmed?.map(({ user }) => user)).toEqual(['Ann']);
    await controlOf(ben).react(seen.answer.id, ['🎉']);
    await log.getByRole('button', { name: '🎉: Ben' }).waitFor();
    if (PICTURES !== undefined) await opened.picture(join(PICTURES, 'actions.png'));
    expect(await opened.axe()).toEqual([]);
    await log.locator('.quote').last().click();
    await log.locator('.found-here').filter({ hasText: 'Shall we meet at noon?' }).waitFor();
    await act('At one, please', 'Go to what it answers');
    await log.locator('.found-here').filter({ hasText: 'Shall we meet at noon?' }).waitFor();
    await act('At one, please', 'Delete for everybody');
    await log.getByText('[deleted]').last().waitFor();
    expectClean(opened);
  });

  it('what asks for a confirmation stays in sight, and what is changed is no draft', async () => {
    const opened = await withConversation(/^Ben/);
    const { page } = opened;
    const log = page.getByRole('log');
    const composer = page.getByLabel(MESSAGE);
    await composer.fill('half a thought');
    const asking = await controlOf(ben).send(ann.peerId, 'Drill at three', undefined, undefined, {
      confirm: true,
    });
    const pinned = page.getByRole('list', { name: 'Asks you to confirm' });
    // Above the conversation, and above the list of all of them.
    await waitFor('both places', async () => (await pinned.count()) === 2);
    expect(await opened.axe()).toEqual([]);
    await pinned.last().getByRole('button', { name: 'Confirm' }).click();
    await waitFor('it to be done', async () => (await pinned.count()) === 0);
    await log.getByRole('article').filter({ hasText: 'Drill at three' }).getByText('confirmed').waitFor();
    const { id } = await controlOf(ann).send(ben.peerId, 'canary one');
    await log.getByText('canary one').waitFor();
    const focus = async (text: string): Promise<void> => {
      await log.focus();
      await page.keyboard.press('End');
      await log.getByRole('article').filter({ hasText: text }).last().focus();
    };
    await focus('canary one');
    await page.keyboard.press('e');
    await composer.fill('canary two');
    expect(await page.evaluate(() => JSON.stringify({ ...localStorage }))).not.toContain('canary');
    await composer.press('Enter');
    await log.getByText('edited').last().waitFor();
    expect(await composer.inputValue()).toBe('half a thought');
    await focus('canary two');
    await page.keyboard.press('Delete');
    await page.getByRole('dialog').getByRole('button', { name: 'Earlier versions' }).click();
    await page.getByRole('dialog').getByText('canary one').waitFor();
    expect(await opened.axe()).toEqual([]);
    await page.keyboard.press('Escape');
    await focus('canary two');
    await page.keyboard.press('f');
    await page.getByRole('dialog', { name: 'Forward' }).getByRole('button', { name: 'Ben' }).click();
    await waitFor('the copy', async () => {
      const last = (await controlOf(ben).history(ann.peerId, { limit: 1 }))[0];
      return last?.body === 'canary two' && last.id !== id;
    });
    await focus('canary two');
    await page.keyboard.press('e');
    await composer.fill('canary three');
    const copied = (await controlOf(ann).history(ben.peerId, { limit: 1 }))[0]!;
    for (const one of [id, copied.id]) await controlOf(ann).delete(one, false);
    await waitFor('nothing of it to be left', async () => !(await page.content()).includes('canary'));
    expect(await composer.inputValue()).toBe('half a thought');
    await log.getByText('asked 1, done 1').last().waitFor();
    await composer.fill('and @be');
    await page.getByRole('group', { name: 'Mention' }).getByRole('button', { name: '@Ben' }).waitFor();
    await composer.press('Tab');
    expect(await composer.inputValue()).toBe('and @Ben ');
    await composer.fill('');
    await controlOf(ben).send(
      ann.peerId,
      'so *bold* https://a.example/_b_ https://bücher.example `x*y*`\n```\n*whole*\n```',
    );
    await log.locator('strong').getByText('*bold*', { exact: true }).waitFor();
    await log.locator('a', { hasText: /^https:\/\/a\.example\/_b_$/ }).waitFor();
    const link = log.locator('a', { hasText: /^https:\/\/bücher\.example$/ });
    expect(await link.getAttribute('href')).toBe('https://xn--bcher-kva.example/');
    await log.locator('code').getByText('`x*y*`', { exact: true }).waitFor();
    expect(await log.locator('.fenced').last().textContent()).toBe('```\n*whole*\n```');
    await controlOf(ben).send(ann.peerId, 'come down, @Ann');
    await log.getByText('mentions you').last().waitFor();
    expect((await controlOf(ann).message(asking.id)).confirmed).toHaveLength(1);
    expectClean(opened);
  });

  it('reads as a log of messages, each with who wrote it, what it answers and how it does', async () => {
    const group = await controlOf(ann).createGroup({ name: 'Tools', people: [] });
    const { id } = await controlOf(ann).send(group.id, 'Where is the ladder?');
    await controlOf(ann).react(id, ['👍']);
    const answer = await controlOf(ann).send(group.id, 'In the cellar.', undefined, undefined, {
      replyTo: id,
    });
    await controlOf(ann).edit(answer.id, 'In the lower cellar.');
    const { page } = await withConversation(/^Tools/);
    await page.getByRole('log').getByText('edited').waitFor();
    const tree = await page.getByRole('region', { name: 'Conversation with Tools' }).ariaSnapshot();
    expect(tree.replace(/\d\d:\d\d/g, 'HH:MM')).toMatchInlineSnapshot(`
      "- region "Conversation with Tools":
        - heading "Tools" [level=1]
        - paragraph: 1 member
        - button "Details"
        - log "Messages with Tools":
          - paragraph: Ann made Tools
          - article:
            - text: "You: Where is the ladder?"
            - button "What to do with this message"
            - 'button "👍: You" [pressed]': 👍
            - time: HH:MM
            - text: delivered
          - article:
            - text: "You:"
            - button "You Where is the ladder?":
              - strong: You
              - text: Where is the ladder?
            - text: In the lower cellar.
            - button "What to do with this message"
            - time: HH:MM
            - text: edited delivered
        - status
        - paragraph
        - button "Send files"
        - button "Send a folder"
        - button "Emoji"
        - textbox "Write a message"
        - button "Ask to confirm"
        - button "Send" [disabled]"
    `);
  });

  it('a file is sent from the page and fetched in it, and is a download and nothing else', async () => {
    const opened = await withConversation(/^Ben/);
    const { page } = opened;
    const log = page.getByRole('log');
    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Send files' }).click();
    const html = Buffer.from('<script>document.title="owned"</script>');
    await (await chooser).setFiles({ name: 'notes <b>.html', mimeType: 'text/html', buffer: html });
    await log.getByText('notes <b>.html').waitFor();
    const folder = await world.folder('files');
    await writeFile(join(folder, 'plan.svg'), '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>');
    await controlOf(ben).sendFiles(ann.peerId, { paths: [join(folder, 'plan.svg')] });
    const card = log.getByRole('article').filter({ hasText: 'plan.svg' });
    await card.waitFor();
    const fetch = card.getByRole('button', { name: 'Fetch plan.svg' });
    const save = card.getByRole('button', { name: 'Save plan.svg' });
    await fetch.or(save).waitFor();
    if (await fetch.isVisible()) await fetch.click();
    const download = page.waitForEvent('download');
    await save.click();
    expect((await download).suggestedFilename()).toBe('plan.svg');
    expect(await readFile(await (await download).path())).toEqual(await readFile(join(folder, 'plan.svg')));
    await card.hover();
    await card.getByRole('button', { name: 'What to do with this message' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Forward', exact: true }).click();
    await page.getByRole('dialog', { name: 'Forward' }).getByRole('button', { name: 'Ben' }).click();
    await waitFor('the file to come back', async () => {
      const [last] = await controlOf(ben).history(ann.peerId, { limit: 1 });
      return last?.files?.[0]?.name === 'plan.svg' && last.author === ann.peerId;
    });
    await log.getByText('plan.svg').nth(1).waitFor();
    if (PICTURES !== undefined) await opened.picture(join(PICTURES, 'files.png'));
    expect(await opened.axe()).toEqual([]);
    expectClean(opened);
  });
});

describe('files', () => {
  it('are dropped, pasted and chosen with their folders, and images shown as the pixels that they are', async () => {
    const opened = await withConversation(/^Ben/);
    const { page } = opened;
    const log = page.getByRole('log');
    const folder = await world.folder('files');
    await mkdir(join(folder, 'plans/old'), { recursive: true });
    await writeFile(join(folder, 'plans/old/first.txt'), 'first');
    await writeFile(join(folder, 'plans/second.txt'), 'second');
    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Send a folder' }).click();
    await (await chooser).setFiles(join(folder, 'plans'));
    for (const how of ['drop', 'paste']) {
      await page.evaluate((type) => {
        const data = new DataTransfer();
        data.items.add(new File([type], `by ${type}.txt`));
        const options = { bubbles: true, cancelable: true };
        const event =
          type === 'drop'
            ? new DragEvent(type, { ...options, dataTransfer: data })
            : new ClipboardEvent(type, { ...options, clipboardData: data });
        document.querySelector('textarea')?.dispatchEvent(event);
      }, how);
    }
    for (const name of ['plans', 'by drop.txt', 'by paste.txt']) await log.getByText(name).waitFor();

    const sent = (name: string) =>
      waitFor(name, async () => (await controlOf(ben).files()).find((one) => one.name === name));
    const plans = await sent('plans');
    const target = join(folder, 'fetched');
    for (const { id } of [plans, await sent('by drop.txt'), await sent('by paste.txt')])
      await ben.json(['get', id, '--to', target]);
    expect(plans.type).toBe('inode/directory');
    expect((await readdir(target, { recursive: true })).sort()).toEqual([
      'by drop.txt',
      'by paste.txt',
      'plans',
      'plans/old',
      'plans/old/first.txt',
      'plans/second.txt',
    ]);
    expect(await readFile(join(target, 'by paste.txt'), 'utf8')).toBe('paste');

    await writeFile(join(folder, 'dot.png'), Buffer.from(RED_DOT, 'base64'));
    await writeFile(join(folder, 'fake.png'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
    const paths = ['dot.png', 'fake.png'].map((name) => join(folder, name));
    const { id } = await controlOf(ben).sendFiles(ann.peerId, { paths });
    await ann.json(['get', id]);
    await log.getByRole('button', { name: 'Preview dot.png' }).click();
    await log.getByRole('img', { name: 'dot.png' }).waitFor();
    await log.getByRole('button', { name: 'Preview fake.png' }).click();
    await page.getByText('could not be decoded').waitFor();
    expect(await log.getByRole('img', { name: 'fake.png' }).count()).toBe(0);
    expect(await opened.axe()).toEqual([]);
    expectClean(opened);
  });

  it('show how far they are, stop and go on when one says so, and are given up', async () => {
    const opened = await withConversation(/^Ben/);
    const path = join(await world.folder('files'), 'slow.bin');
    await writeFile(path, randomBytes(64 * 1024 * 1024));
    const { id } = await controlOf(ben).sendFiles(ann.peerId, { paths: [path], copy: false });
    const card = opened.page.getByRole('log').getByRole('article').filter({ hasText: 'slow.bin' });
    const button = (what: string) => card.getByRole('button', { name: `${what} slow.bin` });
    const stateOf = async () => (await controlOf(ann).files()).find((one) => one.id === id)?.state;
    await button('Fetch').click();
    await card.getByText('/s').waitFor();
    expect(Number(await card.getByRole('progressbar').getAttribute('value'))).toBeGreaterThan(0);
    await button('Pause').click();
    await card.getByText('paused').waitFor();
    expect(await stateOf()).toBe('paused');
    await button('Fetch').click();
    await button('Pause').waitFor();
    expect(await stateOf()).toBe('fetching');
    await button('Cancel').click();
    await button('Cancel').waitFor({ state: 'detached' });
    expect(await stateOf()).toBe('offered');
    expectClean(opened);
  });
});

describe('a group', () => {
  it('is made in the page, talked in, and left to others by invitation and as a room', async () => {
    const opened = await (await pages.open()).enter(ann);
    const { page } = opened;
    await page.keyboard.press('Alt+KeyP');
    await page.getByRole('button', { name: 'New group or room' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name of the group').fill('Third floor');
    await dialog.getByLabel('Ben').check();
    expect(await opened.axe()).toEqual([]);
    await dialog.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('heading', { name: 'Third floor' }).waitFor();
    // Ben knows Ann, so his node need not ask him.
    await page.getByText('2 members').waitFor();
    await page.getByLabel(MESSAGE).fill('Welcome');
    await page.keyboard.press('Enter');
    const log = page.getByRole('log');
    await log.getByText('delivered').waitFor();
    await controlOf(ben).send('Third floor', 'Hello all');
    await log.getByText('Hello all').waitFor();
    expect(await log.locator('.author').allTextContents()).toEqual(['Ben']);
    await page.getByRole('button', { name: 'Details' }).click();
    await page.getByRole('region', { name: 'Members' }).getByText('Ben').first().waitFor();
    await page.getByLabel('Newcomers get').selectOption('the last 7 days');
    await page.getByLabel('Notifications').selectOption('those that name you');
    await page.getByLabel('Files come by themselves').selectOption('up to 10 MB');
    await waitFor('what was set', async () => {
      const group = await controlOf(ann).group('Third floor');
      const rule = await controlOf(ann).fileRule(group.id);
      return group.history === 7 && group.mute === 'mentions' && rule.upTo === 10_000_000;
    });
    if (PICTURES !== undefined) await opened.picture(join(PICTURES, 'group.png'));
    expect(await opened.axe()).toEqual([]);

    // A stranger's invitation waits for an answer.
    const dora = await world.daemon({ user: 'Dora', peers: [`127.0.0.1:${ann.ready.peerPort}`] });
    await waitFor('the link', async () => (await controlOf(dora).status()).links === 1);
    await controlOf(dora).createGroup({ name: 'Kitchen', people: [ann.peerId] });
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await page.getByRole('link', { name: /Kitchen/ }).click();
    await page.getByText('Dora asks you to come to this group.').waitFor();
    await page.getByRole('button', { name: 'Accept' }).click();
    await page.getByLabel(MESSAGE).waitFor();
    // Others are declined, and who sends them is blocked.
    for (const name of ['Cellar', 'Attic']) await controlOf(dora).createGroup({ name, people: [ann.peerId] });
    const requests = page.getByRole('region', { name: 'Requests' });
    await requests.getByRole('link', { name: /Cellar Dora asks you to come/ }).click();
    await page.getByText('One member so far').waitFor();
    expect(await opened.axe()).toEqual([]);
    await page.getByRole('button', { name: 'Decline' }).click();
    await requests.getByRole('link', { name: /Cellar/ }).waitFor({ state: 'detached' });
    await requests.getByRole('link', { name: /Attic/ }).click();
    await page.getByRole('button', { name: 'Block Dora' }).click();
    await requests.waitFor({ state: 'detached' });
    expect((await controlOf(ann).peer(dora.peerId)).blocked).toBe(true);

    await controlOf(ben).createGroup({ name: 'Open hours', open: true });
    await page.keyboard.press('Alt+KeyP');
    await page.getByRole('button', { name: /Open hours/ }).click();
    await page.getByRole('heading', { name: 'Open hours' }).waitFor();
    await page.getByLabel(MESSAGE).waitFor();
    expectClean(opened);
  });
});

describe('while the node is away', () => {
  it('what was written stays, is handed over once, and the page says what is wrong', async () => {
    const opened = await withConversation(/^Ben/);
    const { page } = opened;
    await page.getByLabel(MESSAGE).fill('half a thought');
    await ann.kill();
    await page.getByRole('alert').getByText('The node has gone away. Trying to reconnect…').waitFor();
    expect(await page.getByLabel(MESSAGE).inputValue()).toBe('half a thought');
    await page.getByLabel(MESSAGE).fill('Written while the node was away');
    await page.keyboard.press('Enter');
    await page.getByText('waits for the node').waitFor();
    await page.getByLabel(MESSAGE).fill('a draft');
    ann = await world.restart(ann);
    await page.getByText('waits for the node').waitFor({ state: 'detached' });
    const arrived = async (): Promise<number> => {
      const all = await controlOf(ben).history(ann.peerId, { limit: 20 });
      return all.filter(({ body }) => body === 'Written while the node was away').length;
    };
    await waitFor('the message', async () => (await arrived()) > 0);
    expect(await arrived()).toBe(1);
    await page.reload();
    await page.getByLabel(MESSAGE).waitFor();
    expect(await page.getByLabel(MESSAGE).inputValue()).toBe('a draft');
    await page.getByLabel(MESSAGE).fill('');
    // What could not be reached is said by the browser too; nothing else is.
    expect(opened.faults.filter((fault) => !/Failed to load resource|ERR_/.test(fault))).toEqual([]);
  });
});

describe('two tabs', () => {
  it('lose nothing that both wrote while the node was away, though one is closed', async () => {
    const first = await withConversation(/^Ben/);
    const second = await first.context.newPage();
    await second.goto(first.page.url());
    await second.getByLabel(MESSAGE).waitFor();
    await ann.kill();
    const texts = ['One of the first tab', 'One of the second', 'Another of the first'];
    const write = async (page: Page, text = ''): Promise<void> => {
      await page.getByLabel(MESSAGE).fill(text);
      await page.getByLabel(MESSAGE).press('Enter');
      // Both show what waits, whichever it was written in.
      for (const one of [first.page, second]) await one.getByRole('log').getByText(text).waitFor();
    };
    await write(first.page, texts[0]);
    await write(second, texts[1]);
    await write(first.page, texts[2]);
    await first.page.close();
    ann = await world.restart(ann);
    await second.getByText('waits for the node').first().waitFor({ state: 'detached' });
    const sent = async (): Promise<string[]> =>
      (await controlOf(ann).history(ben.peerId, { limit: 20 })).map(({ body }) => body);
    await waitFor('all of them', async () => (await sent()).includes(texts[2] ?? ''));
    expect((await sent()).filter((body) => texts.includes(body))).toEqual(texts);
  });
});

describe('a long conversation', () => {
  it('stays where it is while older messages come in above and new ones below', async () => {
    await sendAll(
      ben,
      ann,
      Array.from({ length: 1_500 }, (_, n) => `line ${n} of many`),
    );
    const opened = await withConversation(/^Ben/);
    const { page } = opened;
    const log = page.getByRole('log');
    await waitFor('all of them', async () => (await controlOf(ben).status()).outbox.queued === 0);
    await log.getByText('New', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'To the latest messages' }).click();
    await log.getByText('line 1499 of many').waitFor();
    const scroller = page.locator('.timeline-list');
    await settled(scroller, AT_REST);
    let oldest = Infinity;
    for (let screens = 0; screens < 60 && oldest > 300; screens++) {
      const shown = await visibleMessages(page);
      const [anchor = ''] = shown.slice(Math.floor(shown.length / 2));
      oldest = Number(/\d+/.exec(shown[0] ?? '')?.[0] ?? oldest);
      const before = await topOf(page, anchor);
      await scroller.evaluate((list) => list.scrollBy({ top: -200 }));
      await settled(scroller);
      const after = await topOf(page, anchor);
      // At the very top nothing moves until the page before it is there; nothing ever jumps.
      const moved = before === null || after === null ? 0 : after - before;
      expect([moved > -4, moved < 204]).toEqual([true, true]);
      await scroller.evaluate((list) => list.scrollBy({ top: -1_200 }));
      await settled(scroller);
    }
    expect(oldest).toBeLessThanOrEqual(600);
    const [anchor = ''] = await visibleMessages(page);
    const before = await topOf(page, anchor);
    await deliver(ben, ann.peerId, 'news below');
    await page.getByRole('status').getByText('Ben: news below').waitFor({ state: 'attached' });
    expect(await topOf(page, anchor)).toBe(before);
    await page.reload();
    await page.getByRole('log').getByText(anchor, { exact: true }).waitFor();
    expectClean(opened);
  });
});

describe('many tabs', () => {
  it('share one stream of events, so that a browser has connections left; another tab goes on where one is closed', async () => {
    const first = await withConversation(/^Ben/);
    const { context, page } = first;
    // One more than a browser opens connections to one address.
    const others = await Promise.all(Array.from({ length: 6 }, () => context.newPage()));
    for (const other of others) {
      await other.goto(page.url());
      await other.getByLabel(MESSAGE).waitFor();
    }
    const heard = async (text: string): Promise<void> => {
      await controlOf(ben).send(ann.peerId, text);
      for (const one of context.pages())
        await one
          .getByRole('status')
          .getByText(`Ben: ${text}`, { exact: true })
          .waitFor({ state: 'attached' });
    };
    await heard('To every tab');
    await page.close();
    await heard('To every tab but one');
    expect(first.faults).toEqual([]);
    expect((await ann.cli(['web', '--revoke'])).status).toBe(0);
    for (const one of others) await one.getByText('This browser may not use the page any more.').waitFor();
  });
});

describe('without a mouse', () => {
  it('every part is reached by keys, and the keys are listed', async () => {
    const opened = await (await pages.open()).enter(ann);
    const { page } = opened;
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Alt+ArrowDown');
    await page.getByLabel(MESSAGE).waitFor();
    await page.keyboard.press('Alt+KeyE');
    await page.getByRole('searchbox', { name: 'Search emoji' }).fill('tada');
    await page.getByRole('button', { name: 'party popper' }).waitFor();
    await page.keyboard.press('Enter');
    expect(await page.getByLabel(MESSAGE).inputValue()).toBe('🎉');
    await page.getByLabel(MESSAGE).fill('');
    await page.getByRole('log').focus();
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowUp');
    await page.locator('[id^="m-"]:focus').waitFor();
    const first = await page.evaluate(() => document.activeElement?.id);
    await page.keyboard.press('ArrowUp');
    await page.locator(`[id^="m-"]:focus:not(#${first})`).waitFor();
    await page.keyboard.press('Alt+KeyI');
    await page.getByRole('region', { name: 'Details' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Alt+KeyP');
    await page.getByRole('list', { name: 'People' }).waitFor();
    expectClean(opened);
  });
});

describe('every view', () => {
  const sizes = [
    [1440, 900],
    [768, 1000],
    [360, 740],
  ] as const;
  it.each(
    sizes.flatMap(([width, height]) =>
      (['light', 'dark'] as const).map((scheme) => ({ width, height, scheme })),
    ),
  )('has nothing that axe finds, $width px wide and $scheme', async ({ width, height, scheme }) => {
    const opened = await (await pages.open({ width, height, colorScheme: scheme })).enter(ann);
    const { page } = opened;
    const look = async (name: string): Promise<void> => {
      if (PICTURES !== undefined) await opened.picture(join(PICTURES, `${width}-${scheme}-${name}.png`));
      expect([name, await opened.axe()]).toEqual([name, []]);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect([name, wide <= 0]).toEqual([name, true]);
    };
    await look('list');
    await page.getByRole('searchbox').fill('key');
    await page.getByRole('button', { name: /spare key/ }).waitFor();
    await look('search');
    await page.getByRole('searchbox').fill('');
    await page.goto(`${new URL(page.url()).origin}/#/people`);
    await page.getByRole('list', { name: 'People' }).waitFor();
    await look('people');
    await page.getByRole('link', { name: /^Ben/ }).first().click();
    await page.getByLabel(MESSAGE).waitFor();
    await look('conversation');
    await page.getByRole('button', { name: 'Emoji' }).click();
    await page.getByRole('button', { name: 'grinning face', exact: true }).waitFor();
    await look('emoji');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Details' }).click();
    await page.getByRole('img', { name: /QR code/ }).waitFor();
    await look('details');
    await page.goto(`${new URL(page.url()).origin}/#/profile`);
    await page.getByLabel('Status text').waitFor();
    await look('profile');
    expectClean(opened);
  });

  it('speaks German where the browser does, is as well from right to left, and with text of twice the size', async () => {
    const opened = await withConversation(/^Ben/, { locale: 'de-DE' });
    const { page } = opened;
    await page.getByLabel('Nachricht schreiben').waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('de');
    expect(await opened.axe()).toEqual([]);
    await page.evaluate(() => {
      document.documentElement.dir = 'rtl';
    });
    const [sidebar, main] = await Promise.all([
      page.getByRole('navigation').boundingBox(),
      page.locator('.conversation').boundingBox(),
    ]);
    expect(sidebar?.x).toBeGreaterThan(main?.x ?? Infinity);
    if (PICTURES !== undefined) await opened.picture(join(PICTURES, 'german-rtl.png'));
    await page.evaluate(() => {
      document.documentElement.dir = 'ltr';
      document.documentElement.style.fontSize = '200%';
    });
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    );
    if (PICTURES !== undefined) await opened.picture(join(PICTURES, 'german-200.png'));
    expect(await opened.axe()).toEqual([]);
  });
});

describe('what others write', () => {
  const HOSTILE = [
    `${'a'.repeat(4_000)} ${'\u0301'.repeat(500)}`,
    '\u202egnp.exe\u2066 \u001b[31mred\u001b[0m \u200bnothing',
    ...MARKUP,
  ];
  /** Fields of the control API that others fill. */
  const FOREIGN =
    /^(user|personUser|name|body|caption|status|emoji|detail|hint|source|address|addresses|host)$/;
  const ALL = [...MARKUP, ...ATTACKS].join(' ');

  /** What a node answers that passes on the worst in every text. */
  function poisoned(value: unknown, key = ''): unknown {
    if (typeof value === 'string') return FOREIGN.test(key) ? `${value}${ALL}` : value;
    if (Array.isArray(value)) return value.map((one) => poisoned(one, key));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, poisoned(one, name)]));
  }

  it('is text and nothing else in every field and on every view', async () => {
    const folder = await world.folder('files');
    await writeFile(join(folder, 'plan.txt'), 'x');
    const question = await controlOf(ben).send(ann.peerId, 'needle', undefined, undefined, { confirm: true });
    await controlOf(ben).send(ann.peerId, '@Ann an answer', undefined, undefined, { replyTo: question.id });
    await controlOf(ben).react(question.id, ['🎉']);
    await controlOf(ben).sendFiles(ann.peerId, { paths: [join(folder, 'plan.txt')] });
    const group = await controlOf(ann).createGroup({ name: 'Hostile', people: [ben.peerId] });
    await waitFor('what is to be shown', async () => {
      const all = await controlOf(ann).history(ben.peerId, { limit: 5 });
      const asked = all.find(({ id }) => id === question.id);
      return (asked?.reactions?.length ?? 0) > 0 && all.at(-1)?.kind === 'file';
    });
    const opened = await pages.open();
    const { page, context } = opened;
    page.on('dialog', (dialog) => opened.faults.push(`a dialog: ${dialog.message()}`));
    await context.route(/\/api\/(?!events|web\/)/, async (route) => {
      const answer = await route.fetch();
      const body = await answer.text();
      const isJson = answer.headers()['content-type']?.includes('json') === true && body !== '';
      const text = isJson ? JSON.stringify(poisoned(JSON.parse(body))) : body;
      await route.fulfill({ response: answer, body: text });
    });
    await opened.enter(ann);
    const { origin } = new URL(page.url());
    const look = async (view: string): Promise<void> => {
      const found = await page.evaluate(() => {
        const all = [...document.body.querySelectorAll('*')];
        const handlers = all.filter((one) => one.getAttributeNames().some((name) => name.startsWith('on')));
        const links = [...document.body.querySelectorAll('a')].filter(
          ({ href, textContent }) => !href.startsWith(`${location.origin}/#`) && href !== textContent,
        );
        const made = document.body.querySelectorAll(
          'script, iframe, object, embed, b, base, meta, [autofocus]',
        );
        const images = [...document.images].filter(({ src }) => src !== `${location.origin}/icon.svg`);
        const texts = all.flatMap((one) => one.getAttributeNames().map((name) => one.getAttribute(name)));
        return {
          made: [...handlers, ...links, ...made, ...images].map((one) => one.outerHTML),
          text: [document.title, document.body.innerText, ...texts].join(' '),
          wide: document.documentElement.scrollWidth - innerWidth,
        };
      });
      expect([view, found.made]).toEqual([view, []]);
      // Each of them is there, as the text that it is.
      expect([view, found.text.includes('<script>document.title="owned"')]).toEqual([view, true]);
      for (const attack of ATTACKS)
        expect([view, attack, found.text.includes(attack)]).toEqual([view, attack, false]);
      expect([view, found.wide <= 0]).toEqual([view, true]);
    };
    await look('list');
    await page.getByRole('searchbox').fill('needle');
    await page
      .getByRole('button', { name: /needle/ })
      .first()
      .waitFor();
    await look('search');
    await page.getByRole('searchbox').fill('');
    for (const id of [(await controlOf(ann).peer(ben.peerId)).conversation, group.id]) {
      await page.goto(`${origin}/#/c/${id}`);
      await page.getByRole('button', { name: 'Details' }).click();
      await page.getByLabel('Files come by themselves').waitFor();
      await look(`conversation ${id}`);
    }
    await page.goto(`${origin}/#/people`);
    await page.getByRole('list', { name: 'People' }).waitFor();
    await look('people');
    await page.goto(`${origin}/#/profile`);
    await page.getByLabel('Status text').waitFor();
    await look('profile');
    await context.unrouteAll({ behavior: 'ignoreErrors' });
    expectClean(opened);
  });

  it('is text and nothing else: no markup, no script, no request', async () => {
    await ben.cli(['profile', '--name', '<b onclick=alert(1)>Ben</b>']);
    await ben.cli(['presence', 'away', '--status', '<img src=x onerror=alert(1)>']);
    await waitFor('the name', async () => (await controlOf(ann).peer(ben.peerId)).user.includes('<b'));
    await sendAll(ben, ann, HOSTILE);
    const opened = await withConversation(/Ben<\/b>/);
    const { page } = opened;
    const log = page.getByRole('log');
    await log.waitFor();
    await log.focus();
    await page.keyboard.press('End');
    await log.getByText('{{constructor.constructor').waitFor();
    await log.getByText('<script>document.title="owned"</script>').waitFor();
    await page.getByRole('button', { name: 'Details' }).click();
    await page.getByRole('img', { name: /QR code/ }).waitFor();
    expect(await log.locator('img, script, svg:not(.icon), b, iframe').count()).toBe(0);
    // A link to follow is the most that comes of it, and it leads where it reads.
    const links = await log
      .locator('a')
      .evaluateAll((all) => all.map((one) => [(one as HTMLAnchorElement).href, one.textContent]));
    expect(links).toEqual([['http://evil.example/a.png', 'http://evil.example/a.png']]);
    expect(await page.title()).not.toContain('owned');
    // eslint-disable-next-line no-control-regex -- what must not be there
    expect(await log.innerText()).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u200b\u001b]/u);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    );
    expectClean(opened);
    await ben.cli(['profile', '--name', 'Ben']);
  });
});

describe('a page of another origin', () => {
  let server: Server;
  let attacker: string;
  beforeAll(async () => {
    server = createServer((_request, answer) => {
      answer.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>other</title>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    attacker = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterAll(() => server.close());

  it('reads nothing, sends nothing, frames nothing and loads no script of it', async () => {
    const { page } = await pages.open();
    const target = new URL((await linkOf(ann)).url).origin;
    const script = /\/assets\/[^"]+\.js/.exec(readFileSync(join(ROOT, 'web/dist/index.html'), 'utf8'))?.[0];
    await page.goto(attacker);
    const seen = await page.evaluate(
      async ([origin = '', path = '']) => {
        const outcome = (task: Promise<unknown>): Promise<string> =>
          task.then(
            (value) => String(value),
            () => 'refused',
          );
        const element = (tag: 'script' | 'iframe', src: string): Promise<string> =>
          outcome(
            new Promise((resolve, reject) => {
              const made = document.createElement(tag);
              made.onload = () => resolve('loaded');
              made.onerror = reject;
              made.src = src;
              document.body.append(made);
            }),
          );
        return {
          read: await outcome(fetch(`${origin}/api/status`).then((answer) => answer.text())),
          pair: await outcome(
            fetch(`${origin}/api/web/pair`, {
              method: 'POST',
              headers: { 'content-type': 'application/json' },
              body: '{"code":"x","name":"y"}',
            }).then((answer) => answer.status),
          ),
          script: await element('script', origin + path),
          frame: await element('iframe', `${origin}/`),
        };
      },
      [target, script ?? ''],
    );
    expect(seen).toMatchObject({ read: 'refused', pair: 'refused', script: 'refused' });
    const [, frame] = page.frames();
    expect(frame?.url()).not.toContain(target);
  });
});
