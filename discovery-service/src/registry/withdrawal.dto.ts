import { ApiProperty } from '@nestjs/swagger';
import { MAX_INSTANCE_CHARACTERS } from '@p2p-chat/shared';
import { IsInt, IsString, MaxLength, Min } from 'class-validator';

const text = { message: 'must be a text' };
const count = { message: 'must be a whole number from 0 on' };

/** Body of `DELETE /peers/{peerId}`. */
export class WithdrawalDto {
  @ApiProperty({ description: 'Ed25519 SubjectPublicKeyInfo, DER, base64.' })
  @IsString(text)
  KEY!: string;

  @ApiProperty({ description: 'Of the announcement.', maxLength: MAX_INSTANCE_CHARACTERS })
  @MaxLength(MAX_INSTANCE_CHARACTERS, { message: `must have at most ${MAX_INSTANCE_CHARACTERS} characters` })
  @IsString(text)
  INSTANCE!: string;

  @ApiProperty({ description: 'Of the announcement, or greater.', type: 'integer' })
  @Min(0, count)
  @IsInt(count)
  SEQ!: number;

  @ApiProperty({ description: 'Ed25519 over the canonical bytes, base64.' })
  @IsString(text)
  SIGNATURE!: string;
}
