import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { errorCode, errorMessage, P2pChatError, PAGE_PORT } from '@p2p-chat/shared';
import type { PageStore } from '../core/ports/page.store.js';
import { ControlApiError } from './problem.js';

/** What `make build` makes of web/. */
export const PAGE_FOLDER = fileURLToPath(new URL('../../../web/dist', import.meta.url));
/** Ports that are tried for a profile which has none yet. */
const PORTS_TRIED = 100;
/** Connections of all browsers: a page that opens more without end takes none from the console. */
const MAX_CONNECTIONS = 256;

/** What the page may load and do: nothing but what this node serves. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "media-src 'self' blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** On every answer of the page's port. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** The port at which browsers find the page; the same application answers there as on the control port. */
export class PageServer {
  #server: Server | null = null;
  #handle: RequestListener | null = null;
  #timeouts: { headersTimeout: number; connectionsCheckingInterval: number } | null = null;

  /** @param set the port that was set; null where the profile has its own */
  constructor(
    private readonly store: PageStore,
    private readonly set: number | null,
  ) {}

  /**
   * Begins to listen. A port that is taken by something else is left to
   * {@link link}, unless it was set: a node is of use without its page.
   * @param handle the application
   * @throws {P2pChatError} `page-port-taken`, where it was set
   */
  async start(
    handle: RequestListener,
    timeouts: { headersTimeout: number; connectionsCheckingInterval: number },
  ): Promise<void> {
    this.#handle = handle;
    this.#timeouts = timeouts;
    try {
      await this.#listen();
    } catch (error) {
      if (this.set !== null || errorCode(error) !== 'page-port-taken') throw error;
    }
  }

  /** Where it listens; null where it does not. */
  get port(): number | null {
    return (this.#server?.address() as AddressInfo | null | undefined)?.port ?? null;
  }

  /** The one origin of the page, as links have it. @throws {P2pChatError} where it cannot listen */
  async origin(): Promise<string> {
    if (!existsSync(PAGE_FOLDER)) {
      throw new ControlApiError(503, 'page-not-built', 'The page was not built.', {
        hint: 'Build it: make build',
      });
    }
    if (this.port === null) await this.#listen();
    return `http://127.0.0.1:${this.port}`;
  }

  /** Whether a request came in at the page's port. */
  serves({ socket }: Pick<IncomingMessage, 'socket'>): boolean {
    return this.port !== null && socket.localPort === this.port;
  }

  /** Whether a request names the page's own address, and no other origin. */
  isOwn(host: string | undefined, origin: string | undefined): { host: boolean; origin: boolean } {
    const names = [`127.0.0.1:${this.port}`, `localhost:${this.port}`];
    return {
      host: names.includes(host ?? ''),
      origin: origin === undefined || names.some((name) => origin === `http://${name}`),
    };
  }

  /** Takes no more connections. Resolves when the last one has ended. */
  close(graceMs: number): Promise<void> {
    const server = this.#server;
    if (server === null) return Promise.resolve();
    this.#server = null;
    const late = setTimeout(() => server.closeAllConnections(), graceMs);
    return new Promise((resolve) => {
      server.close(() => {
        clearTimeout(late);
        resolve();
      });
      server.closeIdleConnections();
    });
  }

  async #listen(): Promise<void> {
    const kept = this.set ?? this.store.record.port;
    if (kept !== null) {
      if (await this.#listenOn(kept)) return this.#keep();
      throw new ControlApiError(409, 'page-port-taken', `Port ${kept} of the page is taken.`, {
        hint: 'End what listens there, or choose another port with P2P_CHAT_WEB_PORT; browsers have to be let in anew then.',
      });
    }
    const others = await this.store.portsOfOthers();
    for (let port = PAGE_PORT; port < PAGE_PORT + PORTS_TRIED; port++) {
      if (!others.has(port) && (await this.#listenOn(port))) return this.#keep();
    }
    await this.#listenOn(0);
    return this.#keep();
  }

  /** @returns whether the port was free */
  async #listenOn(port: number): Promise<boolean> {
    const handle = this.#handle;
    if (handle === null) throw new TypeError('The application is not there yet.');
    const server = createServer({ ...this.#timeouts }, handle);
    server.maxConnections = MAX_CONNECTIONS;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, '127.0.0.1', resolve);
      });
    } catch (error) {
      if (errorCode(error) === 'EADDRINUSE') return false;
      throw new P2pChatError('page-port-refused', `The page cannot listen: ${errorMessage(error)}.`, {
        hint: 'Choose another port with P2P_CHAT_WEB_PORT.',
        cause: error,
      });
    }
    this.#server = server;
    return true;
  }

  // Where that cannot be stored, the next start looks for a port again.
  async #keep(): Promise<void> {
    const { port } = this;
    const { record } = this.store;
    if (this.set !== null || record.port === port) return;
    await this.store.save({ ...record, port }).catch(() => undefined);
  }
}
