import {
  Agent as HttpAgent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { DISCOVERY_REQUEST_TIMEOUT_MS, errorCode } from '@p2p-chat/shared';

export interface RegistryRequest {
  /** GET where nothing is said. */
  method?: 'GET' | 'PUT' | 'DELETE';
  headers: Record<string, string>;
  /** Sent as it is. */
  body?: string;
  signal: AbortSignal;
}

export interface RegistryResponse {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** More came than was asked for. */
export class AnswerTooLargeError extends Error {
  override readonly name = 'AnswerTooLargeError';
}

/**
 * One connection to a discovery service, kept open for as long as the service
 * likes. Redirects are not followed: they could lead anywhere.
 *
 * Every error is the one of the system, of the HTTP parser or of the signal;
 * a `TimeoutError` where nothing was answered in time.
 */
export class RegistryHttp {
  readonly #agent: HttpAgent;
  readonly #request: typeof httpRequest;

  /** @param protocol `http:` or `https:` */
  constructor(protocol: string) {
    const isSecure = protocol === 'https:';
    this.#agent = new (isSecure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: 1 });
    this.#request = isSecure ? httpsRequest : httpRequest;
  }

  /**
   * Asks and reads the whole answer, in {@link DISCOVERY_REQUEST_TIMEOUT_MS}.
   * @param maxBytes what is read of the answer
   * @throws {AnswerTooLargeError} where there is more
   */
  async ask(url: URL, request: RegistryRequest, maxBytes: number): Promise<RegistryResponse> {
    const signal = AbortSignal.any([request.signal, AbortSignal.timeout(DISCOVERY_REQUEST_TIMEOUT_MS)]);
    try {
      const response = await this.#send(url, { ...request, signal });
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of response as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > maxBytes) throw new AnswerTooLargeError(`more than ${maxBytes} bytes`);
        chunks.push(chunk);
      }
      const { statusCode = 0, headers } = response;
      return { status: statusCode, headers, text: Buffer.concat(chunks).toString() };
    } catch (error) {
      throw reasonOf(signal, error);
    }
  }

  /**
   * Asks for an answer that goes on. Its headers are waited for as long as for
   * any answer; then the signal ends it, or a silence.
   * @param silenceMs how long nothing may come before the answer breaks off with a `TimeoutError`
   */
  async open(url: URL, request: RegistryRequest, silenceMs: number): Promise<IncomingMessage> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(timeout()), DISCOVERY_REQUEST_TIMEOUT_MS);
    const signal = AbortSignal.any([request.signal, late.signal]);
    try {
      const response = await this.#send(url, { ...request, signal });
      response.setTimeout(silenceMs, () => response.destroy(timeout()));
      return response;
    } catch (error) {
      throw reasonOf(signal, error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Closes the connection; what is being asked fails. */
  close(): void {
    this.#agent.destroy();
  }

  async #send(url: URL, request: RegistryRequest, isRepeated = false): Promise<IncomingMessage> {
    const { method = 'GET', body, signal } = request;
    // Node counts by itself only for methods that always have a body.
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const headers = { ...request.headers, ...length };
    const options: RequestOptions = { method, headers, signal, agent: this.#agent };
    let outgoing: ClientRequest | undefined;
    try {
      return await new Promise<IncomingMessage>((resolve, reject) => {
        outgoing = this.#request(url, options, (response) => {
          // Whoever reads it is told; nobody does yet.
          response.on('error', () => undefined);
          resolve(response);
        });
        outgoing.on('error', reject).end(body);
      });
    } catch (error) {
      // The service has closed a connection that was idle, at the moment it was used again.
      const wasIdle = outgoing?.reusedSocket === true && errorCode(error) === 'ECONNRESET';
      if (!wasIdle || isRepeated || signal.aborted) throw error;
      return this.#send(url, request, true);
    }
  }
}

function timeout(): DOMException {
  return new DOMException('nothing was answered in time', 'TimeoutError');
}

// Node says only that it was aborted; the signal knows why.
function reasonOf(signal: AbortSignal, error: unknown): unknown {
  return signal.aborted ? signal.reason : error;
}
