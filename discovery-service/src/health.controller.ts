import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { Clock, type DiscoveryHealth, type DiscoveryStoreHealth, VERSION } from '@p2p-chat/shared';
import { LeaseRegistry } from './registry/lease-registry.js';

class StoreView implements DiscoveryStoreHealth {
  @ApiProperty({ enum: ['memory', 'shared'] })
  kind!: 'memory' | 'shared';

  @ApiProperty({ enum: ['ok', 'away'], description: 'away: the service goes on with what it knows.' })
  state!: 'ok' | 'away';

  @ApiProperty({ type: 'integer', description: 'Leases and withdrawals that it does not have yet.' })
  unsaved!: number;
}

class HealthView implements DiscoveryHealth {
  @ApiProperty({ enum: ['ok'] })
  status!: 'ok';

  @ApiProperty({ type: 'integer', description: 'Entries with a running lease.' })
  peers!: number;

  @ApiProperty({ type: 'integer', description: "The service's clock, milliseconds since 1970." })
  now!: number;

  @ApiProperty()
  version!: string;

  @ApiProperty({ type: StoreView, description: 'The place that replicas share.' })
  store!: StoreView;
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
    const store = this.registry.storeHealth();
    return { status: 'ok', peers: signed + plain, now: this.clock.now(), version: VERSION, store };
  }
}
