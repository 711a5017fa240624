import { Controller, Delete, Get, Param, Put, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import type { PeerView, SafetyNumberView } from '@p2p-chat/shared';
import { Chat } from '../core/chat.js';
import type { KnownPeer } from '../core/peers/peers.js';
import { ApiGroup, ApiPeer } from './api-docs.js';
import { Presenter } from './presenter.js';
import { PeerIdPipe, PeerPipe } from './references.pipe.js';
import { PeersQuery } from './requests.js';
import { PeerSchema, SafetyNumberSchema } from './schemas.js';

@ApiGroup('peers')
@Controller('api/peers')
export class PeersController {
  constructor(
    private readonly chat: Chat,
    private readonly presenter: Presenter,
  ) {}

  @Get()
  @ApiOperation({ summary: 'People online, or everyone known, by name.' })
  @ApiOkResponse({ type: [PeerSchema] })
  peers(@Query() { all }: PeersQuery): Promise<PeerView[]> {
    return this.presenter.peers(this.chat.peers.list(all === 'true'));
  }

  @Get(':peer')
  @ApiPeer()
  @ApiOperation({ summary: 'One person.' })
  @ApiOkResponse({ type: PeerSchema })
  peer(@Param('peer', PeerPipe) { peerId }: KnownPeer): Promise<PeerView> {
    return this.presenter.peer(peerId);
  }

  @Put(':peer/accept')
  @ApiPeer()
  @ApiOperation({
    summary: 'Makes somebody a contact, also one who is known by the whole peer id only.',
  })
  @ApiOkResponse({ type: PeerSchema })
  async accept(@Param('peer', PeerIdPipe) peerId: string): Promise<PeerView> {
    await this.chat.accept(peerId);
    return this.presenter.peer(peerId);
  }

  @Put(':peer/block')
  @ApiPeer()
  @ApiOperation({ summary: 'Blocks a person: nothing of theirs arrives any more, and they cannot tell.' })
  @ApiOkResponse({ type: PeerSchema })
  block(@Param('peer', PeerPipe) peer: KnownPeer): Promise<PeerView> {
    return this.#setBlocked(peer, true);
  }

  @Delete(':peer/block')
  @ApiPeer()
  @ApiOperation({ summary: 'Unblocks a person. What was dropped stays dropped.' })
  @ApiOkResponse({ type: PeerSchema })
  unblock(@Param('peer', PeerPipe) peer: KnownPeer): Promise<PeerView> {
    return this.#setBlocked(peer, false);
  }

  @Get(':peer/safety-number')
  @ApiPeer()
  @ApiOperation({ summary: 'What two people compare to know that nobody is in between.' })
  @ApiOkResponse({ type: SafetyNumberSchema })
  safetyNumber(@Param('peer', PeerPipe) peer: KnownPeer): SafetyNumberView {
    return this.presenter.safetyNumber(peer);
  }

  @Put(':peer/verified')
  @ApiPeer()
  @ApiOperation({ summary: 'The safety number was compared and is the same.' })
  @ApiOkResponse({ type: PeerSchema })
  verify(@Param('peer', PeerPipe) peer: KnownPeer): Promise<PeerView> {
    return this.#setVerified(peer, true);
  }

  @Delete(':peer/verified')
  @ApiPeer()
  @ApiOperation({ summary: 'Takes back that the safety number is the same.' })
  @ApiOkResponse({ type: PeerSchema })
  unverify(@Param('peer', PeerPipe) peer: KnownPeer): Promise<PeerView> {
    return this.#setVerified(peer, false);
  }

  @Delete(':peer/key-alarm')
  @ApiPeer()
  @ApiOperation({ summary: 'Somebody has seen that this key shows the name of another one.' })
  @ApiOkResponse({ type: PeerSchema })
  async sawAlarm(@Param('peer', PeerPipe) { peerId }: KnownPeer): Promise<PeerView> {
    await this.chat.peers.sawAlarm(peerId);
    return this.presenter.peer(peerId);
  }

  async #setVerified({ peerId }: KnownPeer, verified: boolean): Promise<PeerView> {
    await this.chat.peers.setVerified(peerId, verified);
    return this.presenter.peer(peerId);
  }

  async #setBlocked({ peerId }: KnownPeer, blocked: boolean): Promise<PeerView> {
    await this.chat.setBlocked(peerId, blocked);
    return this.presenter.peer(peerId);
  }
}
