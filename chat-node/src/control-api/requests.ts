import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  type ActivityRequest,
  type DiagnosisRequest,
  type EditRequest,
  type FetchFileRequest,
  type FileRuleView,
  type ImportedMessage,
  type ImportRequest,
  MAX_FILE_BYTES,
  MAX_FILE_NAME_BYTES,
  MAX_FILES_PER_ENTRY,
  MAX_HISTORY_PAGE,
  MAX_MENTIONS,
  MAX_MESSAGE_KEY_CHARACTERS,
  MAX_REACTIONS_PER_PERSON,
  MAX_SEARCH_CHARACTERS,
  MAX_SEARCH_PAGE,
  parseStatusText,
  parseUserName,
  PRESENCE_STATES,
  type PresenceState,
  type ProfileChange,
  type ReactRequest,
  type ReadRequest,
  type SendFilesRequest,
  type SendRequest,
} from '@p2p-chat/shared';
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Length,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { IsAbsolutePath, IsMessageId, IsPageBound, IsPageSize, IsParsedBy, IsWithout } from './rules.js';

const TEXT = { message: 'must be a text' };
const SWITCH = { message: 'must be true or false' };
const FILE_RULES = ['always', 'ask', 'never'] as const;
const DEFAULT_HISTORY_PAGE = 50;
const DEFAULT_SEARCH_PAGE = 20;

export class SendDto implements SendRequest {
  @ApiProperty({ description: 'Text of 1 byte to 64 KiB of UTF-8.' })
  @IsString(TEXT)
  body!: string;

  @ApiPropertyOptional({
    description: "The client's own key of the message: the same key again gives the same message.",
    maxLength: MAX_MESSAGE_KEY_CHARACTERS,
  })
  @IsOptional()
  @IsString(TEXT)
  @Length(1, MAX_MESSAGE_KEY_CHARACTERS, {
    message: `must have 1 to ${MAX_MESSAGE_KEY_CHARACTERS} characters`,
  })
  key?: string;

  @ApiPropertyOptional({ description: 'Id of the message that it answers.' })
  @IsOptional()
  @IsMessageId()
  replyTo?: string;

  @ApiPropertyOptional({
    description: 'Peer ids of those whom it calls; without it, those whom the text names after an @.',
    maxItems: MAX_MENTIONS,
  })
  @IsOptional()
  @IsArray({ message: 'must be a list of peer ids' })
  @ArrayMaxSize(MAX_MENTIONS, { message: `must be a list of at most ${MAX_MENTIONS}` })
  @IsString({ each: true, message: 'must be a list of peer ids' })
  mentions?: string[];

  @ApiPropertyOptional({ description: 'Its readers are asked to confirm it.' })
  @IsOptional()
  @IsBoolean(SWITCH)
  confirm?: boolean;
}

export class EditDto implements EditRequest {
  @ApiProperty({ description: 'What the message says from now on: 1 byte to 64 KiB of UTF-8.' })
  @IsString(TEXT)
  body!: string;
}

export class ReactDto implements ReactRequest {
  @ApiProperty({
    description: 'All of them; none takes back what was said before.',
    maxItems: MAX_REACTIONS_PER_PERSON,
  })
  @IsArray({ message: 'must be a list of emoji' })
  @ArrayMaxSize(MAX_REACTIONS_PER_PERSON, {
    message: `must be a list of at most ${MAX_REACTIONS_PER_PERSON}`,
  })
  @IsString({ each: true, message: 'must be a list of emoji' })
  emoji!: string[];
}

export class DeleteQuery {
  @ApiPropertyOptional({ description: 'Here alone, not for everybody.', enum: ['true', 'false'] })
  @IsOptional()
  @IsIn(['true', 'false'], SWITCH)
  forMe?: string;
}

export class ReadDto implements ReadRequest {
  @ApiPropertyOptional({ description: 'The last message that was seen; without it, all.' })
  @IsOptional()
  @IsMessageId()
  upTo?: string;
}

export class ProfileDto implements ProfileChange {
  @ApiPropertyOptional({ description: 'The name that others see.' })
  @IsOptional()
  @IsParsedBy(parseUserName)
  user?: string;

  @ApiPropertyOptional({ enum: PRESENCE_STATES })
  @IsOptional()
  @IsIn(PRESENCE_STATES, { message: `must be one of ${PRESENCE_STATES.join(', ')}` })
  presence?: PresenceState;

  @ApiPropertyOptional({ description: 'A short text for others to see; may be empty.' })
  @IsOptional()
  @IsParsedBy(parseStatusText)
  status?: string;

  @ApiPropertyOptional({ description: 'Whether others are told what was read here.' })
  @IsOptional()
  @IsBoolean(SWITCH)
  receipts?: boolean;

  @ApiPropertyOptional({ description: 'Whether others are told that something is being written to them.' })
  @IsOptional()
  @IsBoolean(SWITCH)
  typing?: boolean;
}

export class ActivityDto implements ActivityRequest {
  @ApiProperty({ description: 'Nobody has pressed a key for a while.' })
  @IsBoolean(SWITCH)
  idle!: boolean;
}

export class ImportDto implements ImportRequest {
  @ApiProperty({
    description: 'Lines of an export.',
    type: 'array',
    maxItems: MAX_HISTORY_PAGE,
    items: { type: 'object' },
  })
  @IsArray({ message: `must be a list of at most ${MAX_HISTORY_PAGE}` })
  @ArrayMaxSize(MAX_HISTORY_PAGE, { message: `must be a list of at most ${MAX_HISTORY_PAGE}` })
  messages!: ImportedMessage[];
}

export class DiagnosisDto implements DiagnosisRequest {
  @ApiPropertyOptional({ description: 'Whom to reach: a peer id, its short form, or a name.' })
  @IsOptional()
  @IsString(TEXT)
  peer?: string;
}

export class SendFilesDto implements SendFilesRequest {
  @ApiProperty({ description: 'Absolute paths of files and folders, where the node runs.', type: [String] })
  @IsArray({ message: 'must be a list of paths' })
  @ArrayMinSize(1, { message: 'must name at least one file' })
  @ArrayMaxSize(MAX_FILES_PER_ENTRY, { message: `must name at most ${MAX_FILES_PER_ENTRY} files` })
  @IsAbsolutePath({ each: true })
  paths!: string[];

  @ApiPropertyOptional({ description: 'The words beside them.' })
  @IsOptional()
  @IsString(TEXT)
  caption?: string;

  @ApiPropertyOptional({ description: 'Whether a copy is kept; true by default.' })
  @IsOptional()
  @IsBoolean(SWITCH)
  copy?: boolean;

  @ApiPropertyOptional({ description: "One's own message that offers these paths: they are not read again." })
  @IsOptional()
  @IsString(TEXT)
  as?: string;
}

export class UploadQuery {
  @ApiPropertyOptional({ description: 'Of bytes that are uploaded: what the file is called.' })
  @IsOptional()
  @IsString(TEXT)
  @Length(1, MAX_FILE_NAME_BYTES, { message: `must have 1 to ${MAX_FILE_NAME_BYTES} characters` })
  name?: string;

  @ApiPropertyOptional({
    description: 'Of bytes that are uploaded: true where they are a folder as a stream.',
  })
  @IsOptional()
  @IsIn(['true', 'false'])
  folder?: 'true' | 'false';

  @ApiPropertyOptional({ description: 'Of bytes that are uploaded: the words beside them.' })
  @IsOptional()
  @IsString(TEXT)
  caption?: string;
}

export class FilesQuery {
  @ApiPropertyOptional({ description: 'Only those of this conversation.' })
  @IsOptional()
  @IsString(TEXT)
  conversation?: string;
}

export class FetchFileDto implements FetchFileRequest {
  @ApiPropertyOptional({ description: 'Absolute path of a folder; without it, the folder of downloads.' })
  @IsOptional()
  @IsAbsolutePath()
  to?: string;
}

export class FileRuleDto implements FileRuleView {
  @ApiProperty({ enum: FILE_RULES })
  @IsIn(FILE_RULES, { message: `must be one of ${FILE_RULES.join(', ')}` })
  fetch!: FileRuleView['fetch'];

  @ApiPropertyOptional({ description: 'Of always: bytes up to which they come unasked.', type: 'integer' })
  @IsOptional()
  @IsInt({ message: 'must be a whole number' })
  @Min(0, { message: 'must be at least 0' })
  @Max(MAX_FILE_BYTES, { message: `must be at most ${MAX_FILE_BYTES}` })
  upTo?: number;
}

export class PeersQuery {
  @ApiPropertyOptional({
    description: 'Everyone who is known, not only who is online.',
    enum: ['true', 'false'],
  })
  @IsOptional()
  @IsIn(['true', 'false'], SWITCH)
  all?: string;
}

export class HistoryQuery {
  @IsPageSize(MAX_HISTORY_PAGE, DEFAULT_HISTORY_PAGE)
  limit: number = DEFAULT_HISTORY_PAGE;

  @IsPageBound('Id of a message: the newest ones older than it.')
  before?: string;

  @IsPageBound('Id of a message: the oldest ones newer than it.')
  @IsWithout('before')
  after?: string;
}

export class SearchQuery {
  @ApiProperty({ description: 'The words to search for.', maxLength: MAX_SEARCH_CHARACTERS })
  @IsString(TEXT)
  @MaxLength(MAX_SEARCH_CHARACTERS, { message: `must have at most ${MAX_SEARCH_CHARACTERS} characters` })
  text!: string;

  @ApiPropertyOptional({ description: 'Only this conversation.' })
  @IsOptional()
  @IsString(TEXT)
  conversation?: string;

  @IsPageSize(MAX_SEARCH_PAGE, DEFAULT_SEARCH_PAGE)
  limit: number = DEFAULT_SEARCH_PAGE;

  @IsPageBound('Id of a message: only those that were saved before it.')
  before?: string;
}

export class EventsQuery {
  @ApiPropertyOptional({
    description: 'Only these, separated by commas; resync and stopping always come.',
    type: String,
  })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => [value].flat().join(',').split(','))
  @IsString({ each: true, message: 'must be names separated by commas' })
  types?: string[];
}
