import { safeLine, shortPeerId, type ControlEvent, type PeerView } from '@p2p-chat/shared';
import type { ControlClient } from '../console/control-client.js';
import type { FeedItem } from '@p2p-chat/shared/client';
import {
  keyAlarm,
  peerLabel,
  presenceLabel,
  presenceRemark,
  timeOfDay,
  progressLabel,
} from '../console/labels.js';
import { groupLabel, groupRemark } from '../console/group-labels.js';
import { fileText, messageLine, messageText } from '../console/message-text.js';
import { note, print, printJson, type Io } from './io.js';
import { profileClient, type ProfileFlags } from './profile-client.js';
import { ResumeFile } from './resume-file.js';

export interface EventsFlags extends ProfileFlags {
  json?: boolean;
  /** A file with the place where the last run ended. */
  resume?: string;
}

/**
 * `events`: what happens, a line each, until Ctrl-C. With a file to resume
 * from, each event is told at least once over all runs, as far as the node has
 * kept it; where it has not, that is said.
 */
export async function events(io: Io, flags: EventsFlags): Promise<void> {
  const client = profileClient(io, flags);
  const signal = io.interruption();
  const names = new Names(client, signal);
  let connected = false;
  const file = flags.resume === undefined ? undefined : new ResumeFile(flags.resume);
  const feed = client.events(signal, await file?.load(), (id) => file?.save(id) ?? Promise.resolve());
  for await (const item of feed) {
    if (item.type === 'connected') {
      if (connected) note(io, 'The node is back.');
      connected = true;
      await names.load().catch(() => undefined);
    } else if (item.type === 'disconnected') {
      note(io, 'The node has gone away; waiting for it to come back. Ctrl-C ends this.');
    } else {
      names.learn(item);
      if (flags.json === true) for (const object of objects(item)) await printJson(io, object);
      else for (const line of describe(item, names, io.clock.now())) await print(io, `${line}\n`);
      if (item.type === 'resync') {
        note(io, 'What happened before this may be missing here: the node was started again, or too much');
        note(io, 'happened. No message is lost; "p2p-chat history NAME --after ID" gives those since one.');
      }
      if (feed.lastEventId !== undefined) await file?.save(feed.lastEventId);
    }
  }
}

/** An event as objects that stand for themselves: one for each message or id. */
export function objects(event: ControlEvent): object[] {
  switch (event.type) {
    case 'message':
      return event.messages.map((message) => ({ event: 'message', ...message }));
    case 'state': {
      const { type, ids, ...rest } = event;
      return ids.map((id) => ({ event: type, id, ...rest }));
    }
    case 'changed':
      return event.messages.map((message) => ({ event: 'changed', ...message }));
    case 'removed':
      return event.ids.map((id) => ({ event: 'removed', id, conversation: event.conversation }));
    case 'reminder':
    case 'mention':
      return [{ event: event.type, ...event.message }];
    case 'receipt': {
      const { type, ids, ...rest } = event;
      return ids.map((id) => ({ event: type, id, ...rest }));
    }
    case 'group':
      return [{ event: 'group', ...event.group }];
    case 'history':
      return [{ event: 'history', conversation: event.conversation }];
    case 'conversation':
      return [{ event: 'conversation', ...event.conversation }];
    case 'peer':
    case 'key-alarm':
      return [{ event: event.type, ...event.peer }];
    case 'typing':
      return [
        { event: 'typing', conversation: event.conversation, peerId: event.peerId, typing: event.typing },
      ];
    case 'file':
      return [{ event: 'file', ...event.file }];
    case 'profile':
      return [{ event: 'profile', ...event.profile }];
    case 'listening':
    case 'resync':
    case 'stopping':
      return [{ event: event.type }];
  }
}

/** An event as lines for a person. */
function describe(event: ControlEvent, names: Names, at: number): string[] {
  const now = timeOfDay(new Date(at).toISOString());
  switch (event.type) {
    case 'message':
      return event.messages.map((message) => {
        if (message.change !== undefined)
          return `${timeOfDay(message.sentAt)}  ${names.in(message.conversation)}: ${messageText(message)}`;
        const { direction, author, conversation } = message;
        const who =
          direction === 'out'
            ? `You to ${names.in(conversation)}`
            : `${names.of(author)}${names.isGroup(conversation) ? ` in ${names.in(conversation)}` : ''}`;
        return `${timeOfDay(message.sentAt)}  ${who}: ${safeLine(messageLine(message, names.self))}`;
      });
    case 'state':
      return event.ids.map((id) => `${now}  ${names.in(event.conversation)}: ${event.state} ${safeLine(id)}`);
    case 'changed':
      return event.messages.map(
        (message) =>
          `${now}  ${names.in(message.conversation)}: changed: ${safeLine(messageLine(message, names.self))}`,
      );
    case 'removed':
      return event.ids.map((id) => `${now}  ${names.in(event.conversation)}: deleted here ${safeLine(id)}`);
    case 'reminder':
      return [
        `${now}  ${names.of(event.message.author)} asks you to confirm: ${safeLine(messageText(event.message))}`,
      ];
    case 'mention':
      return [
        `${now}  ${names.of(event.message.author)} mentions you: ${safeLine(messageText(event.message))}`,
      ];
    case 'history':
      return [`${now}  ${names.in(event.conversation)}: earlier messages came or are hidden`];
    case 'receipt':
      return event.ids.map(
        (id) =>
          `${now}  ${names.in(event.conversation)}: ${event.state} at ${names.of(event.member)} ${safeLine(id)}`,
      );
    case 'group':
      return [`${now}  ${groupLabel(event.group)}: ${groupRemark(event.group)}`];
    case 'conversation':
    case 'listening':
      return [];
    case 'peer': {
      const remarks = [event.peer.online ? 'online' : 'offline', ...(event.peer.blocked ? ['blocked'] : [])];
      const remark = presenceRemark(event.peer);
      return [
        `${now}  ${peerLabel(event.peer)} is ${remarks.join(', ')}${remark === '' ? '' : ` (${remark})`}`,
      ];
    }
    case 'key-alarm':
      return [`${now}  ! ${keyAlarm(event.peer)}`];
    case 'typing':
      return event.typing ? [`${now}  ${names.of(event.peerId)} is typing`] : [];
    case 'file': {
      const { file } = event;
      return [`${now}  ${names.in(file.conversation)}: ${fileText(file)} ${progressLabel(file)}`];
    }
    case 'profile':
      return [`${now}  You are ${safeLine(event.profile.user)}, ${presenceLabel(event.profile.shown)}`];
    case 'resync':
      return [`${now}  Some events were missed.`];
    case 'stopping':
      return [`${now}  The node ends.`];
  }
}

/** What people are called, by peer id. */
class Names {
  /** Own peer id. */
  self = '';
  readonly #peers = new Map<string, PeerView>();
  /** Labels of groups by the id of their conversation. */
  readonly #groups = new Map<string, string>();

  constructor(
    private readonly client: ControlClient,
    private readonly signal: AbortSignal,
  ) {}

  async load(): Promise<void> {
    this.self = (await this.client.status(this.signal)).peerId;
    for (const peer of await this.client.peers(true, this.signal)) this.#peers.set(peer.peerId, peer);
    for (const group of await this.client.groups(undefined, this.signal))
      this.#groups.set(group.id, groupLabel(group));
  }

  learn(item: FeedItem): void {
    if (item.type === 'peer') this.#peers.set(item.peer.peerId, item.peer);
    if (item.type === 'group') this.#groups.set(item.group.id, groupLabel(item.group));
  }

  isGroup(conversation: string): boolean {
    return this.#groups.has(conversation);
  }

  /** The other person of a conversation, or the group. */
  in(conversation: string): string {
    for (const peer of this.#peers.values()) if (peer.conversation === conversation) return peerLabel(peer);
    return this.#groups.get(conversation) ?? shortPeerId(safeLine(conversation));
  }

  of(peerId: string): string {
    const peer = this.#peers.get(peerId);
    return peer === undefined ? shortPeerId(safeLine(peerId)) : peerLabel(peer);
  }
}
