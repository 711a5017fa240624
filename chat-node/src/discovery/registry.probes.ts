import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import {
  type Clock,
  DISCOVERY_REQUEST_TIMEOUT_MS,
  errorCode,
  P2pChatError,
  safeLine,
} from '@p2p-chat/shared';
import { NotTried, type Probe, Probes } from '../core/ports/probe.js';
import { tryConnect } from '../runtime/try-connect.js';
import { isRefusedConnection, NONE_ASKED_FOR, RegistryFailure, unreachable } from './registry-failure.js';
import { RegistryHttp } from './registry-http.js';

/** A discovery service that the node uses. */
export interface ProbedRegistry {
  url: string;
  /** Whether nobody asked for it, so that it need not be there. */
  optional: boolean;
  /** Renews this node's announcement there. @throws {RegistryFailure} */
  announce: (signal: AbortSignal) => Promise<void>;
}

/** What of the answer of a health check counts. */
interface Health {
  /** How far the service's clock is ahead of this machine's, in milliseconds; null where it does not say. */
  aheadMs: number | null;
}

/** Two clocks may differ by so much before a person is told: announcements are forgiven much more. */
const NOTABLE_SKEW_MS = 60_000;
/** What is read of the answer to a health check. */
const MAX_HEALTH_BYTES = 64 * 1024;

/** The way to each discovery service: its name, its port, HTTP, its clock, and whether it takes this node. */
export class RegistryProbes extends Probes {
  constructor(
    private readonly registries: () => readonly ProbedRegistry[],
    private readonly clock: Clock,
  ) {
    super();
  }

  override list(): Probe[] {
    return this.registries().map((registry) => this.#toward(registry));
  }

  #toward(registry: ProbedRegistry): Probe {
    const subject = registry.url;
    const url = new URL(subject.endsWith('/') ? subject : `${subject}/`);
    let health: Health = { aheadMs: null };
    const clock: Probe = { hop: 'registry-clock', subject, run: () => judgeClock(url, health) };
    const announcement: Probe = {
      hop: 'registry-announcement',
      subject,
      run: (signal) => accepted(registry, signal),
    };
    const http: Probe = {
      hop: 'registry-http',
      subject,
      run: async (signal) => {
        health = await this.#ask(url, signal);
        return 'answers as a discovery service';
      },
      next: [clock, announcement],
    };
    const connect: Probe = {
      hop: 'registry-connect',
      subject,
      run: (signal) => connects(url, registry.optional, signal),
      next: [http],
    };
    return { hop: 'registry-name', subject, run: () => resolves(url), next: [connect] };
  }

  async #ask(url: URL, signal: AbortSignal): Promise<Health> {
    const http = new RegistryHttp(url.protocol);
    const request = { headers: { accept: 'application/json' }, signal };
    const asked = this.clock.now();
    try {
      const { status, headers, text } = await http.ask(new URL('health', url), request, MAX_HEALTH_BYTES);
      const here = (asked + this.clock.now()) / 2;
      if (status !== 200 || !isHealth(text)) throw notOurs(url, status);
      const there = timeOf(text, headers['date']);
      return { aheadMs: there === null ? null : there - here };
    } catch (error) {
      if (error instanceof P2pChatError) throw error;
      throw withAdvice(unreachable(url, error));
    } finally {
      http.close();
    }
  }
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function portOf(url: URL): number {
  return Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
}

async function resolves(url: URL): Promise<string> {
  const host = hostOf(url);
  if (isIP(host) !== 0) return 'an address, no name';
  try {
    const found = await lookup(host, { all: true });
    return found.map(({ address }) => address).join(', ');
  } catch (error) {
    throw new P2pChatError(
      'registry-unreachable',
      `The name ${safeLine(host)} of the discovery service is not known (${errorCode(error) ?? 'no code'}).`,
      { hint: 'Correct it in DISCOVERY_URLS, or use the address in its place.', cause: error },
    );
  }
}

async function connects(url: URL, optional: boolean, signal: AbortSignal): Promise<string> {
  try {
    await tryConnect({ host: hostOf(url), port: portOf(url) }, DISCOVERY_REQUEST_TIMEOUT_MS, signal);
    return 'connected';
  } catch (error) {
    if (optional && isRefusedConnection(error)) throw new NotTried(NONE_ASKED_FOR);
    throw notConnected(url, errorCode(error) ?? 'no code', error);
  }
}

function notConnected({ origin }: URL, code: string, cause: unknown): P2pChatError {
  const failed = (message: string, hint: string): P2pChatError =>
    new P2pChatError('registry-unreachable', message, { hint, cause });
  switch (code) {
    case 'ECONNREFUSED':
      return failed(
        `The connection to the discovery service at ${origin} is refused (${code}).`,
        'Start the discovery service there, or correct the port in DISCOVERY_URLS.',
      );
    case 'ETIMEDOUT':
      return failed(
        `The discovery service at ${origin} does not answer (${code}).`,
        'Check that its machine is on, and let its port pass the firewalls in between.',
      );
    default:
      return failed(
        `There is no way to the discovery service at ${origin} (${code}).`,
        'Check that this machine is connected to that network.',
      );
  }
}

function notOurs(url: URL, status: number): P2pChatError {
  return new P2pChatError(
    'registry-nonsense',
    `${url.origin} answers ${new URL('health', url).pathname} with HTTP ${status}, and not as a discovery service does.`,
    { hint: 'Correct the address, the port or the path in DISCOVERY_URLS: another program answers there.' },
  );
}

function judgeClock(url: URL, { aheadMs }: Health): string {
  if (aheadMs === null) throw new NotTried('it does not say what time it has');
  const seconds = Math.round(Math.abs(aheadMs) / 1_000);
  if (Math.abs(aheadMs) <= NOTABLE_SKEW_MS) return `${seconds} s apart`;
  const direction = aheadMs > 0 ? 'ahead of' : 'behind';
  throw new P2pChatError(
    'clock-skewed',
    `The clock of ${url.origin} is ${Math.round(seconds / 60)} min ${direction} this machine's.`,
    { hint: 'Set the one that is wrong, best by NTP: timedatectl set-ntp true' },
  );
}

async function accepted({ announce }: ProbedRegistry, signal: AbortSignal): Promise<string> {
  try {
    await announce(signal);
    return 'takes the signed announcement';
  } catch (error) {
    throw error instanceof RegistryFailure ? withAdvice(error) : error;
  }
}

function withAdvice(error: RegistryFailure): P2pChatError {
  const { code, message, problem, retryAfterMs } = error;
  return new P2pChatError(code, capitalized(message.replace(/[.?]?$/, (end) => end || '.')), {
    hint: adviceOn(problem.code, retryAfterMs),
    cause: error,
  });
}

function adviceOn(problem: string | undefined, retryAfterMs: number): string {
  switch (problem) {
    case 'announcement-expired':
    case 'announcement-too-far-ahead':
      return "Set the clock of this machine, or of the service's, best by NTP: timedatectl set-ntp true";
    case 'announcement-stale':
      return 'A copy of this profile may run elsewhere: stop one of the two.';
    case 'announcement-signature-wrong':
    case 'announcement-key-mismatch':
    case 'announcement-malformed':
      return 'Something in between changes what is sent, or the versions do not fit: update both, and use the address of the service itself.';
    default:
      return retryAfterMs > 0
        ? 'It has too much to do: it is asked again by itself. See its /metrics.'
        : 'See the log of the discovery service, and that DISCOVERY_URLS names the right one.';
  }
}

function capitalized(text: string): string {
  return /^[a-z]+ /.test(text) ? `${text.charAt(0).toUpperCase()}${text.slice(1)}` : text;
}

function isHealth(text: string): boolean {
  return typeof fieldsOf(text)?.['status'] === 'string';
}

// Its own clock, or else that of the HTTP server, which counts whole seconds.
function timeOf(text: string, date: string | string[] | undefined): number | null {
  const now = fieldsOf(text)?.['now'];
  const time = typeof now === 'number' ? now : Date.parse(String(date));
  return Number.isFinite(time) ? time : null;
}

function fieldsOf(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
