import { isAbsolute } from 'node:path';
import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { errorMessage, isMessageId } from '@p2p-chat/shared';
import { Transform } from 'class-transformer';
import { IsInt, IsOptional, Max, Min, ValidateBy } from 'class-validator';

/** The id of a message. */
export function IsMessageId(): PropertyDecorator {
  return ValidateBy({
    name: 'isMessageId',
    validator: { validate: isMessageId, defaultMessage: () => 'must be the id of a message' },
  });
}

/** A text that a function takes, which throws what is wrong with others. */
export function IsParsedBy(parse: (text: string) => unknown): PropertyDecorator {
  const wrong = (value: unknown): string | null => {
    if (typeof value !== 'string') return 'must be a text';
    try {
      parse(value);
      return null;
    } catch (error) {
      return `is not valid: ${errorMessage(error).replace(/\.$/, '')}`;
    }
  };
  return ValidateBy({
    name: 'isParsedBy',
    validator: {
      validate: (value) => wrong(value) === null,
      defaultMessage: (args) => wrong(args?.value) ?? '',
    },
  });
}

/** The path of a file or folder that does not depend on where the node was started. */
export function IsAbsolutePath(options: { each?: boolean } = {}): PropertyDecorator {
  return ValidateBy(
    {
      name: 'isAbsolutePath',
      validator: {
        validate: (value) => typeof value === 'string' && isAbsolute(value) && !value.includes('\0'),
        defaultMessage: () => 'must be an absolute path',
      },
    },
    options,
  );
}

/** Only without the other property. */
export function IsWithout(other: string): PropertyDecorator {
  return ValidateBy({
    name: 'isWithout',
    validator: {
      validate: (_value, args) => (args?.object as Record<string, unknown>)[other] === undefined,
      defaultMessage: () => `cannot go together with ${other}`,
    },
  });
}

/** How many entries a page has: in a query, a number is a text. */
export function IsPageSize(max: number, usual: number): PropertyDecorator {
  return applyDecorators(
    ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: max, default: usual }),
    Transform(({ value }: { value: unknown }) =>
      typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value,
    ),
    IsInt({ message: 'must be a whole number' }),
    Min(1, { message: 'must be at least 1' }),
    Max(max, { message: `must be at most ${max}` }),
  );
}

/** A message of the same conversation from which a page goes on. */
export function IsPageBound(description: string): PropertyDecorator {
  return applyDecorators(ApiPropertyOptional({ description }), IsOptional(), IsMessageId());
}
