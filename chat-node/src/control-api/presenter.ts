import { Injectable } from '@nestjs/common';
import {
  type ActionResult,
  type ConfirmationsView,
  type ControlEvent,
  type ConversationView,
  directConversation,
  type FileView,
  foldText,
  type FoundMessageView,
  type GroupView,
  type MemberView,
  messageId,
  type MessageView,
  type PeerView,
  type PersonView,
  type ProfileView,
  type QuoteView,
  type ReceiptTimeView,
  type ReadContent,
  type SafetyNumberView,
  safetyNumber,
  shortPeerId,
  type VersionView,
} from '@p2p-chat/shared';
import { Chat } from '../core/chat.js';
import type { Confirmations, Version, WrittenEntry } from '../core/conversations/actions.js';
import type { ConversationSummary } from '../core/conversations/conversation-list.js';
import type { MemberReceipt, Message, Quote } from '../core/conversations/message.js';
import type { FoundMessage } from '../core/conversations/search.js';
import { ChatError } from '../core/errors.js';
import type { MessageRange } from '../core/events.js';
import type { KnownPeer } from '../core/peers/peers.js';
import type { LoggedEvent } from './event-log.js';
import { fileIds } from '../core/files/file-record.js';
import { Files, type FileStatus } from '../core/files/files.js';
import { IdentityKeys } from '../core/ports/identity.js';
import { type GroupParts, presentChange, presentConversationGroup, presentGroup } from './group-presenter.js';
import { NodeInfo } from './node-info.js';
import type { ConversationReference } from './references.pipe.js';

/** The latest time that Date can hold: a peer may send any number. */
const MAX_TIME_MS = 8_640_000_000_000_000;

/** Turns what the core gives into the views of the control contract. */
@Injectable()
export class Presenter {
  constructor(
    private readonly chat: Chat,
    private readonly node: NodeInfo,
    private readonly keys: IdentityKeys,
    private readonly files: Files,
  ) {}

  /**
   * People by name, then by id. Who shows them knows in which language: a
   * collation here would be that of the node.
   */
  async peers(peers: readonly KnownPeer[]): Promise<PeerView[]> {
    const summaries = await this.chat.list.summaries();
    const unread = new Map(summaries.map((one) => [one.peerId, one.unread]));
    return peers
      .map((peer) => ({
        view: this.#peer(peer, unread.get(peer.peerId) ?? 0),
        place: `${foldText(peer.user)}\n${peer.peerId}`,
      }))
      .sort((a, b) => (a.place < b.place ? -1 : 1))
      .map(({ view }) => view);
  }

  /** @throws {ChatError} `peer-unknown` */
  async peer(peerId: string): Promise<PeerView> {
    const view = await this.#peerOrNull(peerId);
    if (view !== null) return view;
    throw new ChatError('peer-unknown', `Nobody is known as ${shortPeerId(peerId)} any more.`);
  }

  safetyNumber({ peerId, user, verified }: KnownPeer): SafetyNumberView {
    return { peerId, user, verified, safetyNumber: safetyNumber(this.#self, peerId) };
  }

  /** What the user of this node shows and has set. */
  profile(): ProfileView {
    const { profile } = this.chat;
    const { user, presence, status, receipts, typing } = profile.settings;
    return {
      peerId: this.#self,
      user,
      presence,
      shown: profile.shown,
      status,
      receipts,
      typing,
      addresses: this.node.addresses().map((host) => hostAndPort(host, this.chat.port)),
      fixed: (['receipts', 'typing'] as const).flatMap((setting) => {
        const variable = profile.fixed[setting];
        return variable === undefined ? [] : [{ setting, variable }];
      }),
    };
  }

  messages(messages: readonly Message[]): MessageView[] {
    const names = this.#names();
    return messages.map((message) => this.#message(message, names));
  }

  found(found: readonly FoundMessage[]): FoundMessageView[] {
    const names = this.#names();
    const view = (message: Message | null): MessageView | null =>
      message === null ? null : this.#message(message, names);
    return found.map(({ message, previous, next }) => ({
      ...this.#message(message, names),
      previous: view(previous),
      next: view(next),
    }));
  }

  /** The ids of messages that were accepted together. */
  ids(ranges: readonly MessageRange[]): string[] {
    return ranges.flatMap(({ tag, first, last }) =>
      Array.from({ length: last - first + 1 }, (_, at) => messageId(tag, first + at)),
    );
  }

  async conversations(): Promise<ConversationView[]> {
    return (await this.chat.list.summaries()).map((summary) => this.#conversation(summary));
  }

  /** A conversation, also one that nothing was written in. */
  async conversation({ id, kind, peerId }: ConversationReference): Promise<ConversationView> {
    const empty = { id, kind, peerId, unread: 0, queued: 0, last: null, lastClock: '', toConfirm: [] };
    return this.#conversation((await this.chat.list.summary(id)) ?? empty);
  }

  file({ record, progress, rate }: FileStatus): FileView {
    const { id, message, conversation, author, sentAt, file, state, path, problem } = record;
    return {
      id,
      message,
      conversation,
      from: author,
      user: this.#name(author),
      direction: author === this.#self ? 'out' : 'in',
      ...file,
      sentAt: isoTime(sentAt),
      state,
      progress: Math.min(1, progress),
      rate: rate === null ? null : Math.round(rate),
      path,
      problem,
    };
  }

  members({ id, peerId }: ConversationReference): MemberView[] {
    const names = this.#names();
    const members = this.chat.conversations.get(id)?.members() ?? [
      this.#self,
      ...(peerId === null ? [] : [peerId]),
    ];
    return members.map((member) => ({
      peerId: member,
      user: names(member),
      self: member === this.#self,
      ...(this.chat.peers.get(member)?.presence?.receipts === false ? { receipts: false } : {}),
    }));
  }

  /** The groups of this node, and the open rooms that it has heard of. @param open only rooms, or only others */
  async groups(open?: boolean): Promise<GroupView[]> {
    const groups = this.chat.conversations
      .groups()
      .filter(({ group }) => open === undefined || group.isOpen === open);
    const views = await Promise.all(groups.map(({ id }) => this.group(id)));
    return views.filter((view) => view !== null).sort((a, b) => (a.lastActivity < b.lastActivity ? 1 : -1));
  }

  /** One of {@link groups}; null where there is none. */
  async group(id: string): Promise<GroupView | null> {
    const one = this.chat.conversations.groups().find((conversation) => conversation.id === id);
    if (one === undefined) return null;
    const summary = await this.chat.list.summary(id);
    const last = summary?.lastClock ?? '';
    return presentGroup(one, this.#groupParts(), last);
  }

  #groupParts(): GroupParts {
    const { chat } = this;
    return {
      self: this.#self,
      nameOf: this.#names(),
      peer: (peerId) => chat.peers.get(peerId),
      groups: chat.conversations.groups(),
      ids: chat.peers.ids(),
      muteOf: (id) => chat.muteOf(id),
    };
  }

  /** An event as clients get it; null for one that has become void, such as news of a forgotten peer. */
  async event(event: LoggedEvent['event']): Promise<ControlEvent | null> {
    switch (event.type) {
      case 'messages':
        return this.#news(await this.chat.messages.projected(event.kept), 'message');
      case 'roster':
        return this.#news(await this.chat.messages.changes(event.conversation, event.operations), 'message');
      case 'changed':
        return this.#news(await this.chat.messages.all(event.ids), 'changed');
      case 'removed':
        return { type: 'removed', conversation: event.conversation, ids: [...event.ids] };
      case 'reminder':
      case 'mention': {
        const message = await this.chat.messages.find(event.id);
        const [view] = message === null ? [] : this.messages([message]);
        return view === undefined ? null : { type: event.type, message: view };
      }
      case 'states': {
        const { conversation, state, ranges, member } = event;
        if (member !== undefined)
          return { type: 'receipt', conversation, member, state, ids: this.ids(ranges) };
        return { type: 'state', conversation, state, ids: this.ids(ranges) };
      }
      case 'conversation': {
        const summary = await this.chat.list.summary(event.conversation);
        return summary && { type: 'conversation', conversation: this.#conversation(summary) };
      }
      case 'peer':
      case 'key-alarm': {
        const peer = await this.#peerOrNull(event.peerId);
        if (peer === null || (event.type === 'key-alarm' && peer.keyAlarm === null)) return null;
        return { type: event.type, peer };
      }
      case 'file': {
        const status = this.files.status(event.id);
        return status && { type: 'file', file: this.file(status) };
      }
      case 'profile':
        return { type: 'profile', profile: this.profile() };
      case 'group': {
        const group = await this.group(event.conversation);
        return group && { type: 'group', group };
      }
      case 'history':
      case 'typing':
      case 'resync':
      case 'stopping':
        return event;
    }
  }

  #news(messages: readonly Message[], type: 'message' | 'changed'): ControlEvent | null {
    return messages.length === 0 ? null : { type, messages: this.messages(messages) };
  }

  /** What was done with a message. */
  action({ id, conversation, author }: WrittenEntry, target: string): ActionResult {
    return { id, conversation, author, target };
  }

  confirmations({ confirmed, read, delivered, missing }: Confirmations): ConfirmationsView {
    const names = this.#names();
    const person = (peerId: string): PersonView => ({ peerId, user: names(peerId) });
    return {
      confirmed: confirmed.map(({ peerId, at }) => ({ ...person(peerId), at: isoTime(at) })),
      read: read.map(person),
      delivered: delivered.map(person),
      missing: missing.map(person),
    };
  }

  versions(versions: readonly Version[]): VersionView[] {
    return versions.map(({ body, at }) => ({ body, at: isoTime(at) }));
  }

  get #self(): string {
    return this.keys.peerId;
  }

  async #peerOrNull(peerId: string): Promise<PeerView | null> {
    const peer = this.chat.peers.get(peerId);
    if (peer === undefined) return null;
    const summary = await this.chat.list.summary(this.#direct(peerId));
    // What was read of the store took a while: the peer is shown as it is by now.
    return this.#peer(this.chat.peers.get(peerId) ?? peer, summary?.unread ?? 0);
  }

  #peer(peer: KnownPeer, unread: number): PeerView {
    const [address] = peer.addresses;
    const waiting = this.chat.requests.of(peer.peerId);
    return {
      peerId: peer.peerId,
      user: peer.user,
      conversation: this.#direct(peer.peerId),
      host: address?.host ?? null,
      port: address?.port ?? null,
      online: peer.online,
      blocked: peer.blocked,
      verified: peer.verified,
      trust: peer.contact ? 'contact' : 'stranger',
      request: waiting === undefined ? null : { messages: waiting },
      unread: peer.contact && !peer.blocked ? unread : 0,
      sources: peer.sources,
      ambiguous: peer.ambiguous,
      keyAlarm: peer.keyAlarm,
      ...(peer.forked ? { forked: true } : {}),
      ...(peer.online ? { presence: peer.presence?.state ?? 'online' } : {}),
      ...(peer.online && peer.presence?.status ? { status: peer.presence.status } : {}),
    };
  }

  #conversation({ toConfirm, ...summary }: ConversationSummary): ConversationView {
    return { ...this.#summary(summary), toConfirm: this.messages(toConfirm) };
  }

  #summary({ id, kind, peerId, unread, last }: Omit<ConversationSummary, 'toConfirm'>): ConversationView {
    const [view = null] = last === null ? [] : this.messages([last]);
    const known = peerId === null ? undefined : this.chat.peers.get(peerId);
    const level = this.chat.muteOf(id);
    const mute = level === 'all' ? {} : { mute: level };
    if (peerId === null) {
      const one = this.chat.conversations.groups().find((conversation) => conversation.id === id);
      const group = one && presentConversationGroup(one, this.#groupParts());
      const name = one?.group.roster.name ?? id;
      return { id, kind, name, ...(group === undefined ? {} : { group }), ...mute, unread, last: view };
    }
    if (known === undefined)
      return { id, kind, name: this.#name(peerId), peerId, ...mute, unread, last: view };
    const peer = this.#peer(known, unread);
    return { id, kind, name: peer.user, peerId, peer, ...mute, unread: peer.unread, last: view };
  }

  #message(message: Message, names: (peerId: string) => string): MessageView {
    const { id, conversation, author, direction, content, sentAt, receivedAt, state, clock, recipients } =
      message;
    const { edited, deleted, deletion, replyTo, quote, reactions, confirmed, change } = message;
    return {
      id,
      conversation,
      author,
      user: names(author),
      direction,
      kind: kindOf(content),
      body: content.kind === 'text' ? content.body : '',
      sentAt: isoTime(sentAt),
      receivedAt: receivedAt === null ? null : isoTime(receivedAt),
      state,
      clock,
      ...fileFields(id, content),
      edited,
      deleted,
      ...(deletion === null ? {} : { deletion: { asked: deletion.asked, done: deletion.done } }),
      replyTo,
      ...(replyTo === null ? {} : { quote: quote && this.#quote(quote, conversation, names) }),
      reactions: reactions.map(({ emoji, by }) => ({ emoji, by: [...by] })),
      mentions: content.kind === 'text' ? [...(content.mentions ?? [])] : [],
      confirm: content.kind === 'text' && content.confirm === true,
      ...(confirmed.length === 0
        ? {}
        : {
            confirmed: confirmed.map(({ peerId, at }) => ({ peerId, user: names(peerId), at: isoTime(at) })),
          }),
      ...(recipients === undefined
        ? {}
        : {
            recipients: [...recipients.of],
            delivered: [...recipients.delivered],
            read: [...recipients.read],
            receiptTimes: recipients.times.map(presentReceipt),
          }),
      ...(change === undefined ? {} : { change: presentChange(change, names) }),
      ...(this.#isFolded(message) ? { blocked: true } : {}),
      ...(this.#isRequest(message) ? { request: true } : {}),
    };
  }

  #quote(quote: Quote, conversation: string, names: (peerId: string) => string): QuoteView {
    const isFolded = this.#isFolded({ author: quote.author, conversation });
    return { ...quote, user: names(quote.author), ...(isFolded ? { body: '' } : {}) };
  }

  /** Whether its author is blocked, whose messages in a group are kept. */
  #isFolded({ author, conversation }: Pick<Message, 'author' | 'conversation'>): boolean {
    const isGroup = this.chat.conversations.get(conversation)?.kind === 'group';
    return isGroup && this.chat.peers.isBlocked(author);
  }

  /** Whether it waits for a decision about its author: of a stranger, and not in a group. */
  #isRequest({ author, conversation }: Message): boolean {
    const isGroup = this.chat.conversations.get(conversation)?.kind === 'group';
    return !isGroup && this.chat.requests.of(author) !== undefined;
  }

  #direct(peerId: string): string {
    return directConversation(this.#self, peerId, this.keys.sha256);
  }

  /** Names by peer id, each looked up once. */
  #names(): (peerId: string) => string {
    const known = new Map<string, string>();
    return (peerId) => {
      const name = known.get(peerId) ?? this.#name(peerId);
      known.set(peerId, name);
      return name;
    };
  }

  #name(peerId: string): string {
    if (peerId === this.#self) return this.chat.profile.settings.user;
    if (this.chat.peers.get(peerId) !== undefined) return this.chat.peers.nameOf(peerId);
    // Somebody who was only ever met in a group.
    const named = this.chat.conversations.groups().map(({ group }) => group.roster.members.get(peerId)?.user);
    return named.find((user) => user !== undefined && user !== '') ?? this.chat.peers.nameOf(peerId);
  }
}

/** What a message of files says of them. */
function fileFields(message: string, content: ReadContent): Pick<MessageView, 'caption' | 'files'> {
  if (content.kind !== 'file') return {};
  const ids = fileIds(message, content.files.length);
  const files = content.files.map(({ name, size, type, root }, at) => {
    return { id: ids[at] ?? message, name, size, type, root };
  });
  return content.caption === undefined ? { files } : { caption: content.caption, files };
}

function presentReceipt({ peerId, delivered, read }: MemberReceipt): ReceiptTimeView {
  return {
    peerId,
    ...(delivered === null ? {} : { delivered: isoTime(delivered) }),
    ...(read === null ? {} : { read: isoTime(read) }),
  };
}

function kindOf(content: ReadContent): string {
  return content.kind === 'unknown' ? content.name : content.kind;
}

function isoTime(ms: number): string {
  return new Date(Math.min(ms, MAX_TIME_MS)).toISOString();
}

function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
