import {
  type ActivityRequest,
  type DiagnosisRequest,
  errorMessage,
  isMessageUuid,
  MAX_HISTORY_PAGE,
  parseStatusText,
  parseUserName,
  PRESENCE_STATES,
  type PresenceState,
  type ProfileChange,
  type ReadRequest,
  type SendRequest,
} from '@p2p-chat/shared';
import type { ValidationError } from 'class-validator';
import { IsBoolean, IsIn, IsInt, IsOptional, IsString, IsUUID, Max, Min, Validator } from './checks.js';
import { ApiProperty, ApiPropertyOptional } from './openapi.js';
import { ControlApiError } from './problem.js';

export class SendDto implements SendRequest {
  @ApiProperty({ description: 'Text of 1 byte to 64 KiB of UTF-8.' })
  @IsString({ message: 'must be a text' })
  body!: string;
}

export class ReadDto implements ReadRequest {
  @ApiPropertyOptional({ description: 'The last message that was seen; without it, all.' })
  @IsOptional()
  @IsUUID(undefined, { message: 'must be the id of a message' })
  upTo?: string;
}

export class ProfileDto implements ProfileChange {
  @ApiPropertyOptional({ description: 'The name that others see.' })
  @IsOptional()
  @IsString({ message: 'must be a text' })
  user?: string;

  @ApiPropertyOptional({ enum: PRESENCE_STATES })
  @IsOptional()
  @IsIn(PRESENCE_STATES, { message: `must be one of ${PRESENCE_STATES.join(', ')}` })
  presence?: PresenceState;

  @ApiPropertyOptional({ description: 'A short text for others to see; may be empty.' })
  @IsOptional()
  @IsString({ message: 'must be a text' })
  status?: string;

  @ApiPropertyOptional({ description: 'Whether others are told what was read here.' })
  @IsOptional()
  @IsBoolean({ message: 'must be true or false' })
  receipts?: boolean;

  @ApiPropertyOptional({ description: 'Whether others are told that something is being written to them.' })
  @IsOptional()
  @IsBoolean({ message: 'must be true or false' })
  typing?: boolean;
}

export class ActivityDto implements ActivityRequest {
  @ApiProperty({ description: 'Nobody has pressed a key for a while.' })
  @IsBoolean({ message: 'must be true or false' })
  idle!: boolean;
}

export class PeersQuery {
  @ApiPropertyOptional({
    description: 'Everyone who is known, not only who is online.',
    enum: ['true', 'false'],
  })
  @IsOptional()
  @IsIn(['true', 'false'], { message: 'must be true or false' })
  all?: string;
}

export class DiagnosisDto implements DiagnosisRequest {
  @ApiPropertyOptional({ description: 'Whom to reach: a peer id, its short form, or a name.' })
  @IsOptional()
  @IsString({ message: 'must be a text' })
  peer?: string;
}

const validator = new Validator();

const DEFAULT_HISTORY_PAGE = 50;

export class HistoryQuery {
  @ApiPropertyOptional({ minimum: 1, maximum: MAX_HISTORY_PAGE, default: DEFAULT_HISTORY_PAGE })
  @IsInt({ message: 'must be a whole number' })
  @Min(1, { message: 'must be at least 1' })
  @Max(MAX_HISTORY_PAGE, { message: `must be at most ${MAX_HISTORY_PAGE}` })
  limit: number = DEFAULT_HISTORY_PAGE;

  @ApiPropertyOptional({ description: 'Id of a message: the newest ones older than it.' })
  @IsOptional()
  @IsUUID(undefined, { message: 'must be the id of a message' })
  before?: string;

  @ApiPropertyOptional({ description: 'Id of a message: the oldest ones newer than it.' })
  @IsOptional()
  @IsUUID(undefined, { message: 'must be the id of a message' })
  after?: string;
}

/**
 * Reads a body or query into its class.
 * @throws {ControlApiError} 422 `request-invalid`, naming each field
 */
export function readRequest<T extends object>(type: new () => T, value: unknown): T {
  if (value !== undefined && value !== null && (typeof value !== 'object' || Array.isArray(value))) {
    throw invalid([{ field: 'body', reason: 'must be an object' }]);
  }
  const instance = new type();
  // Defined, not assigned: a key such as __proto__ stays a key. And not deep: no
  // request has objects inside, and what has 10,000 of them must cost nothing.
  for (const [key, given] of Object.entries(value ?? {})) {
    Object.defineProperty(instance, key, {
      value: given,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  const errors = validator.validateSync(instance, { whitelist: true });
  if (errors.length > 0) throw invalid(errors.map(fieldError));
  return instance;
}

/**
 * As {@link readRequest}, for a change of the profile, with its texts as they are kept.
 * @throws {ControlApiError} 422 `request-invalid`, naming each field
 */
export function readProfileChange(value: unknown): ProfileChange {
  const change: ProfileChange = readRequest(ProfileDto, value);
  const texts: ProfileChange = {};
  for (const [field, parse] of [
    ['user', parseUserName],
    ['status', parseStatusText],
  ] as const) {
    const given = change[field] ?? undefined;
    if (given === undefined) continue;
    try {
      texts[field] = parse(given);
    } catch (error) {
      throw invalid([{ field, reason: `is not valid: ${errorMessage(error).replace(/\.$/, '')}` }]);
    }
  }
  // A null is as good as nothing.
  const given = Object.entries({ ...change, ...texts }).filter(
    ([, one]) => one !== null && one !== undefined,
  );
  return Object.fromEntries(given);
}

/** As {@link readRequest}, for the page of a history. */
export function readHistoryQuery(value: Record<string, unknown>): HistoryQuery {
  const { limit } = value;
  // A number in a query is a text.
  const number = typeof limit === 'string' && /^\d{1,9}$/.test(limit) ? Number(limit) : limit;
  const query = readRequest(HistoryQuery, { ...value, ...(limit === undefined ? {} : { limit: number }) });
  if (query.before !== undefined && query.after !== undefined) {
    throw invalid([{ field: 'after', reason: 'cannot go together with before' }]);
  }
  for (const field of ['before', 'after'] as const) {
    if (query[field] !== undefined && !isMessageUuid(query[field])) {
      throw invalid([{ field, reason: 'must be the id of a message, in lower case' }]);
    }
  }
  return query;
}

function fieldError(error: ValidationError): { field: string; reason: string } {
  return { field: error.property, reason: Object.values(error.constraints ?? {})[0] ?? 'is not valid' };
}

function invalid(errors: { field: string; reason: string }[]): ControlApiError {
  const detail = errors.map(({ field, reason }) => `${field} ${reason}`).join('; ');
  return new ControlApiError(422, 'request-invalid', `${detail}.`, { errors });
}
