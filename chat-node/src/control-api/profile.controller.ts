import { Body, Controller, Get, HttpCode, Param, Patch, Post } from '@nestjs/common';
import type { ProfileView } from '@p2p-chat/shared';
import { Chat } from '../chat/chat.js';
import { ApiBearerAuth, ApiBody, ApiOperation, ApiTags } from './openapi.js';
import { Presenter } from './presenter.js';
import { ActivityDto, ProfileDto, readProfileChange, readRequest } from './requests.js';

@ApiTags('profile')
@ApiBearerAuth()
@Controller('api')
export class ProfileController {
  constructor(
    private readonly chat: Chat,
    private readonly presenter: Presenter,
  ) {}

  /** What the user shows and has set. */
  @Get('profile')
  @ApiOperation({ summary: 'What the user of this node shows and has set: a ProfileView.' })
  profile(): ProfileView {
    return this.presenter.profile();
  }

  /** Changes some of it; the rest stays. */
  @Patch('profile')
  @ApiOperation({ summary: 'Changes what is given, for this start and later ones. Answers the ProfileView.' })
  @ApiBody({ type: ProfileDto })
  async change(@Body() body: unknown): Promise<ProfileView> {
    const change = readProfileChange(body);
    const before = this.chat.profile.settings.user;
    await this.chat.profile.change(change);
    if (this.chat.profile.settings.user !== before) this.chat.announceAnew();
    return this.presenter.profile();
  }

  /** Whether somebody is at the keys: nobody for a while means away. */
  @Post('activity')
  @HttpCode(204)
  @ApiOperation({ summary: 'A console says whether somebody is at the keys; without anybody, one is away.' })
  @ApiBody({ type: ActivityDto })
  activity(@Body() body: unknown): void {
    this.chat.profile.setIdle(readRequest(ActivityDto, body).idle);
  }

  /** Something is being written to a person. */
  @Post('peers/:peer/typing')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Something is being written to a person, who is told where the settings allow it.',
  })
  typing(@Param('peer') peer: string): void {
    this.chat.writes(this.chat.resolve(peer).peerId);
  }
}
