import { Body, Controller, Get, HttpCode, Patch, Post } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import type { ProfileView } from '@p2p-chat/shared';
import { Chat } from '../core/chat.js';
import { ApiGroup } from './api-docs.js';
import { Presenter } from './presenter.js';
import { ActivityDto, ProfileDto } from './requests.js';
import { ProfileSchema } from './schemas.js';

@ApiGroup('profile')
@Controller('api')
export class ProfileController {
  constructor(
    private readonly chat: Chat,
    private readonly presenter: Presenter,
  ) {}

  @Get('profile')
  @ApiOperation({ summary: 'What the user of this node shows and has set.' })
  @ApiOkResponse({ type: ProfileSchema })
  profile(): ProfileView {
    return this.presenter.profile();
  }

  @Patch('profile')
  @ApiOperation({ summary: 'Changes what is given, for this start and later ones; the rest stays.' })
  @ApiOkResponse({ type: ProfileSchema })
  async change(@Body() change: ProfileDto): Promise<ProfileView> {
    // A null is as good as nothing.
    const given = Object.entries(change).filter(([, value]) => value !== null && value !== undefined);
    const before = this.chat.profile.settings.user;
    await this.chat.profile.change(Object.fromEntries(given));
    if (this.chat.profile.settings.user !== before) this.chat.announceAnew();
    return this.presenter.profile();
  }

  @Post('activity')
  @HttpCode(204)
  @ApiOperation({ summary: 'A console says whether somebody is at the keys; without anybody, one is away.' })
  @ApiNoContentResponse()
  activity(@Body() { idle }: ActivityDto): void {
    this.chat.profile.setIdle(idle);
  }
}
