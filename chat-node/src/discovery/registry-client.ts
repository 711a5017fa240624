import {
  DISCOVERY_REQUEST_TIMEOUT_MS,
  MAX_DISCOVERY_LIST_BYTES,
  MAX_DISCOVERY_WAIT_MS,
  type ProblemDetails,
  RENEW_AFTER_HEADER,
  RENEW_INTERVAL_MS,
  safeLine,
  type SignedEntry,
  type Withdrawal,
} from '@p2p-chat/shared';
import { Agent, type Dispatcher, request } from 'undici';
import { RegistryFailure, unreachable } from './registry-failure.js';

export interface RegistryAnswer {
  /** The list; nothing in it was checked. */
  entries: unknown[];
  /** When the service would like the next renewal, in milliseconds. */
  renewAfterMs: number;
}

/** The HTTP side of one discovery service. Redirects are not followed: they could lead anywhere. */
export class RegistryClient {
  readonly #base: URL;
  readonly #agent = new Agent({
    connections: 1,
    connect: { timeout: DISCOVERY_REQUEST_TIMEOUT_MS },
    maxResponseSize: MAX_DISCOVERY_LIST_BYTES,
  });

  /** @param url of the service; its path may be a prefix */
  constructor(url: string) {
    this.#base = new URL(url.endsWith('/') ? url : `${url}/`);
  }

  get url(): URL {
    return this.#base;
  }

  /**
   * Registers or renews.
   * @throws {RegistryFailure}
   */
  async register(entry: SignedEntry, signal: AbortSignal): Promise<RegistryAnswer> {
    const { status, headers, text } = await this.#send('PUT', '', entry, signal);
    if (status !== 200) throw refused(this.#base, status, headers, text);
    const renewAfter = Number(headers[RENEW_AFTER_HEADER]);
    return {
      entries: readList(this.#base, text),
      renewAfterMs: renewAfter > 0 ? Math.min(renewAfter * 1_000, MAX_DISCOVERY_WAIT_MS) : RENEW_INTERVAL_MS,
    };
  }

  /**
   * Takes the announcement back.
   * @throws {RegistryFailure}
   */
  async withdraw(peerId: string, withdrawal: Withdrawal, signal: AbortSignal): Promise<void> {
    const { status, headers, text } = await this.#send('DELETE', `peers/${peerId}`, withdrawal, signal);
    // Where it is not listed, there is nothing to take back.
    if (status !== 204 && status !== 404) throw refused(this.#base, status, headers, text);
  }

  /** Closes the connection. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #send(
    method: 'PUT' | 'DELETE',
    path: string,
    body: object,
    signal: AbortSignal,
  ): Promise<{ status: number; headers: Dispatcher.ResponseData['headers']; text: string }> {
    try {
      const response = await request(new URL(path, this.#base), {
        dispatcher: this.#agent,
        method,
        headers: { 'content-type': 'application/json', accept: 'application/json, application/problem+json' },
        body: JSON.stringify(body),
        signal: AbortSignal.any([signal, AbortSignal.timeout(DISCOVERY_REQUEST_TIMEOUT_MS)]),
      });
      return { status: response.statusCode, headers: response.headers, text: await response.body.text() };
    } catch (error) {
      throw unreachable(this.#base, error);
    }
  }
}

function readList({ origin }: URL, text: string): unknown[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    list = undefined;
  }
  if (Array.isArray(list)) return list as unknown[];
  throw new RegistryFailure(
    'registry-nonsense',
    `${origin} answered, but not with a list: is it a discovery service?`,
  );
}

function refused(
  { origin }: URL,
  status: number,
  headers: Dispatcher.ResponseData['headers'],
  text: string,
): RegistryFailure {
  const problem = readProblem(text);
  const reason = problem?.detail ?? 'is it a discovery service?';
  const retryAfter = Number(headers['retry-after']);
  return new RegistryFailure(
    'registry-refused',
    `${origin} answered ${status}: ${safeLine(reason).slice(0, 200)}`,
    {
      problem: problem ?? {},
      retryAfterMs: retryAfter > 0 ? Math.min(retryAfter * 1_000, MAX_DISCOVERY_WAIT_MS) : 0,
    },
  );
}

// Foreign: only fields of the right type are taken.
function readProblem(text: string): Partial<ProblemDetails> | null {
  try {
    const { code, detail, seq, now } = JSON.parse(text) as Record<string, unknown>;
    return {
      ...(typeof code === 'string' ? { code } : {}),
      ...(typeof detail === 'string' ? { detail } : {}),
      ...(Number.isSafeInteger(seq) ? { seq: seq as number } : {}),
      ...(Number.isSafeInteger(now) ? { now: now as number } : {}),
    };
  } catch {
    return null;
  }
}
