import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { Clock, type DiscoveryHealth, VERSION } from '@p2p-chat/shared';
import { LeaseRegistry } from './registry/lease-registry.js';

class HealthView implements DiscoveryHealth {
  @ApiProperty({ enum: ['ok'] })
  status!: 'ok';

  @ApiProperty({ type: 'integer', description: 'Entries with a running lease.' })
  peers!: number;

  @ApiProperty({ type: 'integer', description: "The service's clock, milliseconds since 1970." })
  now!: number;

  @ApiProperty()
  version!: string;
}

@ApiTags('operation')
@Controller('health')
export class HealthController {
  constructor(
    private readonly registry: LeaseRegistry,
    private readonly clock: Clock,
  ) {}

  /** Whether the service is well, how many entries it lists, and its clock. */
  @ApiOperation({ summary: 'Whether the service is well' })
  @ApiOkResponse({ type: HealthView })
  @Get()
  health(): HealthView {
    const { signed, plain } = this.registry.size();
    return { status: 'ok', peers: signed + plain, now: this.clock.now(), version: VERSION };
  }
}
