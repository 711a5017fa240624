import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  type GroupChangeView,
  type GroupMemberView,
  type GroupView,
  type HistoryPolicy,
  MUTE_LEVELS,
  type MemberRole,
  type MemberState,
  type MuteLevel,
  type MuteView,
} from '@p2p-chat/shared';

/*
 * The views of groups as classes, for their description by OpenAPI. What a field
 * means is said in shared/src/control/groups.ts.
 */

const ROLES: readonly MemberRole[] = ['admin', 'member'];
const STATES: readonly MemberState[] = ['invited', 'member', 'left', 'removed'];
const KINDS: readonly GroupChangeView['kind'][] = [
  ...(['found', 'add', 'accept', 'decline', 'join', 'leave', 'remove'] as const),
  ...(['promote', 'demote', 'rename', 'policy', 'fork'] as const),
];

export class AskedBySchema {
  @ApiProperty() peerId!: string;
  @ApiProperty() user!: string;
}

export class GroupMemberSchema implements GroupMemberView {
  @ApiProperty() peerId!: string;
  @ApiProperty() user!: string;
  @ApiProperty({ enum: ROLES }) role!: MemberRole;
  @ApiProperty({ enum: STATES }) state!: MemberState;
  @ApiProperty() self!: boolean;
  @ApiProperty() online!: boolean;
  @ApiProperty() verified!: boolean;
  @ApiProperty() blocked!: boolean;
  @ApiProperty() ambiguous!: boolean;
  @ApiProperty() keyAlarm!: boolean;
  @ApiProperty() forked!: boolean;
}

export class GroupChangeSchema implements GroupChangeView {
  @ApiProperty() clock!: string;
  @ApiProperty({ enum: KINDS }) kind!: GroupChangeView['kind'];
  @ApiProperty() by!: string;
  @ApiProperty() user!: string;
  @ApiPropertyOptional() person?: string;
  @ApiPropertyOptional() personUser?: string;
  @ApiPropertyOptional() name?: string;
}

export class GroupSchema implements GroupView {
  @ApiProperty() id!: string;
  @ApiProperty() name!: string;
  @ApiProperty() ambiguous!: boolean;
  @ApiProperty() open!: boolean;
  @ApiProperty({ oneOf: [{ type: 'string', enum: ['join', 'all'] }, { type: 'integer' }] })
  history!: HistoryPolicy;
  @ApiProperty({ enum: STATES, type: String, nullable: true }) state!: MemberState | null;
  @ApiProperty({ enum: ROLES }) role!: MemberRole;
  @ApiProperty({ type: AskedBySchema, nullable: true }) invitedBy!: AskedBySchema | null;
  @ApiProperty({ type: [GroupMemberSchema] }) members!: GroupMemberSchema[];
  @ApiProperty({ enum: MUTE_LEVELS }) mute!: MuteLevel;
  @ApiProperty({ format: 'date-time' }) lastActivity!: string;
}

/** What a list of conversations says of a group. */
export class ConversationGroupSchema {
  @ApiProperty() open!: boolean;
  @ApiProperty({ enum: STATES, type: String, nullable: true }) state!: MemberState | null;
  @ApiProperty() admin!: boolean;
  @ApiProperty({ type: 'integer' }) members!: number;
  @ApiProperty() ambiguous!: boolean;
  @ApiProperty({ type: AskedBySchema, nullable: true }) invitedBy!: AskedBySchema | null;
}

export class MuteSchema implements MuteView {
  @ApiProperty() id!: string;
  @ApiProperty({ enum: MUTE_LEVELS }) mute!: MuteLevel;
}
