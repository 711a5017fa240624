import { isUtf8 } from 'node:buffer';
import { validateSync } from 'class-validator';
import { HttpProblem, invalidRequest } from '../problem.js';
import { portOf, RegistrationDto } from './registration.dto.js';
import { WithdrawalDto } from './withdrawal.dto.js';

/** Reads the body of `PUT /`. @throws {HttpProblem} naming every field at fault */
export function readRegistration(body: Buffer | undefined): RegistrationDto {
  const { HOST, PORT, USER, PEER_ID, KEY, INSTANCE, SEQ, EXPIRES, SIGNATURE, ADDRESSES } = readObject(body);
  return checked(
    Object.assign(new RegistrationDto(), {
      PORT: portOf(PORT),
      USER,
      // Clients that have no absent fields send null for them.
      ...present({ HOST, PEER_ID, KEY, INSTANCE, SEQ, EXPIRES, SIGNATURE, ADDRESSES }),
    }),
  );
}

/** Reads the body of `DELETE /peers/{peerId}`. @throws {HttpProblem} naming every field at fault */
export function readWithdrawal(body: Buffer | undefined): WithdrawalDto {
  const { KEY, INSTANCE, SEQ, SIGNATURE } = readObject(body);
  return checked(Object.assign(new WithdrawalDto(), { KEY, INSTANCE, SEQ, SIGNATURE }));
}

// Only the fields that are named are taken from it, so no name in it can reach
// a prototype.
function readObject(body: Buffer | undefined): Record<string, unknown> {
  if (body === undefined || body.length === 0) throw malformed('The body is empty.');
  if (!isUtf8(body)) throw malformed('The body is not UTF-8.');
  let value: unknown;
  try {
    // Some programs put a byte order mark before what they write.
    value = JSON.parse(body.toString('utf8').replace(/^\ufeff/, ''));
  } catch {
    throw malformed('The body is not JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed('The body is not a JSON object.');
  }
  return value as Record<string, unknown>;
}

function present(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  );
}

function checked<T extends object>(dto: T): T {
  const faults = validateSync(dto, {
    stopAtFirstError: true,
    validationError: { target: false, value: false },
  });
  if (faults.length === 0) return dto;
  throw invalidRequest(
    faults.map(({ property, constraints }) => ({
      field: property,
      reason: Object.values(constraints ?? {})[0] ?? 'is not valid',
    })),
  );
}

function malformed(detail: string): HttpProblem {
  return new HttpProblem(400, {
    code: 'body-malformed',
    detail,
    hint: 'Send one JSON object, for example {"HOST":"","PORT":7780,"USER":"Anna"}.',
    errors: [{ field: 'body', reason: 'must be one JSON object in UTF-8' }],
  });
}
