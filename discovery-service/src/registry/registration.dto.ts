import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  errorMessage,
  MAX_ANNOUNCED_ADDRESSES,
  MAX_HOST_CHARACTERS,
  MAX_INSTANCE_CHARACTERS,
  MAX_USER_NAME_CHARACTERS,
  parseUserName,
} from '@p2p-chat/shared';
import {
  ArrayMaxSize,
  IsArray,
  IsInt,
  IsOptional,
  IsString,
  Max,
  MaxLength,
  Min,
  ValidateBy,
  type ValidationArguments,
} from 'class-validator';

const MAX_PORT = 65_535;
const text = { message: 'must be a text' };
const portRange = { message: `must be a whole number from 1 to ${MAX_PORT}` };
const count = { message: 'must be a whole number from 0 on' };
const addressList = { message: `must be a list of at most ${MAX_ANNOUNCED_ADDRESSES} addresses` };
const length = (max: number): { message: string } => ({ message: `must have at most ${max} characters` });

/** Takes what `parseUserName` takes, and says what it says. */
function IsUserName(): PropertyDecorator {
  return ValidateBy({
    name: 'isUserName',
    validator: {
      validate: (value: unknown) => userNameFault(value) === null,
      defaultMessage: (args?: ValidationArguments) => userNameFault(args?.value) ?? '',
    },
  });
}

function userNameFault(value: unknown): string | null {
  if (typeof value !== 'string') return text.message;
  try {
    parseUserName(value);
    return null;
  } catch (error) {
    return errorMessage(error).replace('A user name ', '').replace(/\.$/, '');
  }
}

/** A decimal text as the number that it stands for; everything else as it is, for the checks to see. */
export function portOf(value: unknown): unknown {
  return typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value;
}

/** Body of `PUT /`. Fields that are not named here are ignored. */
export class RegistrationDto {
  @ApiPropertyOptional({
    description:
      'Address or name to reach the peer at. Absent, empty, 0.0.0.0 or :: for the address of the request.',
    maxLength: MAX_HOST_CHARACTERS,
    example: '192.0.2.7',
  })
  @IsOptional()
  @MaxLength(MAX_HOST_CHARACTERS, length(MAX_HOST_CHARACTERS))
  @IsString(text)
  HOST?: string;

  @ApiProperty({
    oneOf: [
      { type: 'integer', minimum: 1, maximum: MAX_PORT },
      { type: 'string', pattern: '^\\d{1,5}$' },
    ],
    example: 7780,
  })
  @Min(1, portRange)
  @Max(MAX_PORT, portRange)
  @IsInt(portRange)
  PORT!: number;

  @ApiProperty({ type: String, minLength: 1, maxLength: MAX_USER_NAME_CHARACTERS, example: 'Anna' })
  @IsUserName()
  USER!: string;

  @ApiPropertyOptional({ description: 'Hash of KEY; with it, the entry is a signed announcement.' })
  @IsOptional()
  @IsString(text)
  PEER_ID?: string;

  @ApiPropertyOptional({ description: 'Ed25519 SubjectPublicKeyInfo, DER, base64.' })
  @IsOptional()
  @IsString(text)
  KEY?: string;

  @ApiPropertyOptional({ description: 'Random per start of the node.', maxLength: MAX_INSTANCE_CHARACTERS })
  @IsOptional()
  @MaxLength(MAX_INSTANCE_CHARACTERS, length(MAX_INSTANCE_CHARACTERS))
  @IsString(text)
  INSTANCE?: string;

  @ApiPropertyOptional({
    description: 'Greater than in every earlier announcement of the key.',
    type: 'integer',
  })
  @IsOptional()
  @Min(0, count)
  @IsInt(count)
  SEQ?: number;

  @ApiPropertyOptional({ description: 'End of the validity, milliseconds since 1970.', type: 'integer' })
  @IsOptional()
  @Min(0, count)
  @IsInt(count)
  EXPIRES?: number;

  @ApiPropertyOptional({ description: 'Ed25519 over the canonical bytes, base64.' })
  @IsOptional()
  @IsString(text)
  SIGNATURE?: string;

  @ApiPropertyOptional({ description: 'Further addresses of the same gateway, best first.', type: [String] })
  @IsOptional()
  @IsString({ each: true, ...addressList })
  @ArrayMaxSize(MAX_ANNOUNCED_ADDRESSES, addressList)
  @IsArray(addressList)
  ADDRESSES?: string[];
}
