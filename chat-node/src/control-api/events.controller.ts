import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiProduces } from '@nestjs/swagger';
import {
  Clock,
  CONTROL_EVENTS,
  type ControlEvent,
  type ControlEventName,
  UNBUFFERED_HEADER,
} from '@p2p-chat/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiGroup } from './api-docs.js';
import { drained } from './drained.js';
import { EventLog, type LoggedEvent } from './event-log.js';
import { Presenter } from './presenter.js';
import { EventsQuery } from './requests.js';

/** A comment is sent this often, so that a client notices a node that is gone. */
const KEEP_ALIVE_MS = 15_000;

/** Events that every client gets, whatever it asks for. */
const ALWAYS: readonly ControlEventName[] = ['resync', 'stopping'];

/** What the events of the core are called by clients, unless it is the same. */
const NAMES: Partial<Record<LoggedEvent['event']['type'], ControlEventName>> = {
  messages: 'message',
  states: 'state',
  roster: 'message',
};

const DESCRIPTION = Object.entries(CONTROL_EVENTS)
  .map(([name, { description }]) => `- \`${name}\`: ${description}`)
  .join('\n');

@ApiGroup('events')
@Controller('api/events')
export class EventsController {
  constructor(
    private readonly log: EventLog,
    private readonly presenter: Presenter,
    private readonly clock: Clock,
  ) {}

  /**
   * Everything that happens, until the client goes. Written by hand and not
   * with @Sse(), which takes events from an Observable and so reads them from
   * the log as fast as they come: a client that does not read would be
   * buffered without bound.
   */
  @Get()
  @ApiOperation({
    summary: 'What happens, as Server-Sent Events (WHATWG HTML, 9.2).',
    description: DESCRIPTION,
  })
  @ApiHeader({ name: 'last-event-id', required: false, description: 'Goes on after this event.' })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ description: 'Events, without an end.' })
  async events(
    @Query() { types }: EventsQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const wanted = types === undefined ? null : new Set<string>([...types, ...ALWAYS]);
    const lastId = request.headers['last-event-id'];
    const gone = new AbortController();
    const { raw } = reply;
    reply.hijack();
    raw.on('close', () => gone.abort());
    raw.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      [UNBUFFERED_HEADER]: 'no',
    });
    // Something at once, so that the client knows that it misses nothing from
    // here on, and from where it can go on even if nothing happens meanwhile.
    raw.write(lastId === undefined ? eventText(this.log.place, { type: 'listening' }) : ': listening\n\n');
    const keepAlive = this.#keepAlive(reply, gone.signal);
    for await (const { id, event } of this.log.read(
      typeof lastId === 'string' ? lastId : undefined,
      gone.signal,
    )) {
      if (wanted?.has(NAMES[event.type] ?? event.type) === false) continue;
      const shown = await this.presenter.event(event);
      if (shown !== null && !raw.write(eventText(id, shown))) await drained(raw);
    }
    raw.end();
    gone.abort();
    await keepAlive;
  }

  async #keepAlive({ raw }: FastifyReply, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.clock.sleep(KEEP_ALIVE_MS, signal);
      // A client that does not read gets no more to read.
      if (!signal.aborted && raw.writableLength === 0) raw.write(':\n\n');
    }
  }
}

function eventText(id: string, { type, ...data }: ControlEvent): string {
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}
