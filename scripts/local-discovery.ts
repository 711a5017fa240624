import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** The command line of the built chat node. */
export const P2P_CHAT = join(ROOT, 'chat-node/bin/p2p-chat.js');

const DISCOVERY_MAIN = join(ROOT, 'discovery-service/dist/main.js');
/** Preload of a service that shall end with its stdin. */
export const END_WITH_STDIN = join(ROOT, 'scripts/end-with-stdin.ts');
/** Default of DISCOVERY_URLS. */
const DEFAULT_URLS = 'http://127.0.0.1:7777';
/** Between two looks at the service, and between two starts, in milliseconds: others hardly notice that it was away. */
const LOOK_INTERVAL_MS = 2_000;
/** How long the service has to start, in milliseconds. */
const START_TIMEOUT_MS = 10_000;
const START_POLL_MS = 50;
/** How long one question may take, in milliseconds. */
const PROBE_TIMEOUT_MS = 1_000;

type Answer = 'discovery' | 'other' | 'nobody';

/**
 * The discovery service of this machine, for as long as somebody here chats:
 * every console that was started by `make` looks whether it answers, and
 * starts it where it does not. It ends with the one that started it; then
 * another one starts it anew, and the nodes renew their leases there.
 */
export class LocalDiscovery {
  /** Where it should answer. */
  readonly url: URL;
  readonly #logFile: string;
  #service: ChildProcess | undefined;
  #startedAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  /** @param logFile what the service says goes there */
  constructor(url: URL, logFile: string) {
    this.url = url;
    this.#logFile = logFile;
  }

  /**
   * The one that the settings ask for: the first URL of DISCOVERY_URLS that is
   * on this machine; undefined where there is none.
   */
  static fromSettings(env: NodeJS.ProcessEnv): LocalDiscovery | undefined {
    const urls = (env['DISCOVERY_URLS'] ?? DEFAULT_URLS).split(',').map((text) => text.trim());
    for (const text of urls) {
      const url = URL.parse(text);
      if (url?.protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)) {
        return new LocalDiscovery(url, join(ROOT, '.run/discovery.log'));
      }
    }
    return undefined;
  }

  /**
   * Resolves when the service answers, and watches over it from then on.
   * @returns what is wrong, for a person; undefined where all is well
   */
  async keep(): Promise<string | undefined> {
    const deadline = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      const answer = await this.#probe();
      if (answer === 'other')
        return `${this.url.origin} is taken by another program; set DISCOVERY_URLS to a free port.`;
      if (answer === 'discovery') break;
      if (performance.now() > deadline) return `The discovery service did not start; see ${this.#logFile}`;
      this.#start();
      await new Promise((resolve) => setTimeout(resolve, START_POLL_MS));
    }
    this.#timer = setInterval(() => void this.#look(), LOOK_INTERVAL_MS);
    this.#timer.unref();
    return undefined;
  }

  /** Stops watching, and the service where it was started here. */
  stop(): void {
    clearInterval(this.#timer);
    this.#service?.stdin?.end();
  }

  async #look(): Promise<void> {
    if ((await this.#probe()) === 'nobody') this.#start();
  }

  async #probe(): Promise<Answer> {
    try {
      const response = await fetch(new URL('/health', this.url), {
        signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
      });
      const health: unknown = await response.json();
      return typeof health === 'object' && health !== null && 'peers' in health ? 'discovery' : 'other';
    } catch (error) {
      return error instanceof SyntaxError ? 'other' : 'nobody';
    }
  }

  // Where two start it at once, one finds the port taken and ends; its starter
  // sees the other one at the next look.
  #start(): void {
    const now = performance.now();
    if (this.#service !== undefined || now - this.#startedAt < LOOK_INTERVAL_MS) return;
    this.#startedAt = now;
    mkdirSync(dirname(this.#logFile), { recursive: true });
    const log = openSync(this.#logFile, 'a');
    const service = spawn(process.execPath, ['--import', END_WITH_STDIN, DISCOVERY_MAIN], {
      // A session of its own: Ctrl-C is meant for the console alone.
      detached: true,
      stdio: ['pipe', log, log],
      env: { ...process.env, DISCOVERY_PORT: this.url.port === '' ? '80' : this.url.port },
    });
    closeSync(log);
    service.stdin?.on('error', () => undefined);
    const forget = (): void => {
      if (this.#service === service) this.#service = undefined;
    };
    service.once('error', forget).once('exit', forget);
    service.unref();
    this.#service = service;
  }
}
