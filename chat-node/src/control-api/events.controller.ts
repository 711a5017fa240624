import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { Clock } from '@p2p-chat/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { drained } from './drained.js';
import { EventLog, type LoggedEvent } from './event-log.js';
import { ApiBearerAuth, ApiHeader, ApiOperation, ApiQuery, ApiTags } from './openapi.js';
import { Presenter } from './presenter.js';

/** A comment is sent this often, so that a client notices a node that is gone. */
const KEEP_ALIVE_MS = 15_000;

@ApiTags('events')
@ApiBearerAuth()
@Controller('api/events')
export class EventsController {
  constructor(
    private readonly log: EventLog,
    private readonly presenter: Presenter,
    private readonly clock: Clock,
  ) {}

  /** Everything that happens, as Server-Sent Events (WHATWG HTML, 9.2), until the client goes. */
  @Get()
  @ApiOperation({
    summary:
      'Server-Sent Events: listening (from here on), message, state, history, peer, key-alarm, typing, profile, resync, stopping.',
  })
  @ApiHeader({ name: 'last-event-id', required: false, description: 'Goes on after this event.' })
  @ApiQuery({
    name: 'types',
    required: false,
    description: 'Only these, separated by commas; resync and stopping always come.',
  })
  async events(
    @Query('types') types: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const isWanted = wantedOf(types);
    const lastId = request.headers['last-event-id'];
    const gone = new AbortController();
    const { raw } = reply;
    reply.hijack();
    raw.on('close', () => gone.abort());
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    // Something at once, so that the client knows that it misses nothing from
    // here on, and from where it can go on even if nothing happens meanwhile.
    raw.write(
      lastId === undefined ? `id: ${this.log.place}\nevent: listening\ndata: {}\n\n` : ': listening\n\n',
    );
    const keepAlive = this.#keepAlive(reply, gone.signal);
    for await (const logged of this.log.read(typeof lastId === 'string' ? lastId : undefined, gone.signal)) {
      if (!isWanted(logged.event.type)) continue;
      const event =
        logged.event.type === 'resync' ? logged.event : await this.presenter.event({ event: logged.event });
      if (event === null) continue;
      const { type, ...data } = event;
      const written = raw.write(`id: ${logged.id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
      if (!written) await drained(raw);
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

/** What the events of the core are called by clients, where they can do without. */
const NAMES: Readonly<Partial<Record<LoggedEvent['event']['type'], string>>> = {
  messages: 'message',
  states: 'state',
  history: 'history',
  peer: 'peer',
  typing: 'typing',
  profile: 'profile',
};

function wantedOf(types: unknown): (type: LoggedEvent['event']['type'] | 'resync') => boolean {
  if (typeof types !== 'string') return () => true;
  const wanted = new Set(types.split(','));
  return (type) => {
    const name = type === 'resync' ? undefined : NAMES[type];
    return name === undefined || wanted.has(name);
  };
}
