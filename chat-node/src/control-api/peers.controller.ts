import { Controller, Delete, Get, Param, Put, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { ConversationView, PeerView } from '@p2p-chat/shared';
import { Chat } from '../chat/chat.js';
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

  /** People with whom messages were exchanged, the latest first. */
  @Get('conversations')
  @ApiOperation({ summary: 'Conversations, the latest first: ConversationView[].' })
  conversations(): Promise<ConversationView[]> {
    return this.presenter.conversations();
  }

  async #setBlocked(peer: string, blocked: boolean): Promise<PeerView> {
    const { peerId } = this.chat.resolve(peer);
    await this.chat.setBlocked(peerId, blocked);
    return this.presenter.peer(peerId);
  }
}
