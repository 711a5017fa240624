import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import {
  contentText,
  errorMessage,
  type ImportedMessage,
  type ImportResult,
  parseImportedMessage,
} from '@p2p-chat/shared';
import { Chat } from '../core/chat.js';
import type { EarlierMessage } from '../core/conversations/import.js';
import { ApiGroup } from './api-docs.js';
import { ControlApiError } from './problem.js';
import { ImportDto } from './requests.js';
import { ImportResultSchema } from './schemas.js';

@ApiGroup('messages')
@Controller('api/import')
export class ImportController {
  constructor(private readonly chat: Chat) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary:
      'Restores messages of an export, none of them where one is malformed; known ones stay as they are.',
  })
  @ApiOkResponse({ type: ImportResultSchema })
  import(@Body() { messages }: ImportDto): Promise<ImportResult> {
    return this.chat.messages.import(messages.map(readMessage));
  }
}

function readMessage(given: unknown, at: number): EarlierMessage {
  try {
    return earlierMessage(parseImportedMessage(given));
  } catch (error) {
    const reason = errorMessage(error);
    throw new ControlApiError(422, 'import-malformed', `Message ${at + 1}: ${reason}`, {
      errors: [{ field: `messages[${at}]`, reason }],
    });
  }
}

function earlierMessage(message: ImportedMessage): EarlierMessage {
  const { id, peerId, direction, user, clock, state, sentAt, receivedAt } = message;
  return {
    id,
    peerId,
    direction,
    user,
    clock,
    state,
    sentAt: Date.parse(sentAt),
    receivedAt: receivedAt === null ? null : Date.parse(receivedAt),
    content: contentOf(message),
  };
}

/** An export has no more than the kind of what its writer could not show. */
function contentOf({ kind, body, caption, files }: ImportedMessage): string {
  if (kind === 'text') return contentText({ kind, body });
  if (kind === 'file' && files !== undefined) {
    const offered = files.map(({ name, size, type, root }) => ({ name, size, type, root }));
    return contentText(caption === undefined ? { kind, files: offered } : { kind, caption, files: offered });
  }
  return kind === 'unreadable' ? '{}' : JSON.stringify({ kind });
}
