import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  type ActionResult,
  type ConfirmationsView,
  type ConfirmedView,
  type ConversationView,
  type Direction,
  type DiscoverySourceView,
  type FileLinkView,
  type FileView,
  type FoundMessageView,
  type ImportResult,
  type KeyAlarmView,
  type MemberView,
  type MessageState,
  type MessageView,
  type OfferedFileView,
  type PeerView,
  type PersonView,
  PRESENCE_STATES,
  type PresenceState,
  type ProblemDetails,
  type ProblemView,
  type ProfileSetting,
  type ProfileView,
  type QuoteView,
  type ReactionView,
  type ReceiptTimeView,
  type ReadResult,
  type SafetyNumberView,
  type SendResult,
  type SentFilesView,
  type StatusView,
  MUTE_LEVELS,
  type MuteLevel,
  type VersionView,
} from '@p2p-chat/shared';
import { ConversationGroupSchema, GroupChangeSchema } from './group-schemas.js';

/*
 * The views of the control contract as classes, for its description by
 * OpenAPI. What a field means is said in shared/src/control/views.ts.
 */

const STATES: readonly MessageState[] = ['queued', 'delivered', 'read'];
const nullable = (type: 'string' | 'integer') => ({ type, nullable: true }) as const;

class DiscoverySourceSchema implements DiscoverySourceView {
  @ApiProperty() source!: string;
  @ApiProperty({ enum: ['starting', 'ok', 'failing', 'off'] }) state!: DiscoverySourceView['state'];
  @ApiProperty() detail!: string;
}

class ProblemSchema implements ProblemView {
  @ApiProperty() code!: string;
  @ApiProperty() detail!: string;
  @ApiProperty() hint!: string;
}

class OutboxSchema {
  @ApiProperty({ type: 'integer' }) queued!: number;
}

export class StatusSchema implements StatusView {
  @ApiProperty() peerId!: string;
  @ApiProperty() user!: string;
  @ApiProperty({ type: 'integer' }) peerPort!: number;
  @ApiProperty({ type: 'integer' }) controlPort!: number;
  @ApiProperty({ enum: ['sqlite', 'mongodb'] }) storage!: StatusView['storage'];
  @ApiProperty({ type: [DiscoverySourceSchema] }) discovery!: DiscoverySourceSchema[];
  @ApiProperty({ type: 'integer' }) links!: number;
  @ApiProperty() outbox!: OutboxSchema;
  @ApiProperty({ type: [ProblemSchema] }) problems!: ProblemSchema[];
  @ApiProperty({ type: 'integer' }) requests!: number;
  @ApiProperty({ type: 'integer' }) keyAlarms!: number;
  @ApiProperty() home!: string;
  @ApiProperty({ type: 'integer' }) pid!: number;
  @ApiProperty() version!: string;
}

class KeyAlarmSchema implements KeyAlarmView {
  @ApiProperty() peerId!: string;
  @ApiProperty() user!: string;
  @ApiProperty() blocked!: boolean;
  @ApiProperty() verified!: boolean;
}

class RequestSchema {
  @ApiProperty({ type: 'integer' }) messages!: number;
}

export class PeerSchema implements PeerView {
  @ApiProperty() peerId!: string;
  @ApiProperty() user!: string;
  @ApiProperty() conversation!: string;
  @ApiProperty(nullable('string')) host!: string | null;
  @ApiProperty(nullable('integer')) port!: number | null;
  @ApiProperty() online!: boolean;
  @ApiProperty() blocked!: boolean;
  @ApiProperty() verified!: boolean;
  @ApiProperty({ enum: ['contact', 'stranger'] }) trust!: PeerView['trust'];
  @ApiProperty({ type: RequestSchema, nullable: true }) request!: RequestSchema | null;
  @ApiProperty({ type: 'integer' }) unread!: number;
  @ApiProperty({ type: [String] }) sources!: string[];
  @ApiProperty() ambiguous!: boolean;
  @ApiProperty({ type: KeyAlarmSchema, nullable: true }) keyAlarm!: KeyAlarmSchema | null;
  @ApiPropertyOptional({ enum: [true] }) forked?: true;
  @ApiPropertyOptional({ enum: PRESENCE_STATES }) presence?: PresenceState;
  @ApiPropertyOptional() status?: string;
}

export class OfferedFileSchema implements OfferedFileView {
  @ApiProperty() id!: string;
  @ApiProperty() name!: string;
  @ApiProperty({ type: 'integer' }) size!: number;
  @ApiProperty() type!: string;
  @ApiProperty() root!: string;
}

class QuoteSchema implements QuoteView {
  @ApiProperty() id!: string;
  @ApiProperty() author!: string;
  @ApiProperty() user!: string;
  @ApiProperty() body!: string;
  @ApiProperty() deleted!: boolean;
}

class ReactionSchema implements ReactionView {
  @ApiProperty() emoji!: string;
  @ApiProperty({ type: [String] }) by!: string[];
}

class PersonSchema implements PersonView {
  @ApiProperty() peerId!: string;
  @ApiProperty() user!: string;
}

class ConfirmedSchema extends PersonSchema implements ConfirmedView {
  @ApiProperty({ format: 'date-time' }) at!: string;
}

class DeletionSchema {
  @ApiProperty({ type: 'integer' }) asked!: number;
  @ApiProperty({ type: 'integer' }) done!: number;
}

export class ConfirmationsSchema implements ConfirmationsView {
  @ApiProperty({ type: [ConfirmedSchema] }) confirmed!: ConfirmedSchema[];
  @ApiProperty({ type: [PersonSchema] }) read!: PersonSchema[];
  @ApiProperty({ type: [PersonSchema] }) delivered!: PersonSchema[];
  @ApiProperty({ type: [PersonSchema] }) missing!: PersonSchema[];
}

export class VersionSchema implements VersionView {
  @ApiProperty() body!: string;
  @ApiProperty({ format: 'date-time' }) at!: string;
}

export class ActionResultSchema implements ActionResult {
  @ApiProperty() id!: string;
  @ApiProperty() conversation!: string;
  @ApiProperty() author!: string;
  @ApiProperty() target!: string;
}

export class ReceiptTimeSchema implements ReceiptTimeView {
  @ApiProperty() peerId!: string;
  @ApiPropertyOptional({ format: 'date-time' }) delivered?: string;
  @ApiPropertyOptional({ format: 'date-time' }) read?: string;
}

export class MessageSchema implements MessageView {
  @ApiProperty() id!: string;
  @ApiProperty() conversation!: string;
  @ApiProperty() author!: string;
  @ApiProperty() user!: string;
  @ApiProperty({ enum: ['in', 'out'] }) direction!: Direction;
  @ApiProperty() kind!: string;
  @ApiProperty() body!: string;
  @ApiProperty({ format: 'date-time' }) sentAt!: string;
  @ApiProperty({ ...nullable('string'), format: 'date-time' }) receivedAt!: string | null;
  @ApiProperty({ enum: STATES }) state!: MessageState;
  @ApiProperty() clock!: string;
  @ApiPropertyOptional() caption?: string;
  @ApiPropertyOptional({ type: [OfferedFileSchema] }) files?: OfferedFileSchema[];
  @ApiPropertyOptional({ type: [String] }) recipients?: string[];
  @ApiPropertyOptional({ type: [String] }) delivered?: string[];
  @ApiPropertyOptional({ type: [String] }) read?: string[];
  @ApiPropertyOptional({ type: [ReceiptTimeSchema] }) receiptTimes?: ReceiptTimeSchema[];
  @ApiPropertyOptional({ type: GroupChangeSchema }) change?: GroupChangeSchema;
  @ApiPropertyOptional({ enum: [true] }) blocked?: true;
  @ApiPropertyOptional({ enum: [true] }) request?: true;
  @ApiProperty() edited!: boolean;
  @ApiProperty() deleted!: boolean;
  @ApiPropertyOptional() deletion?: DeletionSchema;
  @ApiProperty(nullable('string')) replyTo!: string | null;
  @ApiPropertyOptional({ type: QuoteSchema, nullable: true }) quote?: QuoteSchema | null;
  @ApiProperty({ type: [ReactionSchema] }) reactions!: ReactionSchema[];
  @ApiProperty({ type: [String] }) mentions!: string[];
  @ApiProperty() confirm!: boolean;
  @ApiPropertyOptional({ type: [ConfirmedSchema] }) confirmed?: ConfirmedSchema[];
}

export class FoundMessageSchema extends MessageSchema implements FoundMessageView {
  @ApiProperty({ type: MessageSchema, nullable: true }) previous!: MessageSchema | null;
  @ApiProperty({ type: MessageSchema, nullable: true }) next!: MessageSchema | null;
}

export class ConversationSchema implements ConversationView {
  @ApiProperty() id!: string;
  @ApiProperty({ enum: ['direct', 'group'] }) kind!: ConversationView['kind'];
  @ApiProperty() name!: string;
  @ApiPropertyOptional() peerId?: string;
  @ApiPropertyOptional() peer?: PeerSchema;
  @ApiPropertyOptional() group?: ConversationGroupSchema;
  @ApiPropertyOptional({ enum: MUTE_LEVELS }) mute?: MuteLevel;
  @ApiProperty({ type: 'integer' }) unread!: number;
  @ApiProperty({ type: MessageSchema, nullable: true }) last!: MessageSchema | null;
  @ApiProperty({ type: [MessageSchema] }) toConfirm!: MessageSchema[];
}

export class MemberSchema implements MemberView {
  @ApiProperty() peerId!: string;
  @ApiProperty() user!: string;
  @ApiProperty() self!: boolean;
  @ApiPropertyOptional({ enum: [false] }) receipts?: false;
}

export class SendResultSchema implements SendResult {
  @ApiProperty() id!: string;
  @ApiProperty() conversation!: string;
  @ApiProperty() author!: string;
  @ApiProperty({ enum: STATES }) state!: MessageState;
}

class FileProblemSchema {
  @ApiProperty() code!: string;
  @ApiProperty() detail!: string;
}

export class FileSchema extends OfferedFileSchema implements FileView {
  @ApiProperty() message!: string;
  @ApiProperty() conversation!: string;
  @ApiProperty() from!: string;
  @ApiProperty() user!: string;
  @ApiProperty({ enum: ['in', 'out'] }) direction!: Direction;
  @ApiProperty({ format: 'date-time' }) sentAt!: string;
  @ApiProperty({ enum: ['offered', 'fetching', 'paused', 'complete', 'failed'] }) state!: FileView['state'];
  @ApiProperty({ type: 'number', minimum: 0, maximum: 1 }) progress!: number;
  @ApiProperty(nullable('integer')) rate!: number | null;
  @ApiProperty(nullable('string')) path!: string | null;
  @ApiProperty({ type: FileProblemSchema, nullable: true }) problem!: FileProblemSchema | null;
}

export class FileLinkSchema implements FileLinkView {
  @ApiProperty({ description: 'Good for a minute, and once.' }) link!: string;
}

export class SentFilesSchema implements SentFilesView {
  @ApiProperty() id!: string;
  @ApiProperty() conversation!: string;
  @ApiProperty({ type: [OfferedFileSchema] }) files!: OfferedFileSchema[];
  @ApiProperty({ type: [String] }) skipped!: string[];
}

export class ReadResultSchema implements ReadResult {
  @ApiProperty({ type: 'integer' }) read!: number;
}

export class ImportResultSchema implements ImportResult {
  @ApiProperty({ type: 'integer' }) imported!: number;
  @ApiProperty({ type: 'integer' }) known!: number;
}

export class SafetyNumberSchema implements SafetyNumberView {
  @ApiProperty() peerId!: string;
  @ApiProperty() user!: string;
  @ApiProperty() safetyNumber!: string;
  @ApiProperty() verified!: boolean;
}

class FixedSettingSchema {
  @ApiProperty({ enum: ['receipts', 'typing'] }) setting!: ProfileSetting;
  @ApiProperty() variable!: string;
}

export class ProfileSchema implements ProfileView {
  @ApiProperty() peerId!: string;
  @ApiProperty() user!: string;
  @ApiProperty({ enum: PRESENCE_STATES }) presence!: PresenceState;
  @ApiProperty({ enum: PRESENCE_STATES }) shown!: PresenceState;
  @ApiProperty() status!: string;
  @ApiProperty() receipts!: boolean;
  @ApiProperty() typing!: boolean;
  @ApiProperty({ type: [String] }) addresses!: string[];
  @ApiProperty({ type: [FixedSettingSchema] }) fixed!: FixedSettingSchema[];
}

class FieldErrorSchema {
  @ApiProperty() field!: string;
  @ApiProperty() reason!: string;
}

class ChoiceSchema {
  @ApiProperty() peerId!: string;
  @ApiProperty() user!: string;
}

/** RFC 9457. */
export class ProblemDetailsSchema implements ProblemDetails {
  @ApiProperty() type!: string;
  @ApiProperty() title!: string;
  @ApiProperty({ type: 'integer' }) status!: number;
  @ApiProperty() detail!: string;
  @ApiProperty() code!: string;
  @ApiPropertyOptional() hint?: string;
  @ApiPropertyOptional({ type: [FieldErrorSchema] }) errors?: FieldErrorSchema[];
  @ApiPropertyOptional({ type: [ChoiceSchema] }) choices?: ChoiceSchema[];
}
