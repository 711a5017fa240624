import { chmod, open, readlink, realpath, rename } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { errorCode } from './errors.js';

const OWNER_ONLY = 0o600;
/** As many as Linux follows. */
const MAX_LINKS = 40;

/**
 * The file that a path leads to, through symbolic links, also where it is not
 * there yet. What is put in the place of a link would leave its target behind.
 * @throws what the operating system says, and `ELOOP` for links in a circle
 */
export async function followLinks(path: string): Promise<string> {
  let file = path;
  for (let i = 0; i < MAX_LINKS; i += 1) {
    let target: string;
    try {
      target = await readlink(file);
    } catch (error) {
      // It is no link, or not there.
      if (errorCode(error) === 'EINVAL' || errorCode(error) === 'ENOENT') return file;
      throw error;
    }
    file = resolve(await realpath(dirname(file)), target);
  }
  throw Object.assign(new Error(`ELOOP: too many symbolic links, '${path}'`), { code: 'ELOOP' });
}

/**
 * Puts a file of this user's alone in the place of what is there: after a
 * crash or a power cut there is the old content or the new one, and the new
 * one once this resolves. A link stays one: its target is replaced.
 * @param suffix of a name beside the file that nobody else uses
 * @throws what the operating system says
 */
export async function replaceFile(path: string, text: string | Uint8Array, suffix = '.new'): Promise<void> {
  const target = await followLinks(path);
  const draft = `${target}${suffix}`;
  const file = await open(draft, 'w', OWNER_ONLY);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  // A draft that an earlier process left keeps its mode.
  await chmod(draft, OWNER_ONLY);
  await rename(draft, target);
  const folder = await open(dirname(target), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
