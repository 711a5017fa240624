import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { errorMessage, type ImportResult, MAX_HISTORY_PAGE, parseImportedMessage } from '@p2p-chat/shared';
import { Chat } from '../chat/chat.js';
import type { EarlierMessage } from '../chat/import-messages.js';
import { ApiBearerAuth, ApiBody, ApiOperation, ApiTags } from './openapi.js';
import { ControlApiError } from './problem.js';

@ApiTags('messages')
@ApiBearerAuth()
@Controller('api/import')
export class ImportController {
  constructor(private readonly chat: Chat) {}

  /** Restores messages of an export; those that are there already stay as they are. */
  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Restores messages of an export, none of them where one is malformed: an ImportResult.',
  })
  @ApiBody({
    schema: {
      type: 'object',
      properties: {
        messages: { type: 'array', maxItems: MAX_HISTORY_PAGE, items: { type: 'object' } },
      },
    },
  })
  import(@Body() body: unknown): Promise<ImportResult> {
    return this.chat.import(readMessages(body));
  }
}

function readMessages(body: unknown): EarlierMessage[] {
  const given: unknown =
    typeof body === 'object' && body !== null && 'messages' in body ? body.messages : null;
  if (!Array.isArray(given) || given.length > MAX_HISTORY_PAGE) {
    throw new ControlApiError(
      422,
      'request-invalid',
      `messages must be a list of at most ${MAX_HISTORY_PAGE}.`,
      {
        errors: [{ field: 'messages', reason: `must be a list of at most ${MAX_HISTORY_PAGE}` }],
      },
    );
  }
  return given.map((one: unknown, at) => {
    try {
      const { sentAt, receivedAt, ...message } = parseImportedMessage(one);
      return {
        ...message,
        sentAt: Date.parse(sentAt),
        receivedAt: receivedAt === null ? null : Date.parse(receivedAt),
      };
    } catch (error) {
      const reason = errorMessage(error);
      throw new ControlApiError(422, 'import-malformed', `Message ${at + 1}: ${reason}`, {
        errors: [{ field: `messages[${at}]`, reason }],
      });
    }
  });
}
