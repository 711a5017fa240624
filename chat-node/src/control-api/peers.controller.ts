import { Controller, Delete, Get, Param, Put, Query } from '@nestjs/common';
import { type ConversationView, isPeerId, type PeerView, type SafetyNumberView } from '@p2p-chat/shared';
import { Chat } from '../chat/chat.js';
import { ApiBearerAuth, ApiOperation, ApiQuery, ApiTags } from './openapi.js';
import { PeersQuery, readRequest } from './requests.js';
import { Presenter } from './presenter.js';

@ApiTags('peers')
@ApiBearerAuth()
@Controller('api')
export class PeersController {
  constructor(
    private readonly chat: Chat,
    private readonly presenter: Presenter,
  ) {}

  /** People online, or everyone known. */
  @Get('peers')
  @ApiOperation({ summary: 'People online, or everyone known: PeerView[], by name.' })
  @ApiQuery({ name: 'all', required: false, enum: ['true', 'false'] })
  async peers(@Query() query: Record<string, unknown>): Promise<PeerView[]> {
    const { all } = readRequest(PeersQuery, query);
    return this.presenter.peers(await this.chat.peers(all === 'true'));
  }

  /** One person, by id, short id or name. */
  @Get('peers/:peer')
  @ApiOperation({
    summary: 'One person, by peer id, its short form, or a name that is unambiguous: a PeerView.',
  })
  async peer(@Param('peer') peer: string): Promise<PeerView> {
    return this.presenter.peer(this.chat.resolve(peer).peerId);
  }

  /** Makes somebody a contact: what waits of theirs comes, and they are told what was read. */
  @Put('peers/:peer/accept')
  @ApiOperation({
    summary:
      'Makes somebody a contact, also one who is known by the whole peer id only. Answers the PeerView.',
  })
  async accept(@Param('peer') peer: string): Promise<PeerView> {
    const wanted = peer.trim().toLowerCase();
    const peerId = isPeerId(wanted) ? wanted : this.chat.resolve(peer).peerId;
    await this.chat.accept(peerId);
    return this.presenter.peer(peerId);
  }

  /** Blocks a person: messages do not arrive any more, and they cannot tell. */
  @Put('peers/:peer/block')
  @ApiOperation({ summary: 'Blocks a person; they cannot tell. Answers the PeerView.' })
  async block(@Param('peer') peer: string): Promise<PeerView> {
    return this.#setBlocked(peer, true);
  }

  /** Unblocks a person. What was dropped stays dropped. */
  @Delete('peers/:peer/block')
  @ApiOperation({ summary: 'Unblocks a person. Answers the PeerView.' })
  async unblock(@Param('peer') peer: string): Promise<PeerView> {
    return this.#setBlocked(peer, false);
  }

  /** What two people compare to know that nobody is in between. */
  @Get('peers/:peer/safety-number')
  @ApiOperation({ summary: 'What two people compare, the same on both sides: a SafetyNumberView.' })
  safetyNumber(@Param('peer') peer: string): SafetyNumberView {
    return this.presenter.safetyNumber(this.chat.resolve(peer));
  }

  /** A person has compared the safety number, and it is the same. */
  @Put('peers/:peer/verified')
  @ApiOperation({ summary: 'The safety number was compared and is the same. Answers the PeerView.' })
  async verify(@Param('peer') peer: string): Promise<PeerView> {
    return this.#setVerified(peer, true);
  }

  /** Takes back that the safety number is the same. */
  @Delete('peers/:peer/verified')
  @ApiOperation({ summary: 'Takes back that the safety number is the same. Answers the PeerView.' })
  async unverify(@Param('peer') peer: string): Promise<PeerView> {
    return this.#setVerified(peer, false);
  }

  /** Somebody has seen that this key shows the name of another one. */
  @Delete('peers/:peer/key-alarm')
  @ApiOperation({ summary: 'The alarm about this key was seen. Answers the PeerView.' })
  async sawAlarm(@Param('peer') peer: string): Promise<PeerView> {
    const { peerId } = this.chat.resolve(peer);
    await this.chat.sawAlarm(peerId);
    return this.presenter.peer(peerId);
  }

  /** People with whom messages were exchanged, the latest first. */
  @Get('conversations')
  @ApiOperation({ summary: 'Conversations, the latest first: ConversationView[].' })
  conversations(): Promise<ConversationView[]> {
    return this.presenter.conversations();
  }

  async #setVerified(peer: string, verified: boolean): Promise<PeerView> {
    const { peerId } = this.chat.resolve(peer);
    await this.chat.setVerified(peerId, verified);
    return this.presenter.peer(peerId);
  }

  async #setBlocked(peer: string, blocked: boolean): Promise<PeerView> {
    const { peerId } = this.chat.resolve(peer);
    await this.chat.setBlocked(peerId, blocked);
    return this.presenter.peer(peerId);
  }
}
