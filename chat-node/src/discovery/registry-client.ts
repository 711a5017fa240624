import type { IncomingHttpHeaders } from 'node:http';
import {
  CLOCK_LIMIT,
  clockMs,
  CURSOR_HEADER,
  EVENT_SILENCE_MS,
  MAX_DISCOVERY_LIST_BYTES,
  MAX_DISCOVERY_WAIT_MS,
  type ProblemDetails,
  REGISTRY_ID_HEADER,
  RENEW_AFTER_HEADER,
  RENEW_INTERVAL_MS,
  safeLine,
  type SignedEntry,
  type Withdrawal,
} from '@p2p-chat/shared';
import { type ListChanges, readChanges, readEvents, type RegistryEvent } from './registry-events.js';
import { RegistryFailure, unreachable } from './registry-failure.js';
import { RegistryHttp, type RegistryResponse } from './registry-http.js';

export interface RegistryQuestion {
  /** Whether the list is not wanted. */
  minimal?: boolean;
  /** Where the list stood that is known; then what changed since is enough. */
  since?: string | null;
}

export interface RegistryAnswer {
  /** What became of the list; null where it was not wanted. Nothing in it was checked. */
  changes: ListChanges | null;
  /** Which list it is; null where the service does not say. */
  registryId: string | null;
  /** When the service would like the next renewal, in milliseconds. */
  renewAfterMs: number;
}

/** The HTTP side of one discovery service. Redirects are not followed: they could lead anywhere. */
export class RegistryClient {
  readonly #base: URL;
  readonly #http: RegistryHttp;
  // A stream has a connection of its own for as long as it lasts.
  readonly #streams: RegistryHttp;

  /** @param url of the service; its path may be a prefix */
  constructor(url: string) {
    this.#base = new URL(url.endsWith('/') ? url : `${url}/`);
    this.#http = new RegistryHttp(this.#base.protocol);
    this.#streams = new RegistryHttp(this.#base.protocol);
  }

  get url(): URL {
    return this.#base;
  }

  /**
   * Registers or renews.
   * @throws {RegistryFailure}
   */
  async register(
    entry: SignedEntry,
    signal: AbortSignal,
    { minimal = false, since = null }: RegistryQuestion = {},
  ): Promise<RegistryAnswer> {
    const query = since === null || minimal ? '' : `?since=${encodeURIComponent(since)}`;
    const prefer: Record<string, string> = minimal ? { prefer: 'return=minimal' } : {};
    const { status, headers, text } = await this.#send('PUT', query, entry, signal, prefer);
    if (status !== 200 && status !== 204) throw refused(this.#base, status, headers, text);
    const renewAfter = Number(headers[RENEW_AFTER_HEADER]);
    const id = headers[REGISTRY_ID_HEADER];
    return {
      registryId: typeof id === 'string' ? id : null,
      changes: status === 204 ? null : readAnswer(this.#base, text, headers[CURSOR_HEADER]),
      renewAfterMs: renewAfter > 0 ? Math.min(renewAfter * 1_000, MAX_DISCOVERY_WAIT_MS) : RENEW_INTERVAL_MS,
    };
  }

  /**
   * What becomes of the list after a cursor, as it happens. The first one is
   * `open`; the sequence ends where the service ends it.
   * @throws {RegistryFailure} also where the service is silent for too long
   */
  async *events(cursor: string, signal: AbortSignal): AsyncGenerator<RegistryEvent, void, undefined> {
    try {
      const headers = { accept: 'text/event-stream', 'last-event-id': cursor };
      const answer = await this.#streams.open(
        new URL('events', this.#base),
        { headers, signal },
        EVENT_SILENCE_MS,
      );
      const { statusCode = 0 } = answer;
      const type = String(answer.headers['content-type']);
      if (statusCode !== 200 || !type.startsWith('text/event-stream')) {
        answer.on('error', () => undefined).destroy();
        throw refused(this.#base, statusCode, answer.headers, '');
      }
      yield { type: 'open' };
      yield* readEvents(answer);
    } catch (error) {
      throw error instanceof RegistryFailure ? error : unreachable(this.#base, error);
    }
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
  close(): void {
    this.#http.close();
    this.#streams.close();
  }

  async #send(
    method: 'PUT' | 'DELETE',
    path: string,
    body: object,
    signal: AbortSignal,
    more: Record<string, string> = {},
  ): Promise<RegistryResponse> {
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, application/problem+json',
      ...more,
    };
    const request = { method, headers, body: JSON.stringify(body), signal };
    try {
      return await this.#http.ask(new URL(path, this.#base), request, MAX_DISCOVERY_LIST_BYTES);
    } catch (error) {
      throw unreachable(this.#base, error);
    }
  }
}

function readAnswer({ origin }: URL, text: string, cursor: string | string[] | undefined): ListChanges {
  const changes = readChanges(text, typeof cursor === 'string' ? cursor : null);
  if (changes !== null) return changes;
  throw new RegistryFailure(
    'registry-nonsense',
    `${origin} answered, but not with a list: is it a discovery service?`,
  );
}

function refused(
  { origin }: URL,
  status: number,
  headers: IncomingHttpHeaders,
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

/** Whether an announcement may expire after it. */
function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < clockMs(CLOCK_LIMIT);
}

// Foreign: only fields of the right type are taken.
function readProblem(text: string): Partial<ProblemDetails> | null {
  try {
    const { code, detail, seq, now } = JSON.parse(text) as Record<string, unknown>;
    return {
      ...(typeof code === 'string' ? { code } : {}),
      ...(typeof detail === 'string' ? { detail } : {}),
      ...(Number.isSafeInteger(seq) ? { seq: seq as number } : {}),
      ...(isTime(now) ? { now } : {}),
    };
  } catch {
    return null;
  }
}
