import { errorCode, errorMessage } from '@p2p-chat/shared';
import { BlobError } from '../core/errors.js';

const READ_ONLY = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR']);
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** What went wrong where something is written. @param where for the person */
export function writeError(error: unknown, where: string): BlobError {
  if (error instanceof BlobError) return error;
  const code = errorCode(error) ?? '';
  if (FULL.has(code)) {
    return new BlobError('disk-full', `There is no room left in ${where}.`, {
      hint: 'Make room; it goes on by itself.',
      cause: error,
    });
  }
  if (READ_ONLY.has(code)) {
    return new BlobError('folder-read-only', `Nothing can be written in ${where} (${code}).`, {
      hint: 'Make it writable, or choose another folder with get --to.',
      cause: error,
    });
  }
  return new BlobError('disk-failed', `${where} cannot be written (${code || errorMessage(error)}).`, {
    cause: error,
  });
}

/** What went wrong where somebody's file is read to be offered. */
export function readError(error: unknown, path: string): BlobError {
  if (error instanceof BlobError) return error;
  switch (errorCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new BlobError('file-unknown', `There is no file ${path}.`, { cause: error });
    case 'EACCES':
    case 'EPERM':
      return new BlobError('file-unsuitable', `${path} may not be read.`, { cause: error });
    case 'file-unsuitable':
    case 'ENXIO': // A socket.
      return new BlobError('file-unsuitable', `${path} is neither a file nor a folder.`);
    case 'too-many':
      return new BlobError('file-too-large', `${path} has more than a million files and folders.`, {
        hint: 'Send it in parts, or as one file (zip, tar).',
      });
    case 'file-changed':
      return new BlobError('file-changed', `${path} was changed while it was read.`, {
        hint: 'Send it again when it stays as it is.',
      });
    default:
      return writeError(error, 'the folder of the profile');
  }
}
