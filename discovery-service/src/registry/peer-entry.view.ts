import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { PeerEntry } from '@p2p-chat/shared';
import { RegistrationDto } from './registration.dto.js';

/** One entry of the list. */
export class PeerEntryView extends RegistrationDto implements PeerEntry {
  @ApiProperty({ description: 'Address or name to reach the peer at.', example: '192.0.2.7' })
  declare HOST: string;

  @ApiProperty({ type: 'integer', minimum: 1, maximum: 65_535 })
  declare PORT: number;

  @ApiPropertyOptional({
    description: 'HOST as it was signed, where the address of the request stands in its place.',
  })
  SIGNED_HOST?: string;
}
