import { errorMessage } from '@p2p-chat/shared';
import mongoose from 'mongoose';
import { ChatError, StorageError } from '../../core/errors.js';

const {
  MongoBulkWriteError,
  MongoError,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
  MongoNotConnectedError,
  MongoWriteConcernError,
} = mongoose.mongo;

// https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
const DUPLICATE_KEY = 11000;
const OUT_OF_DISK_SPACE = 14031;
/** What the operating system says: servers also pass it on under codes that mean anything. */
const NO_SPACE_TEXT = /no space left on device/i;
const UNAUTHORIZED = 13;
const AUTHENTICATION_FAILED = 18;
/** The server shuts down, steps down, or could not make the write safe in time. */
const PASSING: ReadonlySet<number> = new Set([
  6, 7, 50, 64, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436,
]);

/** The typed form of what Mongoose, the driver or the adapter threw. */
export function storageErrorOf(error: unknown): StorageError | ChatError {
  if (error instanceof StorageError || error instanceof ChatError) return error;
  // The driver wraps what happened to a bulk of writes on their way.
  if (error instanceof MongoBulkWriteError && error.errorResponse instanceof MongoError) {
    return storageErrorOf(error.errorResponse);
  }
  if (isConnectionError(error)) return unavailable(error);
  // A write of before landed late. The same one again finds it.
  if (isDuplicate(error)) return unavailable(error);
  if (error instanceof MongoServerError) return ofServer(error);
  return failed(error);
}

/** Whether every write that was refused found its unique key taken. */
export function isDuplicate(error: unknown): boolean {
  if (error instanceof MongoBulkWriteError) {
    const failures = [error.writeErrors].flat();
    return failures.length > 0 && failures.every(({ code }) => code === DUPLICATE_KEY);
  }
  return error instanceof MongoServerError && Number(error.code) === DUPLICATE_KEY;
}

function isConnectionError(error: unknown): boolean {
  return (
    error instanceof MongoNetworkError ||
    error instanceof MongoServerSelectionError ||
    error instanceof MongoTopologyClosedError ||
    error instanceof MongoNotConnectedError ||
    error instanceof mongoose.Error.MongooseServerSelectionError
  );
}

function ofServer(error: InstanceType<typeof MongoServerError>): StorageError {
  const code = Number(error.code);
  if (code === OUT_OF_DISK_SPACE || NO_SPACE_TEXT.test(error.message)) {
    return new StorageError('storage-full', 'MongoDB has no disk space left.', {
      hint: 'Free some disk space on its machine; saving goes on by itself.',
      cause: error,
    });
  }
  if (code === UNAUTHORIZED || code === AUTHENTICATION_FAILED) {
    return new StorageError('storage-failed', 'MongoDB refused the user or the password.', {
      hint: 'Correct the user and the password in MONGODB_URI.',
      cause: error,
    });
  }
  if (
    PASSING.has(code) ||
    error instanceof MongoWriteConcernError ||
    error.hasErrorLabel('RetryableWriteError')
  ) {
    return unavailable(error);
  }
  return failed(error);
}

function unavailable(cause: unknown): StorageError {
  const message = errorMessage(cause);
  const why = /ENOENT|ECONNREFUSED/.test(message)
    ? 'It does not run, or not where MONGODB_URI says'
    : 'It does not answer in time';
  return new StorageError('storage-unavailable', `MongoDB cannot be reached: ${message}.`, {
    hint: `${why}: its own log has the reason, mostly a full disk or data of another version (in Compose: docker compose logs mongo). A node that runs goes on by itself when it is back.`,
    cause,
  });
}

function failed(cause: unknown): StorageError {
  return new StorageError('storage-failed', `MongoDB refused the operation: ${errorMessage(cause)}.`, {
    hint: 'Its log says more. If it is in order, this is a fault of the program; please report it.',
    cause,
  });
}
