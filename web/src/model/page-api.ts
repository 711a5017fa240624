import {
  CONTROL_ROUTES,
  type FileLinkView,
  MAX_BROWSER_NAME_CHARACTERS,
  type PairResult,
  type SentFilesView,
} from '@p2p-chat/shared/control';
import { ConnectionError, ControlApi } from '@p2p-chat/shared/client';
import type { ProblemDetails } from '@p2p-chat/shared/errors';
import { BrowserClock } from './browser-clock.ts';
import type { Offering } from './offering.ts';

/** The control API as the page reaches it: at its own origin, with the token of this browser. */
export class PageApi extends ControlApi {
  /**
   * @param token of this browser
   * @param onRefused called when it is good no longer
   */
  constructor(
    token: string,
    private readonly onRefused: () => void,
  ) {
    super({
      clock: new BrowserClock(),
      locate: () => Promise.resolve({ baseUrl: '', token }),
      notRunning: (cause) => new ConnectionError('node-not-running', 'The node has gone away.', { cause }),
    });
  }

  /** Offers a file or a folder of this browser's machine; the node reads it as it comes. */
  async upload(conversation: string, { name, bytes, isFolder }: Offering): Promise<SentFilesView> {
    const query = new URLSearchParams({ name, ...(isFolder ? { folder: 'true' } : {}) });
    const path = `${CONTROL_ROUTES.conversationFiles(conversation)}?${query}`;
    const answer = await this.#withToken(path, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: bytes,
    });
    return (await answer.json()) as SentFilesView;
  }

  /** Where the browser can save a file from, once: as it comes, without the token. */
  async fileLink(id: string): Promise<FileLinkView> {
    return (await (
      await this.#withToken(CONTROL_ROUTES.fileLink(id), { method: 'POST' })
    ).json()) as FileLinkView;
  }

  /** The bytes of a file that is here. */
  async fileContent(id: string): Promise<Blob> {
    return (await this.#withToken(CONTROL_ROUTES.fileContent(id), {})).blob();
  }

  async #withToken(path: string, init: RequestInit): Promise<Response> {
    const { token } = await this.parts.locate();
    let answer: Response;
    try {
      answer = await fetch(path, {
        ...init,
        headers: { ...init.headers, authorization: `Bearer ${token}` },
        cache: 'no-store',
      });
    } catch (error) {
      throw this.translated(error, undefined);
    }
    if (answer.ok) return answer;
    throw this.refusal(answer.status, answer.headers.get('content-type') ?? '', await answer.text());
  }

  protected override refusal(status: number, contentType: string, body: string): Error {
    if (status === 401) this.onRefused();
    return super.refusal(status, contentType, body);
  }

  // A browser says no more of a connection that failed.
  protected override translated(error: unknown, signal: AbortSignal | undefined): unknown {
    return error instanceof TypeError && signal?.aborted !== true
      ? this.parts.notRunning(error)
      : super.translated(error, signal);
  }
}

/**
 * Exchanges the code of a link for a token.
 * @throws {Error} with what the node said
 */
export async function pair(code: string): Promise<PairResult> {
  const answer = await fetch(CONTROL_ROUTES.pair, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code, name: browserName(navigator.userAgent) }),
    cache: 'no-store',
  });
  if (answer.ok) return (await answer.json()) as PairResult;
  const { detail, hint } = (await answer.json()) as ProblemDetails;
  throw new Error([detail, hint].join(' '));
}

/** What a browser calls itself: `Firefox on Linux`. */
export function browserName(userAgent: string): string {
  const has = (...names: string[]): string | undefined => names.find((name) => userAgent.includes(name));
  const browser =
    { Edg: 'Edge', OPR: 'Opera' }[has('Edg', 'OPR') ?? ''] ?? has('Firefox', 'Chrome', 'Safari');
  const system = has('Android', 'iPhone', 'iPad', 'Windows', 'Mac', 'Linux');
  return `${browser ?? 'Browser'}${system === undefined ? '' : ` on ${system}`}`.slice(
    0,
    MAX_BROWSER_NAME_CHARACTERS,
  );
}
