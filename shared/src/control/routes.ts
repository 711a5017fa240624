/*
 * The routes of a chat node's control API: HTTP on loopback with a bearer
 * token, events as SSE. Times are ISO 8601 in UTC.
 *
 * A peer in a path is a peer id, its short form, or an unambiguous name. A
 * conversation is its id, or a peer named in one of these ways: then it is the
 * conversation with that person. A group is its id, the first 8 characters of it, or its name where no other one has it.
 */

import { P2pChatError } from '../errors.js';

/** The file in the profile's data directory by which a client finds the node (mode 0600). */
export const CONTROL_FILE = 'run/control.json';

/** Content of {@link CONTROL_FILE}. */
export interface ControlFile {
  port: number;
  token: string;
  pid: number;
  peerId: string;
  user: string;
}

/** Media type of a message stream and of a diagnosis: JSON, a line each. */
export const NDJSON = 'application/x-ndjson';

const group = (reference: string): string => `/api/groups/${someone(reference)}`;
const peer = (reference: string): string => `/api/peers/${someone(reference)}`;
const conversation = (reference: string): string => `/api/conversations/${someone(reference)}`;
const file = (id: string): string =>
  `/api/files/${segment(id, 'file-id-unknown', 'There is no file of that id.')}`;

const message = (id: string): string =>
  `/api/messages/${segment(id, 'message-unknown', 'No message has that id.')}`;

/** What somebody, or a group, is named by, as a part of a path. @throws {P2pChatError} `peer-unknown` */
function someone(reference: string): string {
  return segment(
    reference,
    'peer-unknown',
    `Nobody is known as ${JSON.stringify(reference)}.`,
    'See who is known, and their ids: p2p-chat peers --all',
  );
}

/** A part of a path. @throws {P2pChatError} with the code and detail, where a URL drops it: there is nothing of that id */
function segment(id: string, code: string, detail: string, hint?: string): string {
  if (['', '.', '..'].includes(id.trim()))
    throw new P2pChatError(code, detail, hint === undefined ? {} : { hint });
  return encodeURIComponent(id);
}

export const CONTROL_ROUTES = {
  /** GET -> StatusView */
  status: '/api/status',
  /** GET -> metrics for Prometheus, as text; 404 where they are off */
  metrics: '/api/metrics',
  /** GET -> ConversationView[], the one with the latest message first */
  conversations: '/api/conversations',
  /** GET -> ConversationView */
  conversation,
  /** GET `?limit&before&after` -> MessageView[], oldest first. POST SendRequest -> 201 SendResult */
  messages: (reference: string) => `${conversation(reference)}/messages`,
  /**
   * POST NDJSON, each line a JSON string that is one body, in order; answers
   * NDJSON of StreamResult while the lines are read. For many messages.
   */
  messageStream: (reference: string) => `${conversation(reference)}/messages/stream`,
  /** GET -> MessageView. PATCH EditRequest, DELETE (`?forMe=true`: here alone) -> ActionResult */
  message,
  /** GET -> VersionView[], oldest first: for its author alone */
  versions: (id: string) => `${message(id)}/versions`,
  /** PUT ReactRequest -> ActionResult: all that the user feels about it */
  reactions: (id: string) => `${message(id)}/reactions`,
  /** PUT -> ActionResult: the user confirms it */
  confirmation: (id: string) => `${message(id)}/confirmation`,
  /** GET -> ConfirmationsView. POST: also reminds those who have not confirmed */
  confirmations: (id: string) => `${message(id)}/confirmations`,
  /** POST ReadRequest -> ReadResult */
  read: (reference: string) => `${conversation(reference)}/read`,
  /**
   * POST SendFilesRequest -> 201 SentFilesView; or the bytes of one file as `application/octet-stream`
   * with `?name&caption`, of any size, read as they come.
   */
  conversationFiles: (reference: string) => `${conversation(reference)}/files`,
  /** GET -> FileRuleView. PUT FileRuleView -> FileRuleView */
  fileRule: (reference: string) => `${conversation(reference)}/files/rule`,
  /** POST -> 204: something is being written, which the others are told where the settings allow it */
  typing: (reference: string) => `${conversation(reference)}/typing`,
  /** PUT MuteRequest -> MuteView */
  mute: (reference: string) => `${conversation(reference)}/mute`,
  /** GET -> MemberView[] */
  members: (reference: string) => `${conversation(reference)}/members`,
  /** GET `?open` true or false -> GroupView[]. POST CreateGroupRequest -> 201 GroupView */
  groups: '/api/groups',
  /** GET -> GroupView. PATCH GroupChange -> GroupView */
  group,
  /** PUT asks somebody to come, DELETE removes them -> GroupView */
  groupMember: (reference: string, person: string) => `${group(reference)}/members/${someone(person)}`,
  /** PUT makes a member an admin, DELETE an admin a member -> GroupView */
  groupAdmin: (reference: string, person: string) => `${group(reference)}/admins/${someone(person)}`,
  /** POST: accepts the invitation, or joins the open room -> GroupView */
  enterGroup: (reference: string) => `${group(reference)}/enter`,
  /** POST: declines the invitation -> GroupView */
  declineGroup: (reference: string) => `${group(reference)}/decline`,
  /** POST -> GroupView */
  leaveGroup: (reference: string) => `${group(reference)}/leave`,
  /** GET `?all=true` -> PeerView[] */
  peers: '/api/peers',
  /** GET -> PeerView */
  peer,
  /** PUT: the person is a contact from now on; the whole peer id of somebody unknown will do -> PeerView */
  accept: (reference: string) => `${peer(reference)}/accept`,
  /** PUT blocks, DELETE unblocks -> PeerView */
  block: (reference: string) => `${peer(reference)}/block`,
  /** GET -> SafetyNumberView */
  safetyNumber: (reference: string) => `${peer(reference)}/safety-number`,
  /** PUT: the safety number was compared and is the same; DELETE takes that back -> PeerView */
  verified: (reference: string) => `${peer(reference)}/verified`,
  /** DELETE: somebody has seen that this key shows the name of another one -> PeerView */
  keyAlarm: (reference: string) => `${peer(reference)}/key-alarm`,
  /** GET `?conversation` -> FileView[], in the order in which they were sent */
  files: '/api/files',
  /** POST FetchFileRequest -> FileView[]: fetches it, or goes on; it comes by itself from then on */
  fetchFile: (id: string) => `${file(id)}/fetch`,
  /** POST -> FileView[]: stops until it is fetched again */
  pauseFile: (id: string) => `${file(id)}/pause`,
  /** POST -> FileView[]: gives it up; one's own is offered no more */
  cancelFile: (id: string) => `${file(id)}/cancel`,
  /** GET -> the bytes of a file that is here, always as an attachment */
  fileContent: (id: string) => `${file(id)}/content`,
  /** POST -> FileLinkView: at the page's port, as a browser saves what it is handed no token for */
  fileLink: (id: string) => `${file(id)}/link`,
  /** GET -> ProfileView. PATCH ProfileChange -> ProfileView */
  profile: '/api/profile',
  /** POST ActivityRequest -> 204: whether somebody is at the keys of a console */
  activity: '/api/activity',
  /** POST ImportRequest -> ImportResult; 422 if a message is malformed, and then none is imported */
  import: '/api/import',
  /** GET `?text&conversation&limit&before` -> FoundMessageView[], the one that was saved last first */
  search: '/api/search',
  /** GET `?types` (separated by commas; all by default) -> SSE of ControlEvent; `Last-Event-ID` resumes */
  events: '/api/events',
  /** POST DiagnosisRequest -> NDJSON of DiagnosisLine, as the hops are looked at */
  diagnosis: '/api/diagnosis',
  /** POST -> 201 PageLinkView: a link that lets a browser in */
  pageLink: '/api/web/link',
  /** POST PairRequest -> 201 PairResult; at the page's port, without a token */
  pair: '/api/web/pair',
  /** GET -> BrowserView[]. DELETE -> 204: none of them may use the page any more */
  browsers: '/api/web/browsers',
  /** DELETE -> 204: this one may not use the page any more */
  browser: (id: string) =>
    `/api/web/browsers/${segment(id, 'browser-unknown', 'No such browser may use the page.')}`,
  /** POST -> 202; withdraws, says bye and ends the node */
  logout: '/api/logout',
} as const;
