import { chmod, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

const OWNER_ONLY = 0o600;

/**
 * Puts a file of this user's alone in the place of what is there: after a
 * crash or a power cut there is the old content or the new one, and the new
 * one once this resolves.
 * @param draft a name beside it that nobody else uses
 * @throws what the operating system says
 */
export async function replaceFile(
  path: string,
  text: string | Uint8Array,
  draft = `${path}.new`,
): Promise<void> {
  const file = await open(draft, 'w', OWNER_ONLY);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  // A draft that an earlier process left keeps its mode.
  await chmod(draft, OWNER_ONLY);
  await rename(draft, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
