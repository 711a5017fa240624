import type { Readable } from 'node:stream';
import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import {
  type MessageView,
  type ReadResult,
  type SendResult,
  splitIds,
  type StreamResult,
} from '@p2p-chat/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Chat } from '../chat/chat.js';
import type { Message } from '../chat/message.js';
import type { MessageRun } from '../chat/message-run.js';
import { BodyLines } from './body-lines.js';
import { drained } from './drained.js';
import { ApiBearerAuth, ApiBody, ApiConsumes, ApiOperation, ApiQuery, ApiTags } from './openapi.js';
import { Presenter } from './presenter.js';
import { ControlApiError, INTERNAL_ERROR, problemOf } from './problem.js';
import { ReadDto, readHistoryQuery, readRequest, SendDto } from './requests.js';

/** Content type of a message stream: one JSON value a line. */
export const NDJSON = 'application/x-ndjson';

@ApiTags('messages')
@ApiBearerAuth()
@Controller('api/peers/:peer')
export class MessagesController {
  constructor(
    private readonly chat: Chat,
    private readonly presenter: Presenter,
  ) {}

  /** A page of the conversation, oldest first. */
  @Get('messages')
  @ApiOperation({ summary: 'A page of the conversation, oldest first: MessageView[].' })
  @ApiQuery({ name: 'limit', required: false, type: Number })
  @ApiQuery({ name: 'before', required: false, type: String })
  @ApiQuery({ name: 'after', required: false, type: String })
  async history(
    @Param('peer') peer: string,
    @Query() query: Record<string, unknown>,
  ): Promise<MessageView[]> {
    const { limit, before, after } = readHistoryQuery(query);
    const page = {
      limit,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    };
    return this.presenter.messages(await this.chat.history(this.chat.resolve(peer).peerId, page));
  }

  /** Accepts one message. When it answers, the message is durable. */
  @Post('messages')
  @ApiOperation({ summary: 'Accepts one message: 201 and a SendResult once it is durable.' })
  @ApiBody({ type: SendDto })
  async send(@Param('peer') peer: string, @Body() body: unknown): Promise<SendResult> {
    const request = readRequest(SendDto, body);
    const accepted = await this.chat.send(this.chat.resolve(peer).peerId, [request.body]);
    const [result] = accepted.map(sendResult);
    if (result === undefined) throw new Error('a message that was accepted has a result');
    return result;
  }

  /**
   * Accepts many messages: each line of the body is a JSON string, each line
   * of the answer says which were accepted. What arrives while one commit runs
   * goes into the next.
   */
  @Post('messages/stream')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Accepts messages as they are written, one JSON string a line; answers StreamResult lines.',
  })
  @ApiConsumes(NDJSON)
  async stream(
    @Param('peer') peer: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { peerId } = this.chat.resolve(peer);
    if (!isStream(request.body)) {
      throw new ControlApiError(415, 'content-type-unsupported', `A message stream is ${NDJSON}.`);
    }
    reply.hijack();
    reply.raw.writeHead(200, { 'content-type': NDJSON });
    let accepted = 0;
    try {
      for await (const bodies of new BodyLines(request.body)) {
        const runs = await this.chat.sendMany(peerId, bodies);
        accepted += bodies.length;
        await writeLine(reply, acceptedLine(peerId, runs));
      }
    } catch (error) {
      const { code, detail, hint } = problemOf(error)?.content ?? INTERNAL_ERROR;
      const result: StreamResult = {
        error: { code, detail, ...(hint === undefined ? {} : { hint }), accepted },
      };
      await writeLine(reply, JSON.stringify(result));
    }
    reply.raw.end();
  }

  /** A person has seen messages: they count as read, and their author is told where receipts are on. */
  @Post('read')
  @HttpCode(200)
  @ApiOperation({ summary: 'Marks messages as read, up to one or all: a ReadResult.' })
  @ApiBody({ type: ReadDto, required: false })
  async read(@Param('peer') peer: string, @Body() body: unknown): Promise<ReadResult> {
    const { upTo } = readRequest(ReadDto, body);
    return { read: await this.chat.markRead(this.chat.resolve(peer).peerId, upTo) };
  }
}

function sendResult({ id, conversationId, state }: Message): SendResult {
  return { id, peerId: conversationId, state };
}

function acceptedLine(peerId: string, runs: readonly MessageRun[]): string {
  const ids = runs.flatMap((run) => splitIds(run.ids));
  return JSON.stringify({ accepted: { peerId, state: 'queued', ids } } satisfies StreamResult);
}

async function writeLine(reply: FastifyReply, line: string): Promise<void> {
  if (reply.raw.destroyed || reply.raw.write(`${line}\n`)) return;
  await drained(reply.raw);
}

function isStream(body: unknown): body is Readable {
  return typeof body === 'object' && body !== null && 'pipe' in body;
}
