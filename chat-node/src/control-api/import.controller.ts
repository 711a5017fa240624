import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import {
  type Content,
  contentText,
  errorMessage,
  type ImportedMessage,
  type ImportResult,
  parseImportedMessage,
} from '@p2p-chat/shared';
import { Chat } from '../core/chat.js';
import type { EarlierMessage, LaterOfImported } from '../core/conversations/import.js';
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
    return this.chat.messages.import(messages.map((one, at) => readMessage(one, at, this.chat.self)));
  }
}

function readMessage(given: unknown, at: number, self: string): EarlierMessage {
  try {
    return earlierMessage(parseImportedMessage(given), self);
  } catch (error) {
    const reason = errorMessage(error);
    throw new ControlApiError(422, 'import-malformed', `Message ${at + 1}: ${reason}`, {
      errors: [{ field: `messages[${at}]`, reason }],
    });
  }
}

function earlierMessage(message: ImportedMessage, self: string): EarlierMessage {
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
    content: contentOf(withOwn(message, self)),
  };
}

/** A message in which the person of the profile that it was exported from is that of this one: whoever is not the other. */
function withOwn(message: ImportedMessage, self: string): ImportedMessage {
  const own = (id: string): string => (id === message.peerId ? id : self);
  const { mentions, reactions, confirmed } = message;
  return {
    ...message,
    ...(mentions === undefined ? {} : { mentions: mentions.map(own) }),
    ...(reactions === undefined
      ? {}
      : { reactions: reactions.map(({ emoji, by }) => ({ emoji, by: by.map(own) })) }),
    ...(confirmed === undefined
      ? {}
      : { confirmed: confirmed.map((one) => ({ ...one, peerId: own(one.peerId) })) }),
  };
}

/** A content with what became of it by the time of the export; entries have that in entries of their own. */
function withLater({ edited, replyTo, reactions, confirmed }: ImportedMessage, content: Content): string {
  const later: LaterOfImported = {
    ...(edited === true ? { edited } : {}),
    ...(replyTo ? { replyTo } : {}),
    ...(reactions === undefined ? {} : { reactions }),
    ...(confirmed === undefined
      ? {}
      : { confirmed: confirmed.map(({ peerId, at }) => ({ peerId, at: Date.parse(at) })) }),
  };
  return Object.keys(later).length === 0 ? contentText(content) : JSON.stringify({ ...content, later });
}

/** An export has no more than the kind of what its writer could not show. */
function contentOf(message: ImportedMessage): string {
  const { kind, body, caption, files, mentions, confirm } = message;
  if (kind === 'text') {
    return withLater(message, {
      kind,
      body,
      ...(mentions === undefined ? {} : { mentions }),
      ...(confirm === true ? { confirm } : {}),
    });
  }
  if (kind === 'file' && files !== undefined) {
    const offered = files.map(({ name, size, type, root }) => ({ name, size, type, root }));
    return withLater(
      message,
      caption === undefined ? { kind, files: offered } : { kind, caption, files: offered },
    );
  }
  return kind === 'unreadable' ? '{}' : JSON.stringify({ kind });
}
