import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type { PageLinkView } from '@p2p-chat/shared';
import type { RunningDaemon } from './processes.ts';

/** Debian's Chromium, or the one that CHROMIUM names. */
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** What the field is called in which messages are written. */
export const MESSAGE = 'Write a message';
/** How long a step in the page may take, in milliseconds: generous, for a loaded machine. */
const STEP_TIMEOUT_MS = 20_000;

/** Starts a browser. @param args more of its own */
export function startBrowser(...args: string[]): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb', ...args],
  });
}

export interface PageOptions {
  width?: number;
  height?: number;
  colorScheme?: 'light' | 'dark';
  locale?: string;
}

/** A browser of its own, which knows no other one's storage, and what went wrong in it. */
export class PageUnderTest {
  /** Errors of scripts, refused loads, breaches of the policy. */
  readonly faults: string[] = [];
  /** Every address that was asked for. */
  readonly requests: string[] = [];

  readonly context: BrowserContext;
  readonly page: Page;

  private constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
    page.on('pageerror', (error) => this.faults.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') this.faults.push(message.text());
    });
    context.on('request', (request) => this.requests.push(request.url()));
  }

  static async open(browser: Browser, options: PageOptions = {}): Promise<PageUnderTest> {
    const { width = 1440, height = 900, colorScheme = 'light', locale = 'en-GB' } = options;
    const context = await browser.newContext({ viewport: { width, height }, colorScheme, locale });
    context.setDefaultTimeout(STEP_TIMEOUT_MS);
    return new PageUnderTest(context, await context.newPage());
  }

  /** Lets this browser in, by a link as the terminal gives it. */
  async enter(daemon: RunningDaemon): Promise<this> {
    await this.page.goto((await linkOf(daemon)).url);
    await this.page.getByRole('navigation').waitFor();
    return this;
  }

  /** Opens a conversation of the list, by how its row begins. */
  async openConversation(name: string | RegExp): Promise<this> {
    await this.page.getByRole('link', { name }).first().click();
    await this.page.locator('.conversation').waitFor();
    return this;
  }

  /** What axe finds wrong with what is shown, in short. */
  async axe(): Promise<string[]> {
    // Past the policy of the page, which lets no script of others in.
    const session = await this.context.newCDPSession(this.page);
    await session.send('Runtime.evaluate', { expression: AXE });
    const { result } = await session.send('Runtime.evaluate', {
      expression: `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => JSON.stringify(
        violations.map(({ id, nodes }) => id + ': ' + nodes.map((node) => node.target.join(' ') + ' ' + (node.any[0]?.message ?? '')).join(' | '))))`,
      awaitPromise: true,
    });
    await session.detach();
    return JSON.parse(String(result.value)) as string[];
  }

  async picture(path: string): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    await this.page.screenshot({ path });
  }

  close(): Promise<void> {
    return this.context.close();
  }
}

/** The browser of a test file, and the pages that each test opens in it. */
export class Pages {
  readonly #browser: Browser;
  readonly #opened: PageUnderTest[] = [];

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async start(): Promise<Pages> {
    return new Pages(await startBrowser());
  }

  async open(options: PageOptions = {}): Promise<PageUnderTest> {
    const opened = await PageUnderTest.open(this.#browser, options);
    this.#opened.push(opened);
    return opened;
  }

  /** Closes what was opened: after each test. */
  async clear(): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((one) => one.close()));
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}

/** A link that lets a browser in, from the command. */
export async function linkOf(daemon: RunningDaemon): Promise<PageLinkView> {
  const [link] = await daemon.json<PageLinkView>(['web', '--no-open']);
  if (link === undefined) throw new Error('the command printed no link');
  return link;
}
