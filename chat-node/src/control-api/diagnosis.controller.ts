import { Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import { Chat } from '../chat/chat.js';
import { Diagnosis } from '../chat/diagnosis/diagnosis.js';
import { ChatError } from '../chat/errors.js';
import type { FastifyReply } from 'fastify';
import { drained } from './drained.js';
import { NDJSON } from './messages.controller.js';
import { ApiBearerAuth, ApiBody, ApiOperation, ApiProduces, ApiTags } from './openapi.js';
import { DiagnosisDto, readRequest } from './requests.js';

@ApiTags('node')
@ApiBearerAuth()
@Controller('api/diagnosis')
export class DiagnosisController {
  constructor(
    private readonly chat: Chat,
    private readonly diagnosis: Diagnosis,
  ) {}

  /** Walks the hops from this node to a peer; each is a line as soon as it is done. */
  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary:
      'Walks the hops from this node, to a peer where one is given: DiagnosisLine lines, the verdict last.',
  })
  @ApiBody({ type: DiagnosisDto, required: false })
  @ApiProduces(NDJSON)
  async diagnose(@Body() body: unknown, @Res() reply: FastifyReply): Promise<void> {
    const { peer } = readRequest(DiagnosisDto, body);
    if (peer !== undefined) this.#requireOne(peer);
    const { raw } = reply;
    const gone = new AbortController();
    reply.hijack();
    raw.on('close', () => gone.abort());
    raw.writeHead(200, { 'content-type': NDJSON });
    for await (const line of this.diagnosis.run(peer, gone.signal)) {
      if (!raw.write(`${JSON.stringify(line)}\n`)) await drained(raw);
    }
    raw.end();
  }

  // Whom nobody knows is a finding; who is meant must be clear before anything is tried.
  #requireOne(peer: string): void {
    try {
      this.chat.resolve(peer);
    } catch (error) {
      if (!(error instanceof ChatError) || error.code !== 'peer-unknown') throw error;
    }
  }
}
