/*
 * `make bench-web`: the page in a real browser, beside a bare page (one list, no
 * framework, bench/floor/page.html) of the same node: from the link to a list
 * of people to choose from; from a message's arrival at the node to its paint,
 * alone and in a burst; how long a key takes and blocks with a long history
 * loaded; what the page holds after scrolling through a tenth of a million
 * messages, and whether anything on the screen jumps meanwhile. Prints a table,
 * and with --json one object. `node bench/web.ts [messages]`. Needs a build and
 * Chromium.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { linkOf, PageUnderTest, startBrowser } from '../e2e/support/browser.ts';
import { controlOf, deliver, linkedPair, sendAll } from '../e2e/support/control.ts';
import { importLines } from '../e2e/support/imported.ts';
import { ROOT, type RunningDaemon, waitFor, World } from '../e2e/support/processes.ts';
import { peerIdOf } from '../e2e/support/stored.ts';

const MESSAGES = Number(process.argv.find((one) => /^\d+$/.test(one)) ?? 1_000_000);
/** Conversations beside the long one. */
const OTHERS = 100;
const STARTS = 10;
const LONE = 50;
const BURST = 1_000;
const BURSTS = 5;
/** Messages that are loaded while somebody types, and while what the page holds is measured again. */
const LOADED = 10_000;
const SCROLLED = 100_000;
const TEXT = 'the quick brown fox jumps over the lazy dog, and then it does so once more';
/** People type slower than this. In milliseconds. */
const BETWEEN_KEYS_MS = 30;
/** Pixels of a step of scrolling, and of every so many a short one, after which what was on the screen is still on it. */
const STEP = 2_500;
const SHORT_STEP = 300;
const SHORT_EVERY = 8;

/** A page that is measured. */
interface Subject {
  name: string;
  /** Opens it, where it is not the product. */
  prepare: (opened: PageUnderTest) => Promise<void>;
}

interface Spread {
  p50: number;
  p95: number;
  max: number;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function spread(times: number[]): Spread {
  times.sort((a, b) => a - b);
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN;
  return { p50: at(0.5), p95: at(0.95), max: at(1) };
}

/** Runs in the page before all else: notes what is on the screen after each frame, and what blocks it. */
function probe(): void {
  const shown: [id: string, at: number][] = [];
  const tasks: number[] = [];
  const keys: number[] = [];
  let listAt = 0;
  const afterPaint = (run: () => void): void => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = run;
    port2.postMessage(null);
  };
  const rows = document.getElementsByClassName('message');
  const frame = (): void => {
    afterPaint(() => {
      if (listAt === 0 && document.querySelectorAll('nav a').length > 50) listAt = Date.now();
      const last = rows[rows.length - 1];
      if (
        last !== undefined &&
        last.id !== shown.at(-1)?.[0] &&
        last.getBoundingClientRect().top < innerHeight
      )
        shown.push([last.id, Date.now()]);
    });
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe(
    {
      type: 'longtask',
    },
  );
  addEventListener(
    'keydown',
    ({ timeStamp }) =>
      requestAnimationFrame(() => afterPaint(() => keys.push(performance.now() - timeStamp))),
    true,
  );
  Object.assign(globalThis, { probe: { shown, tasks, keys, listAt: () => listAt } });
}

interface Probe {
  probe: { shown: [string, number][]; tasks: number[]; keys: number[]; listAt: () => number };
}

async function open(browser: Browser, subject: Subject): Promise<PageUnderTest> {
  const opened = await PageUnderTest.open(browser);
  await opened.context.addInitScript(probe);
  await subject.prepare(opened);
  return opened;
}

/** From the link to a list that can be used, of a browser that was never here. */
async function startOf(browser: Browser, ann: RunningDaemon, subject: Subject): Promise<number> {
  const opened = await open(browser, subject);
  try {
    const { url } = await linkOf(ann);
    const began = Date.now();
    await opened.page.goto(url, { waitUntil: 'commit' });
    await opened.page.waitForFunction(() => (globalThis as unknown as Probe).probe.listAt() > 0);
    return (await opened.page.evaluate(() => (globalThis as unknown as Probe).probe.listAt())) - began;
  } finally {
    await opened.close();
  }
}

/** From each message's arrival at the node to the first frame that shows it, or one after it. */
async function paints(
  page: Page,
  ann: RunningDaemon,
  ben: RunningDaemon,
  bodies: string[],
): Promise<number[]> {
  const history = await waitFor('all of them', async () => {
    const all = await controlOf(ann).history(ben.peerId, { limit: bodies.length });
    return all.at(-1)?.body === bodies.at(-1) ? all : undefined;
  });
  const last = history.at(-1)?.id ?? '';
  await page.waitForFunction(
    (id) => (globalThis as unknown as Probe).probe.shown.some(([one]) => one === `m-${id}`),
    last,
  );
  const shown = await page.evaluate(() => (globalThis as unknown as Probe).probe.shown);
  const places = new Map(history.map(({ id }, at) => [`m-${id}`, at]));
  const frames = shown.flatMap(([id, at]) => (places.has(id) ? [{ place: places.get(id) ?? 0, at }] : []));
  return history.map(({ receivedAt }, place) => {
    const frame = frames.find((one) => one.place >= place);
    return (frame?.at ?? NaN) - Date.parse(receivedAt ?? '');
  });
}

/** Scrolls up until this line is in the document. @returns by how many pixels the most that was on the screen jumped */
function scrollTo(page: Page, line: number): Promise<number> {
  return page.evaluate(
    async ([long, short, every, wanted]) => {
      const frame = (): Promise<unknown> => new Promise((done) => requestAnimationFrame(done));
      const list = document.querySelector('.timeline-list') as HTMLElement;
      const { left, width, height } = list.getBoundingClientRect();
      const rows = list.getElementsByClassName('message');
      const at = (y: number): Element | undefined =>
        document
          .elementsFromPoint(left + width / 2, y)
          .flatMap((one) => [...one.getElementsByClassName('message'), one])
          .find((one) => one.matches('.message'));
      let most = 0;
      let lastMoved = performance.now();
      for (let turn = 1; ; turn += 1) {
        // The text alone: the time stands right behind it.
        const first = rows[0]?.querySelector('.bubble') ?? rows[0];
        if (Number(/line (\d+)/.exec(first?.textContent ?? '')?.[1] ?? Infinity) <= wanted) return most;
        const step = turn % every === 0 ? short : long;
        // One that is seen: what is above the screen is measured only as it comes in.
        const anchor = at(height / 3) ?? at(height / 2);
        const before = anchor?.getBoundingClientRect().top ?? 0;
        list.scrollBy({ top: -step });
        await frame();
        await frame();
        const moved = anchor?.isConnected === true ? anchor.getBoundingClientRect().top - before : step;
        if (step === short) most = Math.max(most, moved - step, -moved);
        if (moved >= 1) lastMoved = performance.now();
        if (performance.now() - lastMoved > 10_000) throw new Error('it scrolls no further');
      }
    },
    [STEP, SHORT_STEP, SHORT_EVERY, line] as const,
  );
}

/** What the page holds, after what is not needed was thrown away. */
async function held(session: CDPSession): Promise<{ heapMb: number; nodes: number }> {
  await session.send('HeapProfiler.collectGarbage');
  const { metrics } = await session.send('Performance.getMetrics');
  const of = (name: string): number => metrics.find((one) => one.name === name)?.value ?? NaN;
  return { heapMb: of('JSHeapUsedSize') / 1e6, nodes: of('Nodes') };
}

async function typing(page: Page): Promise<{ key: Spread; longestTask: number }> {
  const field = page.locator('textarea');
  await field.focus();
  await page.evaluate(() => {
    const { keys, tasks } = (globalThis as unknown as Probe).probe;
    keys.length = 0;
    tasks.length = 0;
  });
  for (const character of TEXT) {
    await page.keyboard.press(character === ' ' ? 'Space' : character);
    await pause(BETWEEN_KEYS_MS);
  }
  const { keys, tasks } = await page.evaluate(() => {
    const { keys, tasks } = (globalThis as unknown as Probe).probe;
    return { keys, tasks };
  });
  await field.fill('');
  return { key: spread(keys), longestTask: Math.max(0, ...tasks) };
}

async function measure(browser: Browser, ann: RunningDaemon, ben: RunningDaemon, subject: Subject) {
  const starts: number[] = [];
  for (let n = 0; n < STARTS; n += 1) starts.push(await startOf(browser, ann, subject));
  const opened = await open(browser, subject);
  const { page } = opened;
  await page.goto((await linkOf(ann)).url);
  await page.locator('nav a').filter({ hasText: 'Bob' }).first().click();
  await page.locator('textarea').waitFor();
  const lines = Array.from({ length: LONE }, (_, n) => `lone ${subject.name} ${n}`);
  for (const line of lines) await deliver(ben, ann.peerId, line);
  const lone = await paints(page, ann, ben, lines);
  const burst: number[] = [];
  for (let n = 0; n < BURSTS; n += 1) {
    const bodies = Array.from({ length: BURST }, (_, at) => `burst ${subject.name} ${n} ${at}`);
    await sendAll(ben, ann, bodies);
    burst.push(...(await paints(page, ann, ben, bodies)));
  }

  const session = await opened.context.newCDPSession(page);
  await session.send('Performance.enable');
  const early = await scrollTo(page, Math.max(0, MESSAGES - LOADED));
  const keys = await typing(page);
  const before = await held(session);
  const began = performance.now();
  const late = await scrollTo(page, Math.max(0, MESSAGES - SCROLLED));
  const seconds = (performance.now() - began) / 1_000;
  const after = await held(session);
  await opened.close();
  return {
    start: spread(starts),
    lone: spread(lone),
    burst: spread(burst),
    ...keys,
    before,
    after,
    seconds,
    jump: Math.max(early, late),
  };
}

const product: Subject = { name: 'page', prepare: () => Promise.resolve() };
const bare: Subject = {
  name: 'bare',
  prepare: async ({ context }) => {
    const body = await readFile(join(ROOT, 'bench/floor/page.html'), 'utf8');
    // At the address of the page, so that it may do the same.
    await context.route(/^http:\/\/127\.0\.0\.1:\d+\/(#.*)?$/, (route) =>
      route.fulfill({ contentType: 'text/html', body }),
    );
  },
};

const world = new World();
const browser = await startBrowser();
try {
  const { alice: ann, bob: ben } = await linkedPair(world);
  for (let n = 0; n < OTHERS; n += 1) await importLines(ann, peerIdOf(`peer ${n}`), `Peer ${n}`, 3);
  await importLines(ann, ben.peerId, 'Bob', MESSAGES);
  const figures = {
    page: await measure(browser, ann, ben, product),
    bare: await measure(browser, ann, ben, bare),
  };
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ messages: MESSAGES, scrolled: SCROLLED, figures }));
  } else {
    const count = (n: number): string => n.toLocaleString('en');
    const times = ({ p50, p95, max }: Spread): string =>
      [p50, p95, max].map((ms) => ms.toFixed(0)).join(' / ');
    const { page, bare: floor } = figures;
    const rows: [string, (one: typeof page) => string][] = [
      ['link to list, ms: p50 / p95 / max', (one) => times(one.start)],
      ['arrival to paint, ms, alone', (one) => times(one.lone)],
      [`the same in a burst of ${count(BURST)}`, (one) => times(one.burst)],
      [`key to paint, ms, ${count(LOADED)} loaded`, (one) => times(one.key)],
      ['longest task over 50 ms meanwhile', (one) => one.longestTask.toFixed(0)],
      [`heap after ${count(LOADED)}, MB`, (one) => one.before.heapMb.toFixed(1)],
      [`heap after ${count(SCROLLED)}, MB`, (one) => one.after.heapMb.toFixed(1)],
      [`nodes after ${count(LOADED)}`, (one) => count(one.before.nodes)],
      [`nodes after ${count(SCROLLED)}`, (one) => count(one.after.nodes)],
      ['seconds of scrolling between', (one) => one.seconds.toFixed(0)],
      ['most that anything jumped, px', (one) => one.jump.toFixed(0)],
    ];
    console.log(
      `A conversation of ${count(MESSAGES)} messages`.padEnd(44),
      'the page'.padStart(18),
      'bare'.padStart(18),
    );
    for (const [what, of] of rows)
      console.log(what.padEnd(44), of(page).padStart(18), of(floor).padStart(18));
  }
} finally {
  await browser.close();
  await world.close();
}
