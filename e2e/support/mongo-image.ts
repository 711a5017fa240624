import { join } from 'node:path';
import { docker, dockerOk } from './compose.ts';
import { ROOT } from './processes.ts';

const FOLDER = 'e2e/support/mongo-image';

/**
 * Sees to it that the database of a set starts as the official image does,
 * whatever the machine has under the name mongo:8.
 *
 * @returns the files of Compose that this takes; none where it is the official one
 */
export async function likeOfficialImage(): Promise<string[]> {
  const user = await docker(['run', '--rm', '--entrypoint', 'id', 'mongo:8', '-u', 'mongodb']);
  if (user.stdout.trim() === '999') return [];
  await dockerOk(['build', '--tag', 'p2p-chat-test-mongo', join(ROOT, FOLDER)]);
  return [`${FOLDER}/compose.yml`];
}
