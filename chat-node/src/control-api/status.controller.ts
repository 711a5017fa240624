import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import type { ProblemView, StatusView } from '@p2p-chat/shared';
import { Chat } from '../chat/chat.js';
import { NodeInfo } from './node-info.js';
import { ApiBearerAuth, ApiOperation, ApiTags } from './openapi.js';

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
      problems: this.#problems(),
      requests: this.chat.requests,
      keyAlarms: this.chat.keyAlarms,
    };
  }

  #problems(): ProblemView[] {
    const problems: ProblemView[] = [];
    const storage = this.chat.storageProblem;
    if (storage !== null)
      problems.push({ code: storage.code, detail: storage.message, hint: storage.hint ?? '' });
    if (this.node.addresses().length === 0) {
      problems.push({
        code: 'network-absent',
        detail: 'This machine has no network.',
        hint: 'Connect it; until then only people on this machine are reached, and what you write waits.',
      });
    }
    return problems;
  }

  /** Withdraws from discovery, says bye to the peers and ends the node. */
  @Post('logout')
  @HttpCode(202)
  @ApiOperation({ summary: 'Withdraws from discovery, says bye to the peers and ends the node.' })
  logout(): void {
    this.node.logout();
  }
}
