import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode } from './errors.js';

const OWNER_ONLY = 0o700;

/**
 * Makes a folder, and those above it, for this user alone. One that is there is left as it is.
 *
 * Not by mkdir's own `recursive`: in Node 24 that never ends where a folder is
 * there and says of what shall be made in it that there is no such folder, as
 * /proc does.
 *
 * @param path absolute, or from the working directory
 * @throws what the operating system says
 */
export function makePrivateFolder(path: string): void {
  try {
    mkdirSync(path, { mode: OWNER_ONLY });
  } catch (error) {
    if (errorCode(error) === 'EEXIST' && statSync(path).isDirectory()) return;
    const above = dirname(path);
    if (errorCode(error) !== 'ENOENT' || above === path || existsSync(above)) throw error;
    makePrivateFolder(above);
    makePrivateFolder(path);
  }
}
