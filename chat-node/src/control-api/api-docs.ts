import { applyDecorators } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiDefaultResponse,
  ApiExtraModels,
  ApiParam,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import { PROBLEM_CONTENT_TYPE } from '@p2p-chat/shared';
import { ProblemDetailsSchema } from './schemas.js';

/** What the description of the API says of every controller: its group, the token, and what an error looks like. */
export function ApiGroup(tag: string): ClassDecorator {
  return applyDecorators(
    ApiTags(tag),
    ApiBearerAuth(),
    ApiExtraModels(ProblemDetailsSchema),
    ApiDefaultResponse({
      description: 'What went wrong (RFC 9457).',
      content: { [PROBLEM_CONTENT_TYPE]: { schema: { $ref: getSchemaPath(ProblemDetailsSchema) } } },
    }),
  );
}

/** The parameter of a path that names a conversation. */
export const ApiConversation = (): MethodDecorator & ClassDecorator =>
  ApiParam({
    name: 'conversation',
    type: String,
    description: 'The id of a conversation; or a peer id, its short form, or an unambiguous name.',
  });

/** The parameter of a path that names a peer. */
export const ApiPeer = (): MethodDecorator & ClassDecorator =>
  ApiParam({ name: 'peer', type: String, description: 'A peer id, its short form, or an unambiguous name.' });

/** The parameter of a path that names a group. */
export const ApiGroupReference = (): MethodDecorator & ClassDecorator =>
  ApiParam({
    name: 'group',
    type: String,
    description: 'The id of a group, the first 8 characters of it, or a name that only one has.',
  });
