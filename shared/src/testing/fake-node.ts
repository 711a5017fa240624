import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  CONTROL_FILE,
  directConversation,
  MAX_BODY_BYTES,
  messageId,
  parseImportedMessage,
  peerIdOfKey,
  PROBLEM_CONTENT_TYPE,
  problemType,
  queryWords,
  safetyNumber,
  searchWords,
  segmentTag,
  SystemClock,
  type ControlEvent,
  type ConversationView,
  type FoundMessageView,
  type DiagnosisLine,
  type ImportedMessage,
  type ImportResult,
  type MemberView,
  type MessageState,
  type MessageView,
  type PeerView,
  type ProblemDetails,
  type ProfileChange,
  type ProfileView,
  type SendRequest,
  type SendResult,
  type StatusView,
  type StreamResult,
} from '../index.js';
import { ConnectionError, ControlApi } from '../client/index.js';
import { testKeys } from './fixtures.js';

/** Of everything that anybody writes here. */
const SEGMENT = '0'.repeat(32);

const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

type Problem = Omit<Partial<ProblemDetails>, 'status' | 'code' | 'detail'>;

class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly more: Problem = {},
  ) {
    super(message);
  }
}

/**
 * A node in memory that speaks the control contract over a real socket, for
 * tests of its clients. What other people do is done by its methods.
 */
export class FakeNode {
  readonly token = 'test-token';
  readonly peers = new Map<string, PeerView>();
  /** By the id of their conversation, oldest first. */
  readonly messages = new Map<string, MessageView[]>();
  readonly requests: string[] = [];
  /** Told before the request that causes them is answered, as a fast peer does. */
  deliver: (message: MessageView) => MessageState = (message) =>
    this.peerOf(message.conversation)?.online === true ? 'delivered' : 'queued';
  /** Replaces the answer of status. */
  discovery: StatusView['discovery'] = [
    { source: 'http://127.0.0.1:7777', state: 'ok', detail: '1 person found' },
  ];
  /** Why no message is taken, for a person; null where they are. */
  refuses: string | null = null;
  /** Accepts the next message, and breaks the connection before its answer. */
  losesAnswers = false;
  profile: ProfileView = {
    peerId: '',
    user: '',
    presence: 'online',
    shown: 'online',
    status: '',
    receipts: true,
    typing: true,
    addresses: ['192.0.2.1:7780'],
    fixed: [],
  };
  /** What a diagnosis finds. */
  diagnosis: (peer: string | undefined) => DiagnosisLine[] = () => [
    { type: 'looking', at: [{ hop: 'storage', subject: 'sqlite' }] },
    { type: 'hop', hop: 'storage', subject: 'sqlite', state: 'ok', detail: 'takes what is written', ms: 3 },
    { type: 'verdict', ok: true, sentence: 'All is well on this side.', failed: null },
  ];
  /** Resolves when the node was asked to log out. */
  readonly loggedOut: Promise<void>;

  readonly #log: { id: number; event: ControlEvent }[] = [];
  readonly #streams = new Set<ServerResponse>();
  #server: Server | undefined;
  /** What was accepted under each key of a client. */
  readonly #keys = new Map<string, { body: string; result: SendResult }>();
  #nextEvent = 1;
  #nextMessage = 1;
  #clock = Date.UTC(2026, 10, 22, 12, 0, 0);
  #resolveLogout: () => void = () => undefined;

  private constructor(
    readonly home: string,
    readonly user: string,
  ) {
    this.profile = { ...this.profile, peerId: this.peerId, user };
    this.loggedOut = new Promise((resolve) => (this.#resolveLogout = resolve));
  }

  static async start(user = 'Alice'): Promise<FakeNode> {
    const node = new FakeNode(await mkdtemp(join(tmpdir(), 'fake-node-')), user);
    await node.listen();
    return node;
  }

  get peerId(): string {
    return peerIdOfKey(testKeys(this.user).publicKey);
  }

  get port(): number {
    return (this.#server?.address() as AddressInfo).port;
  }

  /** Clients that follow the events. */
  get followers(): number {
    return this.#streams.size;
  }

  /** A client of it, which finds it again after a crash. */
  api(): ControlApi {
    const notRunning = (): ConnectionError => new ConnectionError('node-not-running', 'No node is running.');
    return new ControlApi({
      clock: new SystemClock(),
      notRunning,
      locate: () => {
        if (this.#server === undefined) return Promise.reject(notRunning());
        return Promise.resolve({ baseUrl: `http://127.0.0.1:${this.port}`, token: this.token });
      },
    });
  }

  async listen(): Promise<void> {
    const server = createServer((request, response) => void this.handle(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#server = server;
    const path = join(this.home, CONTROL_FILE);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = {
      port: this.port,
      token: this.token,
      pid: process.pid,
      peerId: this.peerId,
      user: this.user,
    };
    await writeFile(path, JSON.stringify(file), { mode: 0o600 });
    await chmod(path, 0o600);
  }

  /** Goes away as a killed node does: the control file stays. */
  async crash(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#streams.clear();
    server?.closeAllConnections();
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  }

  async close(): Promise<void> {
    await this.crash();
    await rm(this.home, { recursive: true, force: true });
  }

  /** Breaks every stream of events; the node itself goes on. */
  cutStreams(): void {
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
  }

  /** Adds somebody, or changes them. */
  person(user: string, change: Partial<PeerView> = {}): PeerView {
    const peerId = change.peerId ?? peerIdOfKey(testKeys(user).publicKey);
    const before = this.peers.get(peerId);
    const peer: PeerView = {
      peerId,
      user,
      conversation: directConversation(this.peerId, peerId, sha256),
      host: '192.0.2.7',
      port: 7780,
      online: true,
      blocked: false,
      verified: false,
      trust: 'contact',
      request: null,
      keyAlarm: null,
      unread: 0,
      sources: ['http://127.0.0.1:7777'],
      ambiguous: false,
      ...before,
      ...change,
    };
    this.peers.set(peerId, peer);
    this.emit({ type: 'peer', peer });
    return peer;
  }

  /** The person writes messages to this node's user. */
  receive(peer: PeerView, ...bodies: string[]): MessageView[] {
    const messages = bodies.map((body) => this.store(peer, 'in', body, 'delivered'));
    this.unread(peer.peerId, (this.peers.get(peer.peerId)?.unread ?? 0) + bodies.length);
    this.emit({ type: 'message', messages });
    return messages;
  }

  /** Messages that were sent reach a state. */
  settle(conversation: string, ids: string[], state: MessageState): void {
    const messages = this.messages.get(conversation) ?? [];
    for (const [index, message] of messages.entries())
      if (ids.includes(message.id)) messages[index] = { ...message, state };
    this.emit({ type: 'state', conversation, state, ids });
  }

  emit(event: ControlEvent): void {
    const entry = { id: this.#nextEvent++, event };
    this.#log.push(entry);
    for (const stream of this.#streams) stream.write(sse(entry));
  }

  private store(peer: PeerView, direction: 'in' | 'out', body: string, state: MessageState): MessageView {
    this.#clock += 60_000;
    const at = new Date(this.#clock).toISOString();
    const { conversation } = peer;
    const [author, user] = direction === 'in' ? [peer.peerId, peer.user] : [this.peerId, this.user];
    const message: MessageView = {
      id: messageId(segmentTag(conversation, author, SEGMENT, sha256), this.#nextMessage++),
      conversation,
      author,
      user,
      direction,
      kind: 'text',
      body,
      sentAt: at,
      receivedAt: direction === 'in' ? at : null,
      state,
      clock: (BigInt(this.#clock) << 16n).toString(16).padStart(16, '0'),
    };
    this.messages.set(conversation, [...(this.messages.get(conversation) ?? []), message]);
    return message;
  }

  private peerOf(conversation: string): PeerView | undefined {
    return [...this.peers.values()].find((peer) => peer.conversation === conversation);
  }

  private unread(peerId: string, unread: number): void {
    const peer = this.peers.get(peerId);
    if (peer !== undefined) this.peers.set(peerId, { ...peer, unread });
  }

  private find(name: string): PeerView {
    const all = [...this.peers.values()];
    const found = all.filter((one) =>
      [one.peerId, one.peerId.slice(0, 8), one.conversation, one.user].includes(name),
    );
    const [only] = found;
    if (only === undefined) {
      throw new Refusal(404, 'peer-unknown', `Nobody is known as "${name}".`, {
        hint: 'See "p2p-chat peers --all".',
      });
    }
    if (found.length > 1) {
      throw new Refusal(409, 'peer-ambiguous', `${found.length} people are called "${name}".`, {
        choices: found.map(({ peerId, user }) => ({ peerId, user })),
      });
    }
    return only;
  }

  private accept(peer: PeerView, body: string, key?: string): SendResult {
    const place = `${peer.conversation} ${key}`;
    const known = key === undefined ? undefined : this.#keys.get(place);
    if (known?.body === body) return known.result;
    if (known !== undefined) throw new Refusal(409, 'key-reused', 'The key is that of another message.');
    if (this.refuses !== null) throw new Refusal(503, 'storage-unavailable', this.refuses);
    if (body === '') throw new Refusal(422, 'body-empty', 'A message must not be empty.');
    if (Buffer.byteLength(body) > MAX_BODY_BYTES)
      throw new Refusal(413, 'body-too-large', 'The message is too large.');
    const message = this.store(peer, 'out', body, 'queued');
    const { id, conversation, author } = message;
    const result: SendResult = { id, conversation, author, state: 'queued' };
    if (key !== undefined) this.#keys.set(place, { body, result });
    this.emit({ type: 'message', messages: [message] });
    const state = this.deliver(message);
    if (state !== 'queued') this.settle(conversation, [id], state);
    return result;
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://node');
    this.requests.push(`${request.method} ${url.pathname}`);
    try {
      if (request.headers.authorization !== `Bearer ${this.token}`)
        throw new Refusal(401, 'unauthorized', 'No token.');
      await this.route(request, url, response);
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal(500, 'internal', String(error));
      const problem: ProblemDetails = {
        type: problemType(refusal.code),
        title: refusal.code,
        status: refusal.status,
        detail: refusal.message,
        code: refusal.code,
        ...refusal.more,
      };
      request.resume();
      response
        .writeHead(refusal.status, { 'content-type': PROBLEM_CONTENT_TYPE })
        .end(JSON.stringify(problem));
    }
  }

  private message(id: string): MessageView {
    const found = [...this.messages.values()].flat().find((one) => one.id === id);
    if (found === undefined) throw new Refusal(404, 'message-unknown', `There is no message ${id}.`);
    return found;
  }

  private async route(request: IncomingMessage, url: URL, response: ServerResponse): Promise<void> {
    const answer = (body: unknown, status = 200): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const [, , resource, name, ...rest] = url.pathname.split('/');
    const action = `${request.method} ${[resource, ...(name === undefined ? [] : [':id']), ...rest].join('/')}`;
    const peer = (): PeerView => this.find(decodeURIComponent(name ?? ''));
    switch (action) {
      case 'GET status':
        return answer(this.status());
      case 'GET peers': {
        const all = url.searchParams.get('all') === 'true';
        return answer([...this.peers.values()].filter((one) => all || one.online));
      }
      case 'GET peers/:id':
        return answer(peer());
      case 'GET conversations/:id/messages':
        return answer(this.page(peer(), url.searchParams));
      case 'GET messages/:id':
        return answer(this.message(name ?? ''));
      case 'POST conversations/:id/messages': {
        const { body, key } = JSON.parse(await read(request)) as SendRequest;
        const result = this.accept(peer(), body, key);
        if (!this.losesAnswers) return answer(result, 201);
        this.losesAnswers = false;
        return void response.destroy();
      }
      case 'POST conversations/:id/messages/stream':
        return this.stream(peer(), request, response);
      case 'POST conversations/:id/read': {
        const { upTo } = JSON.parse((await read(request)) || '{}') as { upTo?: string };
        const { peerId, conversation, unread } = peer();
        const messages = this.messages.get(conversation) ?? [];
        const last = messages.findIndex((one) => one.id === upTo);
        const later = last < 0 ? [] : messages.slice(last + 1).filter((one) => one.direction === 'in');
        const left = Math.min(unread, later.length);
        this.unread(peerId, left);
        this.emit({ type: 'conversation', conversation: this.conversation(peer()) });
        return answer({ read: unread - left });
      }
      case 'PUT peers/:id/accept': {
        const { peerId, user, request: asked } = peer();
        const unread = asked?.messages ?? 0;
        return answer(this.person(user, { peerId, trust: 'contact', request: null, unread }));
      }
      case 'DELETE peers/:id/key-alarm':
        return answer(this.person(peer().user, { peerId: peer().peerId, keyAlarm: null }));
      case 'PUT peers/:id/block':
        return answer(this.person(peer().user, { peerId: peer().peerId, blocked: true, request: null }));
      case 'DELETE peers/:id/block':
        return answer(this.person(peer().user, { peerId: peer().peerId, blocked: false }));
      case 'GET peers/:id/safety-number': {
        const { peerId, user, verified } = peer();
        return answer({ peerId, user, verified, safetyNumber: safetyNumber(this.peerId, peerId) });
      }
      case 'PUT peers/:id/verified':
        return answer(this.person(peer().user, { peerId: peer().peerId, verified: true }));
      case 'DELETE peers/:id/verified':
        return answer(this.person(peer().user, { peerId: peer().peerId, verified: false }));
      case 'GET profile':
        return answer(this.profile);
      case 'PATCH profile': {
        const change = JSON.parse(await read(request)) as ProfileChange;
        this.profile = { ...this.profile, ...change, shown: change.presence ?? this.profile.shown };
        this.emit({ type: 'profile', profile: this.profile });
        return answer(this.profile);
      }
      case 'POST activity': {
        const { idle } = JSON.parse(await read(request)) as { idle: boolean };
        this.profile = { ...this.profile, shown: idle ? 'away' : this.profile.presence };
        this.emit({ type: 'profile', profile: this.profile });
        return void response.writeHead(204).end();
      }
      case 'POST conversations/:id/typing':
        request.resume();
        peer();
        return void response.writeHead(204).end();
      case 'GET search':
        return answer(this.search(url.searchParams));
      case 'POST import': {
        const { messages } = JSON.parse(await read(request)) as { messages: unknown[] };
        return answer(this.restore(messages.map(parseImportedMessage)));
      }
      case 'GET conversations':
        return answer(this.conversations());
      case 'GET conversations/:id':
        return answer(this.conversation(peer()));
      case 'GET conversations/:id/members':
        return answer(this.members(peer()));
      case 'GET events':
        return this.follow(request, response);
      case 'POST diagnosis': {
        const { peer: whom } = JSON.parse(await read(request)) as { peer?: string };
        response.writeHead(200, { 'content-type': 'application/x-ndjson' });
        response.end(
          this.diagnosis(whom)
            .map((line) => `${JSON.stringify(line)}\n`)
            .join(''),
        );
        return;
      }
      case 'POST logout':
        answer({}, 202);
        this.emit({ type: 'stopping' });
        this.#resolveLogout();
        return;
      default:
        throw new Refusal(404, 'route-unknown', `No route ${action}.`);
    }
  }

  private status(): StatusView {
    const queued = [...this.messages.values()].flat().filter((one) => one.state === 'queued').length;
    return {
      peerId: this.peerId,
      user: this.profile.user,
      peerPort: 7780,
      controlPort: this.port,
      storage: 'sqlite',
      discovery: this.discovery,
      links: [...this.peers.values()].filter((one) => one.online).length,
      outbox: { queued },
      problems: [],
      keyAlarms: [...this.peers.values()].filter(({ keyAlarm }) => keyAlarm !== null).length,
      requests: [...this.peers.values()].filter(({ request }) => request !== null).length,
      home: this.home,
      pid: process.pid,
      version: '0.0.0-test',
    };
  }

  private page(peer: PeerView, query: URLSearchParams): MessageView[] {
    let messages = this.messages.get(peer.conversation) ?? [];
    const limit = Number(query.get('limit') ?? 50);
    const [before, after] = [query.get('before'), query.get('after')];
    if (after !== null) return messages.slice(indexOf(messages, after) + 1).slice(0, limit);
    if (before !== null) messages = messages.slice(0, indexOf(messages, before));
    return messages.slice(-limit);
  }

  private search(query: URLSearchParams): FoundMessageView[] {
    const wanted = queryWords(query.get('text') ?? '');
    if (wanted.length === 0) throw new Refusal(422, 'search-empty', 'There is no word to search for.');
    const within = query.get('conversation');
    const only = within === null ? null : this.find(within).conversation;
    const found = [...this.messages].flatMap(([conversation, messages]) =>
      only !== null && only !== conversation
        ? []
        : messages.map((message, at) => ({
            ...message,
            previous: messages[at - 1] ?? null,
            next: messages[at + 1] ?? null,
          })),
    );
    const matching = found
      .filter(({ body }) => {
        const its = [...searchWords(body)];
        return wanted.every((word) => its.some((one) => one.startsWith(word)));
      })
      .sort((a, b) => (a.clock < b.clock ? 1 : -1));
    const before = query.get('before');
    const start = before === null ? 0 : matching.findIndex(({ id }) => id === before) + 1;
    return matching.slice(start, start + Number(query.get('limit') ?? 20));
  }

  private restore(messages: readonly ImportedMessage[]): ImportResult {
    let imported = 0;
    for (const { peerId, ...message } of messages) {
      const { conversation } = this.peers.get(peerId) ?? this.person(message.user, { peerId });
      const all = this.messages.get(conversation) ?? [];
      if (all.some(({ id }) => id === message.id)) continue;
      this.messages.set(conversation, [...all, { ...message, conversation }]);
      imported += 1;
    }
    return { imported, known: messages.length - imported };
  }

  private conversations(): ConversationView[] {
    return [...this.messages.keys()]
      .flatMap((conversation) => this.peerOf(conversation) ?? [])
      .map((peer) => this.conversation(peer))
      .sort((a, b) => ((a.last?.clock ?? '') < (b.last?.clock ?? '') ? 1 : -1));
  }

  private conversation(peer: PeerView): ConversationView {
    const { conversation: id, user: name, peerId, unread } = peer;
    const last = this.messages.get(id)?.at(-1) ?? null;
    return { id, kind: 'direct', name, peerId, peer, unread, last };
  }

  private members(peer: PeerView): MemberView[] {
    return [
      { peerId: this.peerId, user: this.profile.user, self: true },
      { peerId: peer.peerId, user: peer.user, self: false },
    ];
  }

  private async stream(peer: PeerView, request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.flushHeaders();
    let accepted = 0;
    const write = (result: StreamResult): unknown => response.write(`${JSON.stringify(result)}\n`);
    try {
      for await (const line of createInterface({ input: request })) {
        const { id, conversation, state } = this.accept(peer, JSON.parse(line) as string);
        write({ accepted: { conversation, state, ids: [id] } });
        accepted += 1;
      }
    } catch (error) {
      const { code, message } = error as Refusal;
      write({ error: { code, detail: message, accepted } });
    }
    response.end();
  }

  private follow(request: IncomingMessage, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    const last = request.headers['last-event-id'];
    if (typeof last === 'string') {
      for (const entry of this.#log) if (entry.id > Number(last)) response.write(sse(entry));
    }
    this.#streams.add(response);
    response.on('close', () => this.#streams.delete(response));
  }
}

function indexOf(messages: MessageView[], id: string): number {
  const index = messages.findIndex((message) => message.id === id);
  if (index < 0) throw new Refusal(404, 'message-unknown', `There is no message ${id} in this conversation.`);
  return index;
}

function sse({ id, event }: { id: number; event: ControlEvent }): string {
  const { type, ...data } = event;
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}

async function read(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
  return text;
}
