import { Injectable, type PipeTransform } from '@nestjs/common';
import { isPeerId } from '@p2p-chat/shared';
import { Chat } from '../core/chat.js';
import type { KnownPeer } from '../core/peers/peers.js';
import { type GroupConversation, theGroup } from '../core/roster/group-finder.js';

/** A conversation that a client named. */
export type ConversationReference = ReturnType<Chat['resolveConversation']>;

/** Turns a peer id, its short form, or an unambiguous name into the peer. @throws {ChatError} */
@Injectable()
export class PeerPipe implements PipeTransform<string, KnownPeer> {
  constructor(private readonly chat: Chat) {}

  transform(reference: string): KnownPeer {
    return this.chat.peers.resolve(reference);
  }
}

/** As {@link PeerPipe}, to the peer id, which may be a whole one of somebody unknown. @throws {ChatError} */
@Injectable()
export class PeerIdPipe implements PipeTransform<string, string> {
  constructor(private readonly chat: Chat) {}

  transform(reference: string): string {
    const whole = reference.trim().toLowerCase();
    return isPeerId(whole) ? whole : this.chat.peers.resolve(reference).peerId;
  }
}

/** Turns the id of a conversation, or what names the other person of one, into the conversation. @throws {ChatError} */
@Injectable()
export class ConversationPipe implements PipeTransform<string, ConversationReference> {
  constructor(private readonly chat: Chat) {}

  transform(reference: string): ConversationReference {
    return this.chat.resolveConversation(reference);
  }
}

/** Turns the id of a group, its first characters, or an unambiguous name into the group. @throws {ChatError} */
@Injectable()
export class GroupPipe implements PipeTransform<string, GroupConversation> {
  constructor(private readonly chat: Chat) {}

  transform(reference: string): GroupConversation {
    return theGroup(reference, this.chat.conversations.groups());
  }
}
