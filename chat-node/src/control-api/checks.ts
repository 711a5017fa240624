/**
 * What is used of class-validator, file by file: its front door loads all of
 * its checks, among them tables of the telephone numbers of the world.
 */
export { IsIn } from 'class-validator/cjs/decorator/common/IsIn.js';
export { IsOptional } from 'class-validator/cjs/decorator/common/IsOptional.js';
export { Max } from 'class-validator/cjs/decorator/number/Max.js';
export { Min } from 'class-validator/cjs/decorator/number/Min.js';
export { IsUUID } from 'class-validator/cjs/decorator/string/IsUUID.js';
export { MaxLength } from 'class-validator/cjs/decorator/string/MaxLength.js';
export { IsBoolean } from 'class-validator/cjs/decorator/typechecker/IsBoolean.js';
export { IsInt } from 'class-validator/cjs/decorator/typechecker/IsInt.js';
export { IsString } from 'class-validator/cjs/decorator/typechecker/IsString.js';
export { Validator } from 'class-validator/cjs/validation/Validator.js';
