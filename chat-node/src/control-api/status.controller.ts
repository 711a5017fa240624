import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { StatusView } from '@p2p-chat/shared';
import { Chat } from '../chat/chat.js';
import { NodeInfo } from './node-info.js';

@ApiTags('node')
@ApiBearerAuth()
@Controller('api')
export class StatusController {
  constructor(
    private readonly chat: Chat,
    private readonly node: NodeInfo,
  ) {}

  /** Who and where this node is, and how its parts do. */
  @Get('status')
  @ApiOperation({ summary: 'Who and where this node is, and how its parts do: a StatusView.' })
  async status(): Promise<StatusView> {
    return {
      ...this.node.identity,
      user: this.chat.profile.settings.user,
      peerPort: this.chat.port,
      controlPort: this.node.controlPort,
      discovery: this.chat.discoveryHealth(),
      links: this.chat.links,
      outbox: { queued: await this.chat.queuedCount() },
      requests: this.chat.requests,
    };
  }

  /** Withdraws from discovery, says bye to the peers and ends the node. */
  @Post('logout')
  @HttpCode(202)
  @ApiOperation({ summary: 'Withdraws from discovery, says bye to the peers and ends the node.' })
  logout(): void {
    this.node.logout();
  }
}
