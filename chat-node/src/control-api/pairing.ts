import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Clock } from '@p2p-chat/shared';
import type { PageStore, PairedBrowser } from '../core/ports/page.store.js';
import { ControlApiError } from './problem.js';

/** How long a link lets a browser in, in milliseconds: from the terminal to the browser, and no longer. */
export const CODE_LIFETIME_MS = 60_000;
/** Wrong codes in a row, after which no code is taken for a while: nobody guesses 128 bits, but nobody shall try. */
export const MAX_WRONG_CODES = 5;
/** How long no code is taken then, in milliseconds. */
export const LOCK_MS = 60_000;
/** Browsers at once: more than a person has; what is not used any more can be revoked. */
export const MAX_BROWSERS = 64;
/** How long a link to a download is good, in milliseconds: the page follows it at once. */
export const LINK_LIFETIME_MS = 60_000;
/** Codes that wait at once: who asks for more has the oldest ones forgotten. */
const MAX_CODES = 16;
const CODE_BYTES = 16;
const TOKEN_BYTES = 32;
const ID_BYTES = 5;
/** When a browser was there is stored at most this often, in milliseconds. */
const SEEN_INTERVAL_MS = 24 * 60 * 60_000;

/** A code that lets one browser in. */
export interface PairingCode {
  code: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

export interface PairingParts {
  store: PageStore;
  clock: Clock;
  randomBytes: (count: number) => Buffer;
}

/**
 * Which browsers may use the page. One is let in by a code from the terminal,
 * once; from then on it has a token of its own, of which only the hash is here.
 */
export class Pairing {
  /** When each code ends, by the monotonic clock; by the code's hash. */
  readonly #codes = new Map<string, number>();
  /** Links to downloads that were not followed yet, by their hash. */
  readonly #links = new Map<string, { browser: string; end: number }>();
  /** Connections by the browser that uses them: they end with its right to them. */
  readonly #sockets = new Map<string, Set<Socket>>();
  #wrong = 0;
  #lockedUntil = -Infinity;

  constructor(private readonly parts: PairingParts) {}

  /** Makes a code. */
  issue(): PairingCode {
    const { clock, randomBytes } = this.parts;
    this.#forgetCodes();
    const code = randomBytes(CODE_BYTES).toString('base64url');
    this.#codes.set(hash(code), clock.monotonic() + CODE_LIFETIME_MS);
    return { code, expiresAt: clock.now() + CODE_LIFETIME_MS };
  }

  /**
   * Exchanges a code for the token of a browser.
   * @param name what the browser calls itself
   * @throws {ControlApiError} 429 `pairing-locked`, 401 `code-wrong`, 409 `browsers-too-many`
   * @throws {StorageError} where the browser cannot be stored: the code is used up all the same
   */
  async exchange(code: string, name: string): Promise<{ id: string; token: string }> {
    const { store, clock, randomBytes } = this.parts;
    const now = clock.monotonic();
    if (now < this.#lockedUntil) {
      const seconds = Math.ceil((this.#lockedUntil - now) / 1000);
      throw new ControlApiError(429, 'pairing-locked', 'Too many wrong codes were tried.', {
        hint: `Wait ${seconds} seconds, then ask for a new link: p2p-chat web`,
      });
    }
    this.#forgetCodes();
    if (!this.#codes.delete(hash(code))) throw this.#refused(now);
    this.#wrong = 0;
    const { record } = store;
    if (record.browsers.length >= MAX_BROWSERS) {
      throw new ControlApiError(409, 'browsers-too-many', `${MAX_BROWSERS} browsers may use this page.`, {
        hint: 'Take the right from one: p2p-chat web --list, p2p-chat web --revoke ID.',
      });
    }
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const id = randomBytes(ID_BYTES).toString('hex');
    const wall = clock.now();
    const browser: PairedBrowser = { id, name, tokenHash: hash(token), pairedAt: wall, seenAt: wall };
    await store.save({ ...record, browsers: [...record.browsers, browser] });
    return { id, token };
  }

  /**
   * Whose token it is, over a connection that ends when the browser is revoked.
   * @returns the browser's id; null where the token is nobody's
   */
  authenticate(token: string, socket: Socket): string | null {
    const tokenHash = hash(token);
    const browser = this.parts.store.record.browsers.find((one) => one.tokenHash === tokenHash);
    if (browser === undefined) return null;
    this.#follow(browser.id, socket);
    this.#saw(browser);
    return browser.id;
  }

  /**
   * Makes a link to something for the browser of a connection: what is saved as it comes is asked for without a header.
   * @throws {ControlApiError} 401 `browser-refused` where it is no browser's
   */
  linkTo(path: string, socket: Socket): string {
    const { clock, randomBytes } = this.parts;
    const browser = [...this.#sockets].find(([, sockets]) => sockets.has(socket))?.[0];
    if (browser === undefined) {
      throw new ControlApiError(401, 'browser-refused', 'Links are for browsers that use the page.');
    }
    const now = clock.monotonic();
    for (const [link, { end }] of this.#links) {
      if (now >= end || this.#links.size >= MAX_CODES) this.#links.delete(link);
    }
    const link = `${path}?code=${randomBytes(CODE_BYTES).toString('base64url')}`;
    this.#links.set(hash(link), { browser, end: now + LINK_LIFETIME_MS });
    return link;
  }

  /** Whether it is a link that was made here, over a connection that ends when its browser is revoked. */
  follows(link: string, socket: Socket): boolean {
    const known = this.#links.get(hash(link));
    this.#links.delete(hash(link));
    if (known === undefined || this.parts.clock.monotonic() >= known.end) return false;
    if (!this.browsers.some(({ id }) => id === known.browser)) return false;
    this.#follow(known.browser, socket);
    return true;
  }

  /** The browsers that may use the page, the one that was let in first at the beginning. */
  get browsers(): readonly PairedBrowser[] {
    return this.parts.store.record.browsers;
  }

  /**
   * Takes the right from a browser, or from all, and ends their connections.
   * @throws {ControlApiError} 404 `browser-unknown`
   * @throws {StorageError}
   */
  async revoke(id?: string): Promise<void> {
    const { store } = this.parts;
    const isMeant = (one: PairedBrowser): boolean => id === undefined || one.id === id;
    const revoked = this.browsers.filter(isMeant);
    if (id !== undefined && revoked.length === 0) {
      throw new ControlApiError(404, 'browser-unknown', 'No such browser may use the page.', {
        hint: 'See which ones may: p2p-chat web --list',
      });
    }
    await store.save({ ...store.record, browsers: this.browsers.filter((one) => !isMeant(one)) });
    for (const one of revoked) for (const socket of this.#sockets.get(one.id) ?? []) socket.destroy();
  }

  #refused(now: number): ControlApiError {
    this.#wrong += 1;
    if (this.#wrong >= MAX_WRONG_CODES) {
      this.#wrong = 0;
      this.#lockedUntil = now + LOCK_MS;
    }
    return new ControlApiError(401, 'code-wrong', 'This link was used before, or it is too old.', {
      hint: 'Ask for a new one: p2p-chat web',
    });
  }

  #forgetCodes(): void {
    const now = this.parts.clock.monotonic();
    for (const [code, end] of this.#codes) {
      if (now >= end || this.#codes.size >= MAX_CODES) this.#codes.delete(code);
    }
  }

  #follow(id: string, socket: Socket): void {
    const sockets = this.#sockets.get(id) ?? new Set();
    this.#sockets.set(id, sockets);
    if (sockets.has(socket)) return;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  }

  #saw(browser: PairedBrowser): void {
    const { store, clock } = this.parts;
    const now = clock.now();
    if (Math.abs(now - browser.seenAt) < SEEN_INTERVAL_MS) return;
    const browsers = this.browsers.map((one) => (one.id === browser.id ? { ...one, seenAt: now } : one));
    // Told to people only: a disk that takes nothing is seen elsewhere.
    store.save({ ...store.record, browsers }).catch(() => undefined);
  }
}

function hash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
