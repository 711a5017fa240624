import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import type { FoundMessageView } from '@p2p-chat/shared';
import { Chat } from '../core/chat.js';
import { ApiGroup } from './api-docs.js';
import { Presenter } from './presenter.js';
import { SearchQuery } from './requests.js';
import { FoundMessageSchema } from './schemas.js';

@ApiGroup('messages')
@Controller('api/search')
export class SearchController {
  constructor(
    private readonly chat: Chat,
    private readonly presenter: Presenter,
  ) {}

  @Get()
  @ApiOperation({
    summary:
      'Messages with all words of a text (their beginnings, without case and diacritics), the last saved first.',
  })
  @ApiOkResponse({ type: [FoundMessageSchema] })
  async search(@Query() { text, conversation, limit, before }: SearchQuery): Promise<FoundMessageView[]> {
    const found = await this.chat.messages.search(text, {
      limit,
      ...(conversation === undefined ? {} : { conversation: this.chat.resolveConversation(conversation).id }),
      ...(before === undefined ? {} : { before }),
    });
    return this.presenter.found(found);
  }
}
