import { Controller, Get, Query } from '@nestjs/common';
import type { FoundMessageView } from '@p2p-chat/shared';
import { Chat } from '../chat/chat.js';
import { ApiBearerAuth, ApiOperation, ApiQuery, ApiTags } from './openapi.js';
import { Presenter } from './presenter.js';
import { readSearchQuery } from './search-query.js';

@ApiTags('messages')
@ApiBearerAuth()
@Controller('api/search')
export class SearchController {
  constructor(
    private readonly chat: Chat,
    private readonly presenter: Presenter,
  ) {}

  /** A page of the messages that have all words of a text, the one that was saved last first. */
  @Get()
  @ApiOperation({
    summary:
      'Messages with all words of a text (their beginnings, without case and diacritics), the last saved first: FoundMessageView[].',
  })
  @ApiQuery({ name: 'text', required: true, type: String })
  @ApiQuery({ name: 'peer', required: false, type: String })
  @ApiQuery({ name: 'limit', required: false, type: Number })
  @ApiQuery({ name: 'before', required: false, type: String })
  async search(@Query() query: Record<string, unknown>): Promise<FoundMessageView[]> {
    const { text, peer, limit, before } = readSearchQuery(query);
    const found = await this.chat.search(text, {
      limit,
      ...(peer === undefined ? {} : { peerId: this.chat.resolve(peer).peerId }),
      ...(before === undefined ? {} : { before }),
    });
    return this.presenter.found(found);
  }
}
