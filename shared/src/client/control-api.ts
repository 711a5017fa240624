import type { Clock } from '../clock.js';
import type { DiagnosisLine, DiagnosisRequest } from '../control/diagnosis.js';
import type { ControlEventName } from '../control/events.js';
import type {
  FetchFileRequest,
  FileRuleView,
  FileView,
  SendFilesRequest,
  SentFilesView,
} from '../control/files.js';
import type {
  CreateGroupRequest,
  GroupChange,
  GroupView,
  MuteLevel,
  MuteRequest,
  MuteView,
} from '../control/groups.js';
import type { ImportedMessage } from '../control/imported-message.js';
import type { BrowserView, PageLinkView } from '../control/page.js';
import type {
  ActivityRequest,
  EditRequest,
  ImportRequest,
  ProfileChange,
  ReactRequest,
  ReadRequest,
  SendRequest,
} from '../control/requests.js';
import { CONTROL_ROUTES } from '../control/routes.js';
import type {
  ActionResult,
  ConfirmationsView,
  ConversationView,
  FoundMessageView,
  ImportResult,
  MemberView,
  MessageView,
  PeerView,
  ProfileView,
  ReadResult,
  SafetyNumberView,
  SendResult,
  StatusView,
  VersionView,
} from '../control/views.js';
import { errorCode, PROBLEM_CONTENT_TYPE, type ProblemDetails } from '../errors.js';
import { chunksOf } from './chunks.js';
import { ConnectionError, ControlError } from './errors.js';
import { EventFeed } from './event-feed.js';

/** How long an ordinary request may take, in milliseconds: a slow disk answers, a dead node is noticed. */
const REQUEST_TIMEOUT_MS = 30_000;
/** How a connection over loopback fails where that is down: the system says so, or drops what is sent. */
const NO_LOOPBACK: ReadonlySet<string> = new Set([
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);
/** What of a foreign answer is kept for an error, in characters. */
const MAX_PROBLEM_CHARACTERS = 64 * 1024;

/** Where a node is reached, and what lets one in. */
export interface NodeAddress {
  /** Such as `http://127.0.0.1:7791`. */
  baseUrl: string;
  token: string;
}

export interface ControlApiParts {
  /** Looks the node up, for each request: it may have been restarted. */
  locate: () => Promise<NodeAddress>;
  /** The error of a node that does not run. */
  notRunning: (cause?: unknown) => ConnectionError;
  clock: Clock;
}

export interface HistoryQuery {
  /** At most this many messages. */
  limit?: number;
  /** Only messages before this one. */
  before?: string;
  /** Only messages after this one. */
  after?: string;
}

export interface SearchOptions {
  /** Only this conversation. */
  conversation?: string | undefined;
  /** Only messages that were saved before this one. */
  before?: string | undefined;
  /** At most this many messages. */
  limit?: number;
}

interface Exchange {
  method?: string;
  headers?: Record<string, string>;
  body?: unknown;
  signal?: AbortSignal | undefined;
}

/**
 * A client of a node's control API, for Node and for browsers.
 *
 * A conversation is named by its id, or by the peer id, short id or unambiguous
 * name of a person. Every method throws {@link ConnectionError} if the node
 * cannot be reached, {@link ControlError} if it refuses, and the signal's reason
 * if the signal aborts.
 */
export class ControlApi {
  constructor(protected readonly parts: ControlApiParts) {}

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

  /** All conversations, the one with the latest message first. */
  conversations(signal?: AbortSignal): Promise<ConversationView[]> {
    return this.json(CONTROL_ROUTES.conversations, { signal });
  }

  conversation(conversation: string, signal?: AbortSignal): Promise<ConversationView> {
    return this.json(CONTROL_ROUTES.conversation(conversation), { signal });
  }

  members(conversation: string, signal?: AbortSignal): Promise<MemberView[]> {
    return this.json(CONTROL_ROUTES.members(conversation), { signal });
  }

  /** Groups; with `open` true the open rooms, with false the others. */
  groups(open?: boolean, signal?: AbortSignal): Promise<GroupView[]> {
    const query = open === undefined ? '' : `?open=${open}`;
    return this.json(CONTROL_ROUTES.groups + query, { signal });
  }

  /** @param group its id, the first 8 characters of it, or a name that only one has */
  group(group: string, signal?: AbortSignal): Promise<GroupView> {
    return this.json(CONTROL_ROUTES.group(group), { signal });
  }

  createGroup(body: CreateGroupRequest, signal?: AbortSignal): Promise<GroupView> {
    return this.json(CONTROL_ROUTES.groups, { method: 'POST', body, signal });
  }

  changeGroup(group: string, body: GroupChange, signal?: AbortSignal): Promise<GroupView> {
    return this.json(CONTROL_ROUTES.group(group), { method: 'PATCH', body, signal });
  }

  /** @param isIn whether they are asked to come, or removed */
  setMember(group: string, person: string, isIn: boolean, signal?: AbortSignal): Promise<GroupView> {
    return this.json(CONTROL_ROUTES.groupMember(group, person), { method: isIn ? 'PUT' : 'DELETE', signal });
  }

  setAdmin(group: string, person: string, isAdmin: boolean, signal?: AbortSignal): Promise<GroupView> {
    return this.json(CONTROL_ROUTES.groupAdmin(group, person), {
      method: isAdmin ? 'PUT' : 'DELETE',
      signal,
    });
  }

  /** Accepts an invitation, or joins an open room. */
  enterGroup(group: string, signal?: AbortSignal): Promise<GroupView> {
    return this.json(CONTROL_ROUTES.enterGroup(group), { method: 'POST', signal });
  }

  declineGroup(group: string, signal?: AbortSignal): Promise<GroupView> {
    return this.json(CONTROL_ROUTES.declineGroup(group), { method: 'POST', signal });
  }

  leaveGroup(group: string, signal?: AbortSignal): Promise<GroupView> {
    return this.json(CONTROL_ROUTES.leaveGroup(group), { method: 'POST', signal });
  }

  /** Sets what notifies the person of a conversation. */
  mute(conversation: string, level: MuteLevel, signal?: AbortSignal): Promise<MuteView> {
    const body: MuteRequest = { level };
    return this.json(CONTROL_ROUTES.mute(conversation), { method: 'PUT', body, signal });
  }

  /** A page of a conversation, oldest first; without a bound, the latest one. */
  history(conversation: string, query: HistoryQuery, signal?: AbortSignal): Promise<MessageView[]> {
    return this.json(`${CONTROL_ROUTES.messages(conversation)}?${queryText(query)}`, { signal });
  }

  /**
   * A page of the messages that have all words of a text, the one that was
   * saved last first. It waits for as long as the node takes: the first search
   * after much was saved may have to read it all.
   */
  async search(words: string, options: SearchOptions, signal?: AbortSignal): Promise<FoundMessageView[]> {
    const path = `${CONTROL_ROUTES.search}?${queryText({ text: words, ...options })}`;
    const answer = await this.exchange(path, { signal });
    return this.parsed(answer, signal);
  }

  /** Restores messages of an export; when this resolves, they are durable there. */
  import(messages: readonly ImportedMessage[], signal?: AbortSignal): Promise<ImportResult> {
    const body: ImportRequest = { messages: [...messages] };
    return this.json(CONTROL_ROUTES.import, { method: 'POST', body, signal });
  }

  /**
   * Hands a message to the node; when this resolves, it is durable there.
   * @param key one's own of the message: the same again gives the same message
   */
  send(
    conversation: string,
    body: string,
    signal?: AbortSignal,
    key?: string,
    extras: Omit<SendRequest, 'body' | 'key'> = {},
  ): Promise<SendResult> {
    const request: SendRequest = { body, ...(key === undefined ? {} : { key }), ...extras };
    return this.json(CONTROL_ROUTES.messages(conversation), { method: 'POST', body: request, signal });
  }

  /** One message, by its id. */
  message(id: string, signal?: AbortSignal): Promise<MessageView> {
    return this.json(CONTROL_ROUTES.message(id), { signal });
  }

  /** Changes what one's own message says. */
  edit(id: string, body: string, signal?: AbortSignal): Promise<ActionResult> {
    const request: EditRequest = { body };
    return this.json(CONTROL_ROUTES.message(id), { method: 'PATCH', body: request, signal });
  }

  /** What one's own message said and says, oldest first. */
  versions(id: string, signal?: AbortSignal): Promise<VersionView[]> {
    return this.json(CONTROL_ROUTES.versions(id), { signal });
  }

  /** Deletes a message. @param forMe here alone, not for everybody */
  delete(id: string, forMe: boolean, signal?: AbortSignal): Promise<ActionResult> {
    const path = CONTROL_ROUTES.message(id);
    return this.json(forMe ? `${path}?forMe=true` : path, { method: 'DELETE', signal });
  }

  /** Says what one feels about a message. @param emoji all of it; none takes back what was said before */
  react(id: string, emoji: readonly string[], signal?: AbortSignal): Promise<ActionResult> {
    const body: ReactRequest = { emoji: [...emoji] };
    return this.json(CONTROL_ROUTES.reactions(id), { method: 'PUT', body, signal });
  }

  /** Confirms a message that asks for it. */
  confirm(id: string, signal?: AbortSignal): Promise<ActionResult> {
    return this.json(CONTROL_ROUTES.confirmation(id), { method: 'PUT', signal });
  }

  /** Who has confirmed one's own message. @param remind reminds the others */
  confirmations(id: string, remind: boolean, signal?: AbortSignal): Promise<ConfirmationsView> {
    return this.json(CONTROL_ROUTES.confirmations(id), { method: remind ? 'POST' : 'GET', signal });
  }

  /** Marks messages as read, up to the given one or all. */
  read(conversation: string, upTo?: string, signal?: AbortSignal): Promise<ReadResult> {
    const body: ReadRequest = upTo === undefined ? {} : { upTo };
    return this.json(CONTROL_ROUTES.read(conversation), { method: 'POST', body, signal });
  }

  /** Says that something is being written in a conversation. */
  typing(conversation: string, signal?: AbortSignal): Promise<void> {
    return this.post(CONTROL_ROUTES.typing(conversation), {}, signal);
  }

  /** Offers files and folders that lie where the node runs. It takes as long as reading them does. */
  async sendFiles(
    conversation: string,
    request: SendFilesRequest,
    signal?: AbortSignal,
  ): Promise<SentFilesView> {
    const path = CONTROL_ROUTES.conversationFiles(conversation);
    return this.parsed(await this.exchange(path, { method: 'POST', body: request, signal }), signal);
  }

  /** The files of a conversation, or of all, in the order in which they were sent. */
  files(conversation?: string, signal?: AbortSignal): Promise<FileView[]> {
    return this.json(`${CONTROL_ROUTES.files}?${queryText({ conversation })}`, { signal });
  }

  /**
   * Fetches a file, or goes on with it.
   * @param id of the file, or of a message: then all that it offers
   */
  async fetchFile(id: string, to?: string, signal?: AbortSignal): Promise<FileView[]> {
    const body: FetchFileRequest = to === undefined ? {} : { to };
    // One that is here already is copied first.
    return this.parsed(
      await this.exchange(CONTROL_ROUTES.fetchFile(id), { method: 'POST', body, signal }),
      signal,
    );
  }

  /** Stops a file until it is fetched again. */
  pauseFile(id: string, signal?: AbortSignal): Promise<FileView[]> {
    return this.json(CONTROL_ROUTES.pauseFile(id), { method: 'POST', body: {}, signal });
  }

  /** Gives a file up; one's own is offered no more. */
  cancelFile(id: string, signal?: AbortSignal): Promise<FileView[]> {
    return this.json(CONTROL_ROUTES.cancelFile(id), { method: 'POST', body: {}, signal });
  }

  /** When files of a conversation are fetched. */
  fileRule(conversation: string, signal?: AbortSignal): Promise<FileRuleView> {
    return this.json(CONTROL_ROUTES.fileRule(conversation), { signal });
  }

  setFileRule(conversation: string, rule: FileRuleView, signal?: AbortSignal): Promise<FileRuleView> {
    return this.json(CONTROL_ROUTES.fileRule(conversation), { method: 'PUT', body: rule, signal });
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

  unblock(peer: string, signal?: AbortSignal): Promise<PeerView> {
    return this.json(CONTROL_ROUTES.block(peer), { method: 'DELETE', signal });
  }

  /** What two people compare to know that nobody is in between. */
  safetyNumber(peer: string, signal?: AbortSignal): Promise<SafetyNumberView> {
    return this.json(CONTROL_ROUTES.safetyNumber(peer), { signal });
  }

  /** @param verified whether the safety number was compared and found equal */
  setVerified(peer: string, verified: boolean, signal?: AbortSignal): Promise<PeerView> {
    return this.json(CONTROL_ROUTES.verified(peer), { method: verified ? 'PUT' : 'DELETE', signal });
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
    const body: ActivityRequest = { idle };
    return this.post(CONTROL_ROUTES.activity, body, signal);
  }

  /**
   * Looks at every hop from the node, to a peer where one is given.
   * @returns the hops as they are done, the verdict last
   */
  async *diagnose(peer?: string, signal?: AbortSignal): AsyncGenerator<DiagnosisLine> {
    const body: DiagnosisRequest = peer === undefined ? {} : { peer };
    const answer = await this.exchange(CONTROL_ROUTES.diagnosis, { method: 'POST', body, signal });
    let last: DiagnosisLine | null = null;
    try {
      for await (const line of linesOf(answer)) {
        last = JSON.parse(line) as DiagnosisLine;
        yield last;
      }
    } catch (error) {
      throw this.translated(error, signal);
    }
    if (last?.type !== 'verdict')
      throw new ConnectionError('node-silent', 'The node went away while it looked.');
  }

  /** A link that lets one browser use the page. */
  pageLink(signal?: AbortSignal): Promise<PageLinkView> {
    return this.json(CONTROL_ROUTES.pageLink, { method: 'POST', signal });
  }

  /** The browsers that may use the page. */
  browsers(signal?: AbortSignal): Promise<BrowserView[]> {
    return this.json(CONTROL_ROUTES.browsers, { signal });
  }

  /** Takes the right to the page from a browser, or from all. */
  async revokeBrowser(id?: string, signal?: AbortSignal): Promise<void> {
    const path = id === undefined ? CONTROL_ROUTES.browsers : CONTROL_ROUTES.browser(id);
    const answer = await this.exchange(path, { method: 'DELETE', signal: withTimeout(signal) });
    await answer.body?.cancel();
  }

  /** Logs the user out: the node withdraws, says bye to its peers and ends. */
  logout(signal?: AbortSignal): Promise<void> {
    return this.post(CONTROL_ROUTES.logout, undefined, signal);
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
    types?: readonly ControlEventName[],
  ): EventFeed {
    const path = `${CONTROL_ROUTES.events}${types === undefined ? '' : `?types=${types.join(',')}`}`;
    return new EventFeed({
      open: async (last) => {
        const place: Record<string, string> = last === undefined ? {} : { 'last-event-id': last };
        return this.exchange(path, { headers: { accept: 'text/event-stream', ...place }, signal });
      },
      clock: this.parts.clock,
      signal,
      lastEventId,
      onPlace,
    });
  }

  private async post(path: string, body: unknown, signal: AbortSignal | undefined): Promise<void> {
    const answer = await this.exchange(path, { method: 'POST', body, signal: withTimeout(signal) });
    await answer.body?.cancel();
  }

  private async json<T>(path: string, options: Exchange): Promise<T> {
    const signal = withTimeout(options.signal);
    return this.parsed(await this.exchange(path, { ...options, signal }), signal);
  }

  private async parsed<T>(answer: Response, signal: AbortSignal | undefined): Promise<T> {
    try {
      return JSON.parse(await answer.text()) as T;
    } catch (error) {
      throw this.translated(error, signal);
    }
  }

  /** Sends a request. @returns the answer, where it is one of success */
  protected async exchange(
    path: string,
    { method = 'GET', headers, body, signal }: Exchange,
  ): Promise<Response> {
    signal?.throwIfAborted();
    const { baseUrl, token } = await this.parts.locate();
    let answer: Response;
    try {
      answer = await fetch(baseUrl + path, {
        method,
        headers: {
          ...headers,
          authorization: `Bearer ${token}`,
          // A connection of its own: none that the node has closed meanwhile.
          connection: 'close',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
        cache: 'no-store',
      });
    } catch (error) {
      throw this.translated(error, signal);
    }
    if (answer.ok) return answer;
    const said = await answer.text().catch(() => '');
    throw this.refusal(answer.status, answer.headers.get('content-type') ?? '', said);
  }

  /** The error that an answer which is no success says. */
  protected refusal(status: number, contentType: string, body: string): Error {
    // The address outlived its node, and another node has its port now.
    if (status === 401) return this.parts.notRunning();
    if (contentType.startsWith(PROBLEM_CONTENT_TYPE) && body.length <= MAX_PROBLEM_CHARACTERS) {
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
      { hint: 'The node may have ended without cleaning up. Start it again.' },
    );
  }

  /** An error of the network as one that a person can act on. */
  protected translated(error: unknown, signal: AbortSignal | undefined): unknown {
    if (error instanceof ConnectionError || error instanceof ControlError) return error;
    if (signal?.aborted) {
      const reason: unknown = signal.reason;
      const timedOut = reason instanceof DOMException && reason.name === 'TimeoutError';
      if (!timedOut) return reason;
      const seconds = REQUEST_TIMEOUT_MS / 1000;
      return new ConnectionError('node-silent', `The node did not answer in ${seconds} seconds.`, {
        hint: 'See what it is busy with in its log, or restart it.',
        cause: error,
      });
    }
    if (error instanceof SyntaxError) {
      return new ConnectionError('unexpected-answer', 'The node answered with something that is not JSON.', {
        cause: error,
      });
    }
    const code = networkCode(error);
    if (code === 'ECONNREFUSED') return this.parts.notRunning(error);
    if (code !== undefined && NO_LOOPBACK.has(code)) {
      return new ConnectionError('node-silent', `This machine does not reach itself (${code}).`, {
        hint: 'Its loopback interface is down (sudo ip link set lo up), or its firewall drops what goes over that.',
        cause: error,
      });
    }
    return new ConnectionError('node-silent', `The connection to the node broke (${code ?? 'no code'}).`, {
      hint: 'It may be restarting; try again.',
      cause: error,
    });
  }
}

/** The lines of an answer, as they come, without empty ones. */
async function* linesOf({ body }: Response): AsyncGenerator<string> {
  if (body === null) return;
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunksOf(body)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield line;
  }
  if (rest !== '') yield rest;
}

// `fetch` fails with a TypeError whose cause is what the network said.
function networkCode(error: unknown): string | undefined {
  return errorCode(error) ?? (error instanceof Error ? errorCode(error.cause) : undefined);
}

function queryText(query: object): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  return search.toString();
}

function withTimeout(signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}
