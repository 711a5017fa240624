import { MAX_SEARCH_CHARACTERS, MAX_SEARCH_PAGE } from '@p2p-chat/shared';
import { IsInt, IsOptional, IsString, IsUUID, Max, MaxLength, Min } from './checks.js';
import { ApiProperty, ApiPropertyOptional } from './openapi.js';
import { readRequest } from './requests.js';

const DEFAULT_SEARCH_PAGE = 20;

export class SearchQueryDto {
  @ApiProperty({ description: 'The words to search for.', maxLength: MAX_SEARCH_CHARACTERS })
  @IsString({ message: 'must be a text' })
  @MaxLength(MAX_SEARCH_CHARACTERS, { message: `must have at most ${MAX_SEARCH_CHARACTERS} characters` })
  text!: string;

  @ApiPropertyOptional({ description: 'Only the conversation with this peer.' })
  @IsOptional()
  @IsString({ message: 'must be a text' })
  peer?: string;

  @ApiPropertyOptional({ minimum: 1, maximum: MAX_SEARCH_PAGE, default: DEFAULT_SEARCH_PAGE })
  @IsInt({ message: 'must be a whole number' })
  @Min(1, { message: 'must be at least 1' })
  @Max(MAX_SEARCH_PAGE, { message: `must be at most ${MAX_SEARCH_PAGE}` })
  limit: number = DEFAULT_SEARCH_PAGE;

  @ApiPropertyOptional({ description: 'Id of a message: only those that were saved before it.' })
  @IsOptional()
  @IsUUID(undefined, { message: 'must be the id of a message' })
  before?: string;
}

/** Reads the query of a search. @throws {ControlApiError} 422 `request-invalid`, naming each field */
export function readSearchQuery(value: Record<string, unknown>): SearchQueryDto {
  const { limit } = value;
  // A number in a query is a text.
  const number = typeof limit === 'string' && /^\d{1,9}$/.test(limit) ? Number(limit) : limit;
  return readRequest(SearchQueryDto, { ...value, ...(limit === undefined ? {} : { limit: number }) });
}
