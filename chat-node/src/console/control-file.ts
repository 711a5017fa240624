import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { CONTROL_FILE, errorCode, type ControlFile, obstacleAt } from '@p2p-chat/shared';
import { ConnectionError } from '@p2p-chat/shared/client';
import { nodeNotRunning } from './control-error.js';

const MODE_OF_OTHERS = 0o077;

/**
 * Reads by which port and token the node of a profile is reached.
 * @param home the profile's data directory
 * @throws {ConnectionError} `node-not-running` without the file; `control-file-exposed` where its mode is looser than 0600
 */
export async function readControlFile(home: string): Promise<ControlFile> {
  const path = join(home, CONTROL_FILE);
  let file;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') throw nodeNotRunning(home, error);
    const { reason, hint } = obstacleAt(path, error);
    throw new ConnectionError('unexpected-answer', `${path} cannot be read: ${reason}.`, {
      hint,
      cause: error,
    });
  }
  try {
    const { mode } = await file.stat();
    if (process.platform !== 'win32' && (mode & MODE_OF_OTHERS) !== 0) {
      throw new ConnectionError('control-file-exposed', `Other users of this machine can reach ${path}.`, {
        hint: `Restart the node to get a new token, and keep the file private: chmod 600 ${path}`,
      });
    }
    return parse(await file.readFile('utf8'), path);
  } finally {
    await file.close();
  }
}

function parse(text: string, path: string): ControlFile {
  const value = parseJson(text);
  if (isControlFile(value)) return value;
  throw new ConnectionError('unexpected-answer', `${path} is not a control file.`, {
    hint: 'Restart the node; it writes the file anew.',
  });
}

function isControlFile(value: unknown): value is ControlFile {
  if (typeof value !== 'object' || value === null) return false;
  return (
    'port' in value && typeof value.port === 'number' && 'token' in value && typeof value.token === 'string'
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
