import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  type CreateGroupRequest,
  type GroupChange,
  type HistoryPolicy,
  isHistoryPolicy,
  MAX_GROUP_MEMBERS,
  MUTE_LEVELS,
  type MuteLevel,
  type MuteRequest,
  parseUserName,
} from '@p2p-chat/shared';
import { ArrayMaxSize, IsArray, IsBoolean, IsIn, IsOptional, IsString, ValidateBy } from 'class-validator';
import { IsParsedBy } from './rules.js';

const HISTORY = 'What newcomers get of what was written before: join for nothing, all, or a number of days.';

/** What newcomers get. */
function IsHistoryPolicy(): PropertyDecorator {
  return ValidateBy({
    name: 'isHistoryPolicy',
    validator: {
      validate: isHistoryPolicy,
      defaultMessage: () => 'must be join, all, or a number of days',
    },
  });
}

export class CreateGroupDto implements CreateGroupRequest {
  @ApiProperty({ description: 'The name of the group.' })
  @IsParsedBy(parseUserName)
  name!: string;

  @ApiPropertyOptional({ description: 'Who is asked to come: peer ids, their short forms, or names.' })
  @IsOptional()
  @IsArray({ message: 'must be a list of people' })
  @ArrayMaxSize(MAX_GROUP_MEMBERS, { message: `must be a list of at most ${MAX_GROUP_MEMBERS}` })
  @IsString({ each: true, message: 'must be a list of texts' })
  people?: string[];

  @ApiPropertyOptional({
    description: HISTORY,
    oneOf: [{ type: 'string', enum: ['join', 'all'] }, { type: 'integer' }],
  })
  @IsOptional()
  @IsHistoryPolicy()
  history?: HistoryPolicy;

  @ApiPropertyOptional({ description: 'An open room, which everybody may join.' })
  @IsOptional()
  @IsBoolean({ message: 'must be true or false' })
  open?: boolean;
}

export class GroupChangeDto implements GroupChange {
  @ApiPropertyOptional({ description: 'Another name.' })
  @IsOptional()
  @IsParsedBy(parseUserName)
  name?: string;

  @ApiPropertyOptional({
    description: HISTORY,
    oneOf: [{ type: 'string', enum: ['join', 'all'] }, { type: 'integer' }],
  })
  @IsOptional()
  @IsHistoryPolicy()
  history?: HistoryPolicy;
}

export class GroupsQuery {
  @ApiPropertyOptional({ description: 'Only open rooms, or only others.', enum: ['true', 'false'] })
  @IsOptional()
  @IsIn(['true', 'false'], { message: 'must be true or false' })
  open?: string;
}

export class MuteDto implements MuteRequest {
  @ApiProperty({ description: 'What notifies.', enum: MUTE_LEVELS })
  @IsIn(MUTE_LEVELS, { message: `must be one of ${MUTE_LEVELS.join(', ')}` })
  level!: MuteLevel;
}
