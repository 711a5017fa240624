import { Injectable, type PipeTransform, ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { ControlApiError } from './problem.js';

/** How deep a request may nest: an import has a list of messages, these have reactions, and each of them people. */
const MAX_DEPTH = 6;

/**
 * Refuses what nests deeper than any request. It comes before the
 * ValidationPipe, whose class-transformer walks a value by recursion.
 */
@Injectable()
export class DepthPipe implements PipeTransform {
  transform(value: unknown): unknown {
    let level = [value];
    for (let depth = 0; level.length > 0; depth += 1) {
      if (depth > MAX_DEPTH) throw invalid([{ field: 'body', reason: 'nests deeper than any request' }]);
      level = level.flatMap((one) => (isPlain(one) ? (Object.values(one) as unknown[]) : [])).filter(isPlain);
    }
    return value;
  }
}

/** Checks bodies and queries by the rules of their classes, and gives instances of these. */
export function validationPipe(): ValidationPipe {
  return new ValidationPipe({
    transform: true,
    whitelist: true,
    forbidUnknownValues: true,
    stopAtFirstError: true,
    exceptionFactory: (errors) => invalid(errors.map(fieldError)),
  });
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null;
}

function fieldError({ property, constraints }: ValidationError): { field: string; reason: string } {
  // A value as a whole has no property.
  if (property === undefined) return { field: 'body', reason: 'must be an object' };
  return { field: property, reason: Object.values(constraints ?? {})[0] ?? 'is not valid' };
}

function invalid(errors: { field: string; reason: string }[]): ControlApiError {
  const detail = errors.map(({ field, reason }) => `${field} ${reason}`).join('; ');
  return new ControlApiError(422, 'request-invalid', `${detail}.`, { errors });
}
