import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import { UNBUFFERED_HEADER } from '@p2p-chat/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { EventStreams } from './event-streams.js';

/** How soon the kernel asks a silent connection whether it lives, in milliseconds. */
const KEEP_ALIVE_PROBE_MS = 30_000;

@ApiTags('peers')
@Controller('events')
export class EventsController {
  constructor(private readonly streams: EventStreams) {}

  /** The list and then its changes, as Server-Sent Events (WHATWG HTML, 9.2), until the client goes. */
  @ApiOperation({ summary: 'Changes of the list as Server-Sent Events: list, join, change, leave' })
  @ApiHeader({
    name: 'Last-Event-ID',
    required: false,
    description: 'Goes on after this event, or after this cursor of a list, without the list first.',
  })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ description: 'The data of an event is JSON in one line; its id is a cursor.' })
  @ApiResponse({ status: 503, description: 'Too many streams are open; come back after Retry-After.' })
  @Get()
  events(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    const lastEventId = request.headers['last-event-id'];
    const { raw } = reply;
    if (request.method === 'HEAD') {
      void reply.header('content-type', 'text/event-stream').send();
      return;
    }
    // The stream ends with its connection, so that no event needs a chunk around it.
    raw.useChunkedEncodingByDefault = false;
    raw.setHeader('content-type', 'text/event-stream');
    raw.setHeader('cache-control', 'no-store');
    raw.setHeader(UNBUFFERED_HEADER, 'no');
    request.socket.setKeepAlive(true, KEEP_ALIVE_PROBE_MS);
    this.streams.open(raw, typeof lastEventId === 'string' ? lastEventId : undefined);
    reply.hijack();
  }
}
