import { Injectable } from '@nestjs/common';
import {
  type ControlEvent,
  type ConversationView,
  foldText,
  type FoundMessageView,
  type MessageView,
  type PeerView,
  type ProfileView,
  type SafetyNumberView,
  safetyNumber,
  shortPeerId,
  splitIds,
} from '@p2p-chat/shared';
import { Chat, type PeerWithUnread } from '../chat/chat.js';
import { ChatError } from '../chat/errors.js';
import type { Message } from '../chat/message.js';
import { messagesOf } from '../chat/message-run.js';
import type { KnownPeer } from '../chat/peer-directory.js';
import type { FoundMessage } from '../chat/search-messages.js';
import type { LoggedEvent } from './event-log.js';
import { NodeInfo } from './node-info.js';
import { messageView, peerView } from './views.js';

/** Turns what the core gives into the forms of the control contract. */
@Injectable()
export class Presenter {
  constructor(
    private readonly chat: Chat,
    private readonly node: NodeInfo,
  ) {}

  /**
   * People by name, then by id. Whoever shows them knows in which language:
   * a collation here would be that of the node, and take 2.5 MB.
   */
  peers(peers: readonly PeerWithUnread[]): PeerView[] {
    return peers
      .map((peer) => ({ view: peerView(peer), place: `${foldText(peer.user)}\n${peer.peerId}` }))
      .sort((a, b) => (a.place < b.place ? -1 : 1))
      .map(({ view }) => view);
  }

  /** @throws {ChatError} `peer-unknown` */
  async peer(peerId: string): Promise<PeerView> {
    const peer = await this.chat.peer(peerId);
    if (peer === null)
      throw new ChatError('peer-unknown', `Nobody is known as ${shortPeerId(peerId)} any more.`);
    return peerView(peer);
  }

  safetyNumber({ peerId, user, verified }: KnownPeer): SafetyNumberView {
    return { peerId, user, verified, safetyNumber: safetyNumber(this.node.identity.peerId, peerId) };
  }

  /** What the user of this node shows and has set. */
  profile(): ProfileView {
    const { profile } = this.chat;
    const { user, presence, status, receipts, typing } = profile.settings;
    return {
      peerId: this.node.identity.peerId,
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
    return messages.map((message) => {
      const view = messageView(message, names);
      return this.chat.isRequest(message.author) ? { ...view, request: true } : view;
    });
  }

  found(found: readonly FoundMessage[]): FoundMessageView[] {
    const names = this.#names();
    const view = (message: Message | null): MessageView | null =>
      message === null ? null : messageView(message, names);
    return found.map(({ message, previous, next }) => ({
      ...messageView(message, names),
      previous: view(previous),
      next: view(next),
    }));
  }

  async conversations(): Promise<ConversationView[]> {
    const views: ConversationView[] = [];
    for (const { id, unread, last } of await this.chat.conversations()) {
      const known = this.chat.knownPeer(id);
      if (known === undefined) continue;
      const [view = null] = last === null ? [] : this.messages([last]);
      const peer = peerView(this.chat.withUnread(known, unread));
      views.push({ peer, unread: peer.unread, last: view });
    }
    return views;
  }

  /** An event as clients get it; null for one that has become void, such as news of a forgotten peer. */
  async event({ event }: Pick<LoggedEvent, 'event'>): Promise<ControlEvent | null> {
    switch (event.type) {
      case 'messages':
        return { type: 'message', messages: this.messages(messagesOf(event.run)) };
      case 'states': {
        const { peerId, state, ids, reason } = event;
        return {
          type: 'state',
          peerId,
          state,
          ids: splitIds(ids),
          ...(reason === undefined ? {} : { reason }),
        };
      }
      case 'history':
        return { type: 'history', peerId: event.peerId };
      case 'peer':
      case 'key-alarm': {
        const peer = await this.chat.peer(event.peerId);
        if (peer === null || (event.type === 'key-alarm' && peer.keyAlarm === null)) return null;
        return { type: event.type, peer: peerView(peer) };
      }
      case 'typing':
        return { type: 'typing', peerId: event.peerId, typing: event.typing };
      case 'profile':
        return { type: 'profile', profile: this.profile() };
      case 'stopping':
        return { type: 'stopping' };
    }
  }

  /** Names by peer id, each looked up once. */
  #names(): (author: string) => string {
    const known = new Map<string, string>();
    return (author) => {
      const name = known.get(author) ?? this.#name(author);
      known.set(author, name);
      return name;
    };
  }

  #name(author: string): string {
    const { user } = this.chat.profile.settings;
    return author === this.node.identity.peerId
      ? user
      : (this.chat.knownPeer(author)?.user ?? shortPeerId(author));
  }
}

function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
