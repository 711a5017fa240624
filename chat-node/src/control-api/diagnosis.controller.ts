import { Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiProduces } from '@nestjs/swagger';
import { NDJSON, UNBUFFERED_HEADER } from '@p2p-chat/shared';
import type { FastifyReply } from 'fastify';
import { Chat } from '../core/chat.js';
import { Diagnosis } from '../core/diagnosis/diagnosis.js';
import { ChatError } from '../core/errors.js';
import { ApiGroup } from './api-docs.js';
import { drained } from './drained.js';
import { DiagnosisDto } from './requests.js';

@ApiGroup('node')
@Controller('api/diagnosis')
export class DiagnosisController {
  constructor(
    private readonly chat: Chat,
    private readonly diagnosis: Diagnosis,
  ) {}

  /** Each hop is a line as soon as it is done. */
  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary:
      'Walks the hops from this node, to a peer where one is given: DiagnosisLine lines, the verdict last.',
  })
  @ApiBody({ type: DiagnosisDto, required: false })
  @ApiProduces(NDJSON)
  @ApiOkResponse({ description: 'DiagnosisLine lines.' })
  async diagnose(@Body() { peer }: DiagnosisDto, @Res() reply: FastifyReply): Promise<void> {
    const wanted = peer ?? undefined;
    if (wanted !== undefined) this.#requireOne(wanted);
    const { raw } = reply;
    const gone = new AbortController();
    reply.hijack();
    raw.on('close', () => gone.abort());
    raw.writeHead(200, { 'content-type': NDJSON, [UNBUFFERED_HEADER]: 'no' });
    for await (const line of this.diagnosis.run(wanted, gone.signal)) {
      if (!raw.write(`${JSON.stringify(line)}\n`)) await drained(raw);
    }
    raw.end();
  }

  // A peer that is not known is a finding; who is meant must be clear before anything is tried.
  #requireOne(peer: string): void {
    try {
      this.chat.peers.resolve(peer);
    } catch (error) {
      if (!(error instanceof ChatError) || error.code !== 'peer-unknown') throw error;
    }
  }
}
