import { connect, type Socket } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { linkOf, Pages, PageUnderTest, startBrowser } from './support/browser.ts';
import { controlOf, deliver, linkedPair, residentBytes } from './support/control.ts';
import { importLines } from './support/imported.ts';
import { type RunningDaemon, waitFor, World } from './support/processes.ts';
import { AT_REST, settled, topOf, visibleMessages } from './support/web-timeline.ts';

/*
 * The page as a system and a person may have it: told of news while one looks
 * elsewhere, installed, in forced colours, with large text, from right to left;
 * with a long history; after an update of the node; and a page that floods it.
 */

const LONG = 100_000;

const world = new World();
let pages: Pages;
let ann: RunningDaemon;
let ben: RunningDaemon;

beforeAll(async () => {
  pages = await Pages.start();
  ({ alice: ann, bob: ben } = await linkedPair(world, { alice: { user: 'Ann' }, bob: { user: 'Ben' } }));
  await deliver(ben, ann.peerId, 'Good morning!');
});
afterEach(() => pages.clear());
afterAll(async () => {
  await pages?.close();
  await world.close();
});

describe('while one looks elsewhere', () => {
  interface Told {
    told: { title: string; body: string | undefined }[];
    badge: number;
  }

  it('title, badge and notification say that somebody wrote, and with what is set', async () => {
    const opened = await pages.open();
    const { page, context } = opened;
    // What a system shows cannot be read: what it is asked to show can.
    await context.addInitScript(() => {
      const seen: Told = { told: [], badge: 0 };
      Object.assign(globalThis, { seen });
      navigator.setAppBadge = (count) => {
        seen.badge = count ?? 0;
        return Promise.resolve();
      };
      globalThis.Notification = class extends Notification {
        constructor(title: string, options: NotificationOptions = {}) {
          super(title, options);
          seen.told.push({ title, body: options.body });
        }
      };
    });
    const seen = (): Promise<Told> => page.evaluate(() => (globalThis as unknown as { seen: Told }).seen);
    const { url } = await linkOf(ann);
    await context.grantPermissions(['notifications'], { origin: new URL(url).origin });
    await page.goto(url);
    await page.getByRole('navigation').waitFor();
    const set = async (how: string): Promise<void> => {
      await page.goto(`${new URL(url).origin}/#/profile`);
      await page.getByLabel('Notifications').selectOption(how);
    };
    const written = async (text: string, unread: RegExp): Promise<void> => {
      await controlOf(ben).send(ann.peerId, text);
      await page.waitForFunction((wanted) => new RegExp(wanted).test(document.title), unread.source);
    };
    await waitFor('what waits already', async () => (await seen()).badge > 0);
    const base = (await seen()).badge;
    await written('told by number alone', /^\(\d+\)/);
    expect(await seen()).toEqual({ told: [], badge: base + 1 });

    await set('sender');
    await written('not for everybody to read', new RegExp(`^\\(${base + 2}\\)`));
    expect((await seen()).told).toEqual([{ title: 'Ben wrote', body: undefined }]);
    await set('text');
    await written('for all \u202eto read', new RegExp(`^\\(${base + 3}\\)`));
    expect((await seen()).told.at(-1)).toEqual({ title: 'Ben wrote', body: 'for all to read' });

    const before = (await seen()).told.length;
    await controlOf(ann).changeProfile({ presence: 'dnd' });
    await written('not now', new RegExp(`^\\(${base + 4}\\)`));
    await controlOf(ann).changeProfile({ presence: 'online' });
    expect((await seen()).told).toHaveLength(before);
    await opened.openConversation(/^Ben/);
    await page.getByRole('log').focus();
    await page.keyboard.press('End');
    await page.waitForFunction(() => !document.title.startsWith('('));
    await waitFor('an empty badge', async () => (await seen()).badge === 0);
    expect(opened.faults).toEqual([]);
  });

  it('can be installed, as the browser says', async () => {
    const { page, context } = await (await pages.open()).enter(ann);
    const session = await context.newCDPSession(page);
    const { errors, url } = await session.send('Page.getAppManifest');
    expect(errors).toEqual([]);
    expect(new URL(url).origin).toBe(new URL(page.url()).origin);
    const { installabilityErrors } = await session.send('Page.getInstallabilityErrors');
    // Nobody installs anything into a window that leaves no traces, as those of tests are.
    expect(installabilityErrors.filter(({ errorId }) => errorId !== 'in-incognito')).toEqual([]);
  });
});

describe('as a system or a person has it', () => {
  const views = async (opened: PageUnderTest, look: (name: string) => Promise<void>): Promise<void> => {
    const { page } = opened;
    const { origin } = new URL(page.url());
    await look('list');
    await opened.openConversation(/^Ben/);
    await look('conversation');
    await page.getByRole('button', { name: 'Details' }).click();
    await page.getByRole('img', { name: /QR code/ }).waitFor();
    await look('details');
    await page.goto(`${origin}/#/people`);
    await page.getByRole('list', { name: 'People' }).waitFor();
    await look('people');
    await page.goto(`${origin}/#/profile`);
    await page.getByLabel('Status text').waitFor();
    await look('profile');
  };
  const fits = (page: Page): Promise<boolean> =>
    page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);

  it('in forced colours and with more contrast, nothing is lost', async () => {
    const opened = await (await pages.open()).enter(ann);
    const { page } = opened;
    for (const media of [{ forcedColors: 'active' }, { contrast: 'more' }] as const) {
      await page.emulateMedia(media);
      await views(opened, async (name) =>
        expect([media, name, await opened.axe()]).toEqual([media, name, []]),
      );
      // Where the focus is can be seen.
      await page.keyboard.press('Tab');
      const outline = await page.evaluate(() => {
        const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement ?? document.body);
        return [outlineStyle, parseFloat(outlineWidth)];
      });
      expect(outline).toEqual(['solid', expect.closeTo(2, 0)]);
      await page.emulateMedia({ forcedColors: 'none', contrast: 'no-preference' });
      await page.goto(`${new URL(page.url()).origin}/#/`);
    }
  });

  it('moves nothing for those who want it so', async () => {
    const opened = await (await pages.open()).enter(ann);
    const { page } = opened;
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await views(opened, async (name) => {
      const moving = await page.evaluate(
        () =>
          [...document.querySelectorAll('*')].filter((one) => {
            const { transitionDuration, animationDuration } = getComputedStyle(one);
            return parseFloat(transitionDuration) > 0 || parseFloat(animationDuration) > 0;
          }).length,
      );
      expect([name, moving]).toEqual([name, 0]);
    });
  });

  it('with text of twice the size, from left to right and from right to left, it fits every width', async () => {
    const large = await startBrowser('--blink-settings=defaultFontSize=32');
    try {
      for (const width of [1440, 768, 360]) {
        const opened = await (await PageUnderTest.open(large, { width, height: 740 })).enter(ann);
        const { page } = opened;
        for (const direction of ['ltr', 'rtl']) {
          await page.goto(`${new URL(page.url()).origin}/#/`);
          await page.evaluate((dir) => (document.documentElement.dir = dir), direction);
          await views(opened, async (name) => {
            const said = [width, direction, name];
            expect([...said, await fits(page)]).toEqual([...said, true]);
            expect([...said, await opened.axe()]).toEqual([...said, []]);
          });
        }
        await opened.close();
      }
    } finally {
      await large.close();
    }
  });
});

describe(`a conversation of ${LONG.toLocaleString('en')} messages`, () => {
  it('scrolls without a jump while older ones load above and new ones come below, and keeps its place', async () => {
    await importLines(ann, ben.peerId, 'Ben', LONG);
    for (let missed = 0; missed < 60; missed += 1) await deliver(ben, ann.peerId, `missed ${missed}`);
    const opened = await (await pages.open()).enter(ann);
    const { page } = opened;
    await opened.openConversation(/^Ben/);
    const log = page.getByRole('log');
    await log.getByText('missed 0', { exact: true }).waitFor();
    const toLatest = page.getByRole('button', { name: 'To the latest messages' });
    await toLatest.click();
    await log.getByText('missed 59', { exact: true }).waitFor();
    const list = page.locator('.timeline-list');
    await settled(list, AT_REST);
    let coming = 0;
    let oldest = Infinity;
    // What is held is a window of a thousand: far enough that all of it was exchanged.
    for (let screens = 0; screens < 400 && oldest > LONG - 3_000; screens += 1) {
      const shown = await visibleMessages(page);
      const anchor = shown[Math.floor(shown.length / 2)] ?? '';
      oldest = Number(/line (\d+)/.exec(shown[0] ?? '')?.[1] ?? oldest);
      const before = await topOf(page, anchor);
      if (screens % 10 === 5) await controlOf(ben).send(ann.peerId, `news ${(coming += 1)}`);
      await list.evaluate((element) => element.scrollBy({ top: -200 }));
      await settled(list);
      const after = await topOf(page, anchor);
      const moved = before === null || after === null ? 0 : after - before;
      expect([anchor, moved > -4, moved < 204]).toEqual([anchor, true, true]);
      await list.evaluate((element) => element.scrollBy({ top: -2_400 }));
      await settled(list);
    }
    expect(oldest).toBeLessThanOrEqual(LONG - 3_000);
    expect(coming).toBeGreaterThan(0);
    const rows = await page.locator('article.message').count();
    expect(rows).toBeLessThan(200);
    await toLatest.click();
    await log.getByText(`news ${coming}`, { exact: true }).waitFor();
    await settled(list, AT_REST);
    expect((await visibleMessages(page)).at(-1)).toBe(`news ${coming}`);
    await list.evaluate((element) => element.scrollBy({ top: -2_400 }));
    await settled(list);
    const [first = ''] = await visibleMessages(page);
    await page.reload();
    await log.getByText(first, { exact: true }).waitFor();
    expect(opened.faults).toEqual([]);
  });

  it('is gone to anywhere from a search', async () => {
    const { page } = await (await pages.open()).enter(ann);
    await page.getByRole('searchbox').fill('line 12345');
    await page.getByRole('button', { name: /12345/ }).first().click();
    await page
      .getByRole('log')
      .getByText(/^line 12345\b/)
      .waitFor();
  });
});

describe('after an update of the node', () => {
  it('a page of another version loads itself anew, once', async () => {
    const { page, context } = await (await pages.open()).enter(ann);
    await ann.kill();
    await page.getByRole('alert').getByText('The node has gone away.').waitFor();
    let loads = 0;
    await context.route(`${new URL(page.url()).origin}/`, (route) => {
      loads += 1;
      return route.fulfill({
        contentType: 'text/html',
        body: '<!doctype html><title>another version</title><script type="module" src="/assets/another.js"></script>',
      });
    });
    ann = await world.restart(ann);
    await page.waitForFunction(() => document.title === 'another version');
    // It asked what the node serves, and loaded it.
    expect(loads).toBe(2);
  });
});

describe('what floods the node', () => {
  const GROWTH = 150 * 1024 * 1024;

  it('a page that asks without end disturbs nobody else, and the node stays bounded', async () => {
    const opened = await (await pages.open()).enter(ann);
    const { page } = opened;
    const before = await residentBytes(ann.child.pid ?? 0);
    const conversation = (await controlOf(ann).conversations())[0]?.id ?? '';
    await page.evaluate((id) => {
      const { token } = JSON.parse(localStorage.getItem('browser') ?? '{}') as { token: string };
      const headers = { authorization: `Bearer ${token}` };
      const flood = { done: 0, stop: false };
      Object.assign(globalThis, { flood });
      const ask = async (n: number): Promise<void> => {
        if (flood.stop) return;
        const path =
          [
            `/api/conversations/${id}/messages?limit=1000`,
            '/api/search?words=line',
            '/api/peers?all=true',
            '/api/web/pair',
          ][n % 4] ?? '';
        const init = n % 4 === 3 ? { method: 'POST', body: '{"code":"wrong","name":"flood"}' } : {};
        await fetch(path, { ...init, headers })
          .then((answer) => answer.text())
          .catch(() => undefined);
        flood.done += 1;
        void ask(n + 1);
      };
      for (let n = 0; n < 2_000; n += 1) void ask(n);
    }, conversation);
    const done = (): Promise<number> =>
      page.evaluate(() => (globalThis as unknown as { flood: { done: number } }).flood.done);
    await waitFor('the flood', async () => (await done()) > 100);
    for (let n = 0; n < 5; n += 1) await deliver(ben, ann.peerId, `through the flood ${n}`);
    expect((await ann.cli(['status'])).status).toBe(0);
    expect(await done()).toBeGreaterThan(100);
    const grown = (await residentBytes(ann.child.pid ?? 0)) - before;
    await page.evaluate(() =>
      Object.assign((globalThis as unknown as { flood: object }).flood, { stop: true }),
    );
    expect(grown).toBeLessThan(GROWTH);
  });

  it('connections without end to the page’s port take none from the console', async () => {
    const port = Number(new URL((await linkOf(ann)).url).port);
    const sockets: Socket[] = [];
    try {
      for (let n = 0; n < 600; n += 1) {
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => undefined);
        sockets.push(socket);
      }
      // More than it takes are closed again.
      await waitFor('the bound', () => sockets.filter(({ closed }) => closed).length > 300);
      expect((await ann.cli(['status'])).status).toBe(0);
      await deliver(ben, ann.peerId, 'beside all of them');
    } finally {
      for (const socket of sockets) socket.destroy();
    }
    await (await pages.open()).enter(ann);
  });
});

describe('a name that was rebound to this machine', () => {
  it('shows nothing of the page, and reads nothing of the node', async () => {
    const { url } = await linkOf(ann);
    const { port, hash } = new URL(url);
    const rebinding = await startBrowser('--host-resolver-rules=MAP evil.example 127.0.0.1');
    try {
      const { page } = await PageUnderTest.open(rebinding);
      const answer = await page.goto(`http://evil.example:${port}/${hash}`);
      expect(answer?.status()).toBe(403);
      const statuses = await page.evaluate(async () =>
        Promise.all(['/', '/api/status', '/icon.svg'].map(async (path) => (await fetch(path)).status)),
      );
      expect(statuses).toEqual([403, 403, 403]);
    } finally {
      await rebinding.close();
    }
    // The code in that link is unused: nobody took it.
    const { page } = await pages.open();
    await page.goto(url);
    await page.getByRole('navigation').waitFor();
  });
});
