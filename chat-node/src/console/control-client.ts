import { request, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  CONTROL_ROUTES,
  errorCode,
  PROBLEM_CONTENT_TYPE,
  SystemClock,
  type Clock,
  type ControlFile,
  type ControlEvent,
  type ConversationView,
  type FoundMessageView,
  type ImportedMessage,
  type ImportResult,
  type DiagnosisLine,
  type DiagnosisRequest,
  type MessageView,
  type PeerView,
  type ProblemDetails,
  type ProfileChange,
  type ProfileView,
  type ReadRequest,
  type ReadResult,
  type SafetyNumberView,
  type SendRequest,
  type SendResult,
  type StatusView,
  type StreamResult,
} from '@p2p-chat/shared';
import { ConnectionError, ControlError, nodeNotRunning } from './control-error.js';
import { readControlFile } from './control-file.js';
import { EventFeed } from './event-feed.js';

/** How long an ordinary request may take, in milliseconds: a slow disk answers, a dead node is noticed. */
const REQUEST_TIMEOUT_MS = 30_000;
/** What of a foreign answer is kept for an error. */
const MAX_PROBLEM_BYTES = 64 * 1024;

export interface HistoryQuery {
  /** At most this many messages. */
  limit?: number;
  /** Only messages before this one. */
  before?: string;
  /** Only messages after this one. */
  after?: string;
}

export interface SearchQuery {
  /** A peer id: only the conversation with this peer. */
  peer?: string | undefined;
  /** Only messages that were saved before this one. */
  before?: string | undefined;
  /** At most this many messages. */
  limit?: number;
}

interface Exchange {
  method?: string;
  headers?: OutgoingHttpHeaders;
  body?: unknown;
  /** Written as it comes, instead of `body`. */
  stream?: AsyncIterable<string | Uint8Array>;
  signal?: AbortSignal | undefined;
}

/**
 * A client of one profile's node. It looks the node up anew for each request,
 * so it goes on by itself when the node was restarted.
 *
 * Every method throws {@link ConnectionError} where the node cannot be
 * reached, {@link ControlError} where it refuses, and the signal's reason
 * where the signal aborts.
 */
export class ControlClient {
  constructor(
    /** The profile's data directory. */
    readonly home: string,
    private readonly clock: Clock = new SystemClock(),
  ) {}

  status(signal?: AbortSignal): Promise<StatusView> {
    return this.json(CONTROL_ROUTES.status, { signal });
  }

  /** @param all everyone known, not only who is online */
  peers(all: boolean, signal?: AbortSignal): Promise<PeerView[]> {
    return this.json(all ? `${CONTROL_ROUTES.peers}?all=true` : CONTROL_ROUTES.peers, { signal });
  }

  /** @param peer a peer id, its short form, or an unambiguous name */
  peer(peer: string, signal?: AbortSignal): Promise<PeerView> {
    return this.json(CONTROL_ROUTES.peer(peer), { signal });
  }

  /** A page of a conversation, oldest first; without a bound, the latest one. */
  history(peer: string, query: HistoryQuery, signal?: AbortSignal): Promise<MessageView[]> {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) search.set(name, String(value));
    return this.json(`${CONTROL_ROUTES.messages(peer)}?${search.toString()}`, { signal });
  }

  /**
   * A page of the messages that have all words of a text, the one that was
   * saved last first. It waits for as long as the node takes: the first search
   * after much was saved may have to read it all.
   */
  async search(words: string, query: SearchQuery, signal?: AbortSignal): Promise<FoundMessageView[]> {
    const search = new URLSearchParams({ text: words });
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) search.set(name, String(value));
    const answer = await this.exchange(`${CONTROL_ROUTES.search}?${search.toString()}`, { signal });
    try {
      return JSON.parse(await text(answer)) as FoundMessageView[];
    } catch (error) {
      throw this.translate(error, signal);
    }
  }

  /** Restores messages of an export; when this resolves, they are durable there. */
  import(messages: readonly ImportedMessage[], signal?: AbortSignal): Promise<ImportResult> {
    return this.json(CONTROL_ROUTES.import, { method: 'POST', body: { messages }, signal });
  }

  /** Hands a message to the node; when this resolves, it is durable there. */
  send(peer: string, body: string, signal?: AbortSignal): Promise<SendResult> {
    const request: SendRequest = { body };
    return this.json(CONTROL_ROUTES.messages(peer), { method: 'POST', body: request, signal });
  }

  /**
   * Hands over many messages, in order, with bounded memory on both sides.
   * @returns what was accepted, as it is accepted
   * @throws {StreamError} where the node stopped it half-way, or the error of `batches`: what was accepted before stays accepted
   */
  async *sendAll(
    peer: string,
    batches: AsyncIterable<readonly string[]>,
    signal?: AbortSignal,
  ): AsyncGenerator<SendResult[]> {
    const source = { error: undefined as unknown };
    const answer = await this.exchange(CONTROL_ROUTES.messageStream(peer), {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      stream: ndjson(batches, source),
      signal,
    });
    let accepted = 0;
    try {
      for await (const line of createInterface({ input: answer, crlfDelay: Infinity })) {
        if (line === '') continue;
        const result = JSON.parse(line) as StreamResult;
        if ('error' in result) throw new StreamError(result.error);
        const { ids, peerId, state } = result.accepted;
        accepted += ids.length;
        yield ids.map((id) => ({ id, peerId, state }));
      }
    } catch (error) {
      throw source.error ?? this.translate(error, signal);
    } finally {
      answer.destroy();
    }
    if (source.error !== undefined) throw source.error as Error;
    if (!answer.complete) {
      throw new ConnectionError(
        'node-silent',
        `The node went away after it had accepted ${accepted} messages.`,
      );
    }
  }

  /** Marks messages as read, up to the given one or all. */
  read(peer: string, upTo?: string, signal?: AbortSignal): Promise<ReadResult> {
    const body: ReadRequest = upTo === undefined ? {} : { upTo };
    return this.json(CONTROL_ROUTES.read(peer), { method: 'POST', body, signal });
  }

  /** Makes somebody a contact. @param peer also the whole peer id of somebody unknown */
  accept(peer: string, signal?: AbortSignal): Promise<PeerView> {
    return this.json(CONTROL_ROUTES.accept(peer), { method: 'PUT', signal });
  }

  /** Notes that the alarm about this key was seen. */
  sawAlarm(peer: string, signal?: AbortSignal): Promise<PeerView> {
    return this.json(CONTROL_ROUTES.keyAlarm(peer), { method: 'DELETE', signal });
  }

  block(peer: string, signal?: AbortSignal): Promise<PeerView> {
    return this.json(CONTROL_ROUTES.block(peer), { method: 'PUT', signal });
  }

  /** What two people compare to know that nobody is in between. */
  safetyNumber(peer: string, signal?: AbortSignal): Promise<SafetyNumberView> {
    return this.json(CONTROL_ROUTES.safetyNumber(peer), { signal });
  }

  /** @param verified whether the safety number was compared and found equal */
  setVerified(peer: string, verified: boolean, signal?: AbortSignal): Promise<PeerView> {
    return this.json(CONTROL_ROUTES.verified(peer), { method: verified ? 'PUT' : 'DELETE', signal });
  }

  unblock(peer: string, signal?: AbortSignal): Promise<PeerView> {
    return this.json(CONTROL_ROUTES.block(peer), { method: 'DELETE', signal });
  }

  /** What the user of the node shows and has set. */
  profile(signal?: AbortSignal): Promise<ProfileView> {
    return this.json(CONTROL_ROUTES.profile, { signal });
  }

  /** Changes what is given; the rest stays. */
  changeProfile(change: ProfileChange, signal?: AbortSignal): Promise<ProfileView> {
    return this.json(CONTROL_ROUTES.profile, { method: 'PATCH', body: change, signal });
  }

  /** Says whether nobody has been at the keys for a while. */
  setIdle(idle: boolean, signal?: AbortSignal): Promise<void> {
    return this.post(CONTROL_ROUTES.activity, { idle }, signal);
  }

  /** Says that something is being written to a person. */
  typing(peer: string, signal?: AbortSignal): Promise<void> {
    return this.post(CONTROL_ROUTES.typing(peer), {}, signal);
  }

  /** All conversations, the one with the latest message first. */
  conversations(signal?: AbortSignal): Promise<ConversationView[]> {
    return this.json(CONTROL_ROUTES.conversations, { signal });
  }

  /**
   * Looks at every hop from the node, to a peer where one is given.
   * @returns the hops as they are done, the verdict last
   */
  async *diagnose(peer?: string, signal?: AbortSignal): AsyncGenerator<DiagnosisLine> {
    const body: DiagnosisRequest = peer === undefined ? {} : { peer };
    const answer = await this.exchange(CONTROL_ROUTES.diagnosis, { method: 'POST', body, signal });
    try {
      for await (const line of createInterface({ input: answer, crlfDelay: Infinity })) {
        if (line !== '') yield JSON.parse(line) as DiagnosisLine;
      }
    } catch (error) {
      throw this.translate(error, signal);
    } finally {
      answer.destroy();
    }
    if (!answer.complete) throw new ConnectionError('node-silent', 'The node went away while it looked.');
  }

  /** Logs the user out: the node withdraws, says bye to its peers and ends. */
  async logout(signal?: AbortSignal): Promise<void> {
    await this.post(CONTROL_ROUTES.logout, undefined, signal);
  }

  /**
   * What happens at the node from now on, across restarts of it.
   * @param lastEventId resumes after this event
   * @param onPlace told where one can resume before the first event has come
   * @param types only these, and those that concern the stream itself; without it, all
   */
  events(
    signal: AbortSignal,
    lastEventId?: string,
    onPlace?: (id: string) => Promise<void>,
    types?: readonly ControlEvent['type'][],
  ): EventFeed {
    const path = `${CONTROL_ROUTES.events}${types === undefined ? '' : `?types=${types.join(',')}`}`;
    return new EventFeed(
      async (last) => {
        const headers: OutgoingHttpHeaders = { accept: 'text/event-stream' };
        if (last !== undefined) headers['last-event-id'] = last;
        return this.exchange(path, { headers, signal });
      },
      this.clock,
      signal,
      lastEventId,
      onPlace,
    );
  }

  private async post(path: string, body: unknown, signal: AbortSignal | undefined): Promise<void> {
    (await this.exchange(path, { method: 'POST', body, signal: withTimeout(signal) })).resume();
  }

  private async json<T>(path: string, options: Exchange): Promise<T> {
    const signal = withTimeout(options.signal);
    const answer = await this.exchange(path, { ...options, signal });
    try {
      return JSON.parse(await text(answer)) as T;
    } catch (error) {
      throw this.translate(error, signal);
    }
  }

  private async exchange(path: string, options: Exchange): Promise<IncomingMessage> {
    options.signal?.throwIfAborted();
    const control = await readControlFile(this.home);
    let answer: IncomingMessage;
    try {
      answer = await open(control, path, options);
    } catch (error) {
      throw this.translate(error, options.signal);
    }
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return answer;
    const body = await text(answer, MAX_PROBLEM_BYTES).catch(() => '');
    // Whatever of the request is still on its way has nobody to read it.
    // A request that was written to its end has left its socket already.
    (answer.socket as Socket | null)?.destroy();
    throw this.refusal(answer, body);
  }

  private refusal(answer: IncomingMessage, body: string): Error {
    const status = answer.statusCode ?? 0;
    // The file outlived its node, and another node has its port now.
    if (status === 401) return nodeNotRunning(this.home);
    if (answer.headers['content-type']?.startsWith(PROBLEM_CONTENT_TYPE)) {
      try {
        const problem = JSON.parse(body) as ProblemDetails;
        return new ControlError({ ...problem, status: problem.status ?? status });
      } catch {
        // Falls through: not what the contract says.
      }
    }
    return new ConnectionError(
      'unexpected-answer',
      `What answers on the node's port is not a p2p-chat node (${status}).`,
      {
        hint: 'The node may have ended without cleaning up. Start it again.',
      },
    );
  }

  /** An error of the network as one that a person can act on. */
  private translate(error: unknown, signal: AbortSignal | undefined): unknown {
    if (error instanceof ConnectionError || error instanceof ControlError || error instanceof StreamError)
      return error;
    if (signal?.aborted) {
      const reason: unknown = signal.reason;
      const timedOut = reason instanceof DOMException && reason.name === 'TimeoutError';
      if (!timedOut) return reason;
      return new ConnectionError(
        'node-silent',
        `The node did not answer in ${REQUEST_TIMEOUT_MS / 1000} seconds.`,
        {
          hint: 'See what it is busy with in its log, or restart it.',
          cause: error,
        },
      );
    }
    if (errorCode(error) === 'ECONNREFUSED') return nodeNotRunning(this.home, error);
    if (error instanceof SyntaxError) {
      return new ConnectionError('unexpected-answer', 'The node answered with something that is not JSON.', {
        cause: error,
      });
    }
    return new ConnectionError(
      'node-silent',
      `The connection to the node broke (${errorCode(error) ?? 'no code'}).`,
      {
        hint: 'It may be restarting; try again.',
        cause: error,
      },
    );
  }
}

/** A message stream ended half-way. */
export class StreamError extends ControlError {
  constructor(readonly problem: Extract<StreamResult, { error: unknown }>['error']) {
    super({
      type: '',
      title: '',
      status: 422,
      code: problem.code,
      detail: problem.detail,
      ...(problem.hint === undefined ? {} : { hint: problem.hint }),
    });
  }
  /** How many messages were accepted before it. */
  get accepted(): number {
    return this.problem.accepted;
  }
}

function withTimeout(signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}

/** Sends a request; resolves when the head of the answer is there. */
function open(control: ControlFile, path: string, options: Exchange): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const body = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body));
    const headers: OutgoingHttpHeaders = { authorization: `Bearer ${control.token}`, ...options.headers };
    if (body !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = body.byteLength;
    }
    // A node that refuses a stream would otherwise close the connection behind
    // its answer, and what is still being written would break it off unread.
    if (options.stream !== undefined) headers['connection'] = 'keep-alive';
    const outgoing = request({
      host: '127.0.0.1',
      port: control.port,
      path,
      method: options.method ?? 'GET',
      headers,
      // A connection of its own: none that the node has closed meanwhile.
      agent: false,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
    if (options.stream === undefined) {
      outgoing.end(body);
    } else {
      // The answer tells what became of it: a node that stops reading says why.
      pipeline(Readable.from(options.stream, { objectMode: false }), outgoing).catch(() => undefined);
    }
  });
}

/** Batches of bodies as NDJSON. An error of their source ends the request tidily, and is kept for the caller. */
async function* ndjson(
  batches: AsyncIterable<readonly string[]>,
  source: { error: unknown },
): AsyncGenerator<string> {
  try {
    for await (const batch of batches) {
      if (batch.length > 0) yield batch.map((body) => `${JSON.stringify(body)}\n`).join('');
    }
  } catch (error) {
    source.error = error;
  }
}

async function text(answer: IncomingMessage, limit = Infinity): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > limit) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}
