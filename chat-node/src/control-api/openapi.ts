/*
 * The decorators of @nestjs/swagger, noted instead of applied: the library and
 * what it brings are a tenth of what a node would hold, for a page that few
 * nodes are ever asked for.
 */
import type * as Swagger from '@nestjs/swagger';

/** Decorates a class, a method or a property, whichever its original does. */
type AnyDecorator = (target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => void;

type DecoratorName =
  | 'ApiBearerAuth'
  | 'ApiBody'
  | 'ApiConsumes'
  | 'ApiHeader'
  | 'ApiOperation'
  | 'ApiProduces'
  | 'ApiProperty'
  | 'ApiPropertyOptional'
  | 'ApiQuery'
  | 'ApiTags';

/** What was decorated, in order. */
const noted: ((swagger: typeof Swagger) => void)[] = [];

function noting<Name extends DecoratorName>(name: Name) {
  return (...args: Parameters<(typeof Swagger)[Name]>): AnyDecorator =>
    (target, key, descriptor) => {
      noted.push((swagger) => {
        const decorate = swagger[name] as (...args: unknown[]) => AnyDecorator;
        decorate(...args)(target, key, descriptor);
      });
    };
}

export const ApiBearerAuth = noting('ApiBearerAuth');
export const ApiBody = noting('ApiBody');
export const ApiConsumes = noting('ApiConsumes');
export const ApiHeader = noting('ApiHeader');
export const ApiOperation = noting('ApiOperation');
export const ApiProduces = noting('ApiProduces');
export const ApiProperty = noting('ApiProperty');
export const ApiPropertyOptional = noting('ApiPropertyOptional');
export const ApiQuery = noting('ApiQuery');
export const ApiTags = noting('ApiTags');

/** Loads the library and applies to it all that was decorated. */
export async function loadSwagger(): Promise<typeof Swagger> {
  const swagger = await import('@nestjs/swagger');
  for (const apply of noted.splice(0)) apply(swagger);
  return swagger;
}
