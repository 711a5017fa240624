import type { Readable } from 'node:stream';
import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import {
  ApiBody,
  ApiConsumes,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiProduces,
} from '@nestjs/swagger';
import {
  type ConversationView,
  type MemberView,
  type MessageView,
  NDJSON,
  type ReadResult,
  type SendResult,
  type StreamResult,
  UNBUFFERED_HEADER,
} from '@p2p-chat/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Chat } from '../core/chat.js';
import { ApiConversation, ApiGroup } from './api-docs.js';
import { BodyLines } from './body-lines.js';
import { drained } from './drained.js';
import { Presenter } from './presenter.js';
import { ControlApiError, INTERNAL_ERROR, problemOf } from './problem.js';
import { ConversationPipe, type ConversationReference } from './references.pipe.js';
import { HistoryQuery, ReadDto, SendDto } from './requests.js';
import {
  ConversationSchema,
  MemberSchema,
  MessageSchema,
  ReadResultSchema,
  SendResultSchema,
} from './schemas.js';

@ApiGroup('conversations')
@Controller('api/conversations')
export class ConversationsController {
  constructor(
    private readonly chat: Chat,
    private readonly presenter: Presenter,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Conversations, the one with the latest message first.' })
  @ApiOkResponse({ type: [ConversationSchema] })
  conversations(): Promise<ConversationView[]> {
    return this.presenter.conversations();
  }

  @Get(':conversation')
  @ApiConversation()
  @ApiOperation({ summary: 'One conversation, also one in which nothing was written.' })
  @ApiOkResponse({ type: ConversationSchema })
  conversation(
    @Param('conversation', ConversationPipe) conversation: ConversationReference,
  ): Promise<ConversationView> {
    return this.presenter.conversation(conversation);
  }

  @Get(':conversation/members')
  @ApiConversation()
  @ApiOperation({ summary: 'Who reads and writes in it.' })
  @ApiOkResponse({ type: [MemberSchema] })
  members(@Param('conversation', ConversationPipe) conversation: ConversationReference): MemberView[] {
    return this.presenter.members(conversation);
  }

  @Get(':conversation/messages')
  @ApiConversation()
  @ApiOperation({ summary: 'A page of the conversation, oldest first; the latest ones without a bound.' })
  @ApiOkResponse({ type: [MessageSchema] })
  async history(
    @Param('conversation', ConversationPipe) { id }: ConversationReference,
    @Query() page: HistoryQuery,
  ): Promise<MessageView[]> {
    return this.presenter.messages(await this.chat.messages.history(id, page));
  }

  @Post(':conversation/messages')
  @ApiConversation()
  @ApiOperation({ summary: 'Accepts one message: it is durable when the answer comes.' })
  @ApiCreatedResponse({ type: SendResultSchema })
  async send(
    @Param('conversation', ConversationPipe) { id }: ConversationReference,
    @Body() { body, key, replyTo, mentions, confirm }: SendDto,
  ): Promise<SendResult> {
    const [message] = await this.chat.messages.send(id, [body], key ?? undefined, {
      ...(replyTo ? { replyTo } : {}),
      ...(mentions ? { mentions } : {}),
      ...(confirm ? { confirm } : {}),
    });
    if (message === undefined) throw new Error('an accepted message has a result');
    return { id: message.id, conversation: id, author: message.author, state: message.state };
  }

  /** What arrives while one commit runs goes into the next. */
  @Post(':conversation/messages/stream')
  @HttpCode(200)
  @ApiConversation()
  @ApiOperation({
    summary: 'Accepts messages as they are written, one JSON string a line; answers StreamResult lines.',
  })
  @ApiConsumes(NDJSON)
  @ApiBody({ schema: { type: 'string' } })
  @ApiProduces(NDJSON)
  @ApiOkResponse({ description: 'StreamResult lines.' })
  async stream(
    @Param('conversation', ConversationPipe) { id }: ConversationReference,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (!isStream(request.body)) {
      throw new ControlApiError(415, 'content-type-unsupported', `A message stream is ${NDJSON}.`);
    }
    // Answered line by line while the request is still being read, which no framework does.
    reply.hijack();
    reply.raw.writeHead(200, { 'content-type': NDJSON, [UNBUFFERED_HEADER]: 'no' });
    let accepted = 0;
    try {
      for await (const bodies of new BodyLines(request.body)) {
        const ids = this.presenter.ids(await this.chat.messages.sendRanges(id, bodies));
        accepted += bodies.length;
        await writeLine(reply, { accepted: { conversation: id, state: 'queued', ids } });
      }
    } catch (error) {
      const { code, detail, hint } = problemOf(error)?.content ?? INTERNAL_ERROR;
      await writeLine(reply, {
        error: { code, detail, ...(hint === undefined ? {} : { hint }), accepted },
      });
    }
    reply.raw.end();
  }

  @Post(':conversation/read')
  @HttpCode(200)
  @ApiConversation()
  @ApiOperation({ summary: 'The person has seen all messages up to one, or all: they count as read.' })
  @ApiBody({ type: ReadDto, required: false })
  @ApiOkResponse({ type: ReadResultSchema })
  async read(
    @Param('conversation', ConversationPipe) { id }: ConversationReference,
    @Body() { upTo }: ReadDto,
  ): Promise<ReadResult> {
    return { read: await this.chat.messages.markRead(id, upTo ?? undefined) };
  }

  @Post(':conversation/typing')
  @HttpCode(204)
  @ApiConversation()
  @ApiOperation({
    summary: 'Something is being written, which the others are told where the settings allow it.',
  })
  @ApiNoContentResponse()
  typing(@Param('conversation', ConversationPipe) { id }: ConversationReference): void {
    this.chat.writes(id);
  }
}

async function writeLine(reply: FastifyReply, result: StreamResult): Promise<void> {
  if (reply.raw.destroyed || reply.raw.write(`${JSON.stringify(result)}\n`)) return;
  await drained(reply.raw);
}

function isStream(body: unknown): body is Readable {
  return typeof body === 'object' && body !== null && 'pipe' in body;
}
