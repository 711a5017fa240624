import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import type { ProblemView, StatusView } from '@p2p-chat/shared';
import { Chat } from '../core/chat.js';
import { ApiGroup } from './api-docs.js';
import { NodeInfo } from './node-info.js';
import { StatusSchema } from './schemas.js';

@ApiGroup('node')
@Controller('api')
export class StatusController {
  constructor(
    private readonly chat: Chat,
    private readonly node: NodeInfo,
  ) {}

  @Get('status')
  @ApiOperation({ summary: 'Who and where this node is, and how its parts do.' })
  @ApiOkResponse({ type: StatusSchema })
  async status(): Promise<StatusView> {
    const { chat, node } = this;
    return {
      ...node.identity,
      user: chat.profile.settings.user,
      peerPort: chat.port,
      controlPort: node.controlPort,
      discovery: chat.discoveryHealth(),
      links: chat.peers.links,
      outbox: { queued: await chat.list.queued() },
      problems: [...this.#profile(), ...this.#storage(), ...this.#network(), ...this.#copies()],
      requests: chat.requests.count,
      keyAlarms: chat.peers.keyAlarms,
    };
  }

  @Post('logout')
  @HttpCode(202)
  @ApiOperation({ summary: 'Withdraws from discovery, says bye to the peers and ends the node.' })
  @ApiAcceptedResponse()
  logout(): void {
    this.node.logout();
  }

  #profile(): ProblemView[] {
    const problem = this.node.profileProblem();
    return problem === null ? [] : [problem];
  }

  #storage(): ProblemView[] {
    const problem = this.chat.storageProblem;
    return problem === null
      ? []
      : [{ code: problem.code, detail: problem.message, hint: problem.hint ?? '' }];
  }

  #network(): ProblemView[] {
    const problem = this.node.networkProblem();
    return problem === null ? [] : [problem];
  }

  #copies(): ProblemView[] {
    const hosts = this.node.copies();
    if (hosts.length === 0 && !this.chat.isCopied) return [];
    const where = hosts.length === 0 ? '' : ` (${hosts.join(', ')})`;
    return [
      {
        code: 'profile-copied',
        detail: `Another node uses the key of this profile${where}.`,
        hint: 'Nothing is lost, but peers reach only one of the two at a time: stop the copy.',
      },
    ];
  }
}
