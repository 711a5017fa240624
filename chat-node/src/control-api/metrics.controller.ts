import { Controller, Get, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ApiGroup } from './api-docs.js';
import type { NodeMetrics } from './node-metrics.js';
import { ControlApiError } from './problem.js';

/** The metrics of the node; null where they are not wanted. Also the DI token. */
export abstract class MetricsSource {
  abstract readonly metrics: NodeMetrics | null;
}

@ApiGroup('node')
@Controller('api/metrics')
export class MetricsController {
  constructor(private readonly source: MetricsSource) {}

  /** @throws {ControlApiError} 404 `metrics-off` */
  @Get()
  @ApiOperation({ summary: 'Metrics for Prometheus, where P2P_CHAT_METRICS is on.' })
  @ApiProduces('text/plain')
  @ApiOkResponse({ description: 'In the text format of Prometheus.' })
  async expose(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const { metrics } = this.source;
    if (metrics === null) {
      throw new ControlApiError(404, 'metrics-off', 'This node keeps no metrics.', {
        hint: 'Start it with P2P_CHAT_METRICS=on.',
      });
    }
    const { contentType, text } = await metrics.expose();
    void reply.header('content-type', contentType);
    return text;
  }
}
