import { constants, createReadStream, createWriteStream } from 'node:fs';
import { access, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import {
  errorCode,
  errorMessage,
  MAX_HISTORY_PAGE,
  type ImportedMessage,
  type ImportResult,
  safeLine,
} from '@p2p-chat/shared';
import { count } from '../console/labels.js';
import { readExport } from './import-reader.js';
import { print, printJson, type Io } from './io.js';
import { profileClient, type ProfileFlags } from './profile-client.js';
import { readTextLines } from './text-file.js';
import { InputError } from './text-input.js';

export interface ImportFlags extends ProfileFlags {
  json?: boolean;
}

/** Characters of messages in one request: under what the node takes, also with a long one more. */
const BATCH_CHARACTERS = 64 * 1024;

/**
 * `import`: messages that `export` wrote, in either format, from a file or stdin.
 * All lines are read once before the first message is imported.
 * @throws {InputError} at a line that is not of an export, naming its number; nothing was imported
 */
export async function importMessages(io: Io, file: string | undefined, flags: ImportFlags): Promise<void> {
  const client = profileClient(io, flags);
  const signal = io.interruption();
  await client.status(signal);
  const folder = file === undefined ? await mkdtemp(join(tmpdir(), 'p2p-chat-import-')) : undefined;
  try {
    const path = file ?? join(folder ?? '', 'messages');
    if (file !== undefined) await requireReadable(file);
    // What comes through a pipe can be read only once.
    if (file === undefined) await pipeline(io.stdin, createWriteStream(path, { mode: 0o600 }), { signal });
    let lines = 0;
    for await (const _ of messagesOf(path)) lines += 1;
    if (lines === 0) throw new InputError('There is nothing to import: it has no message.');
    const total: ImportResult = { imported: 0, known: 0 };
    for await (const batch of batchesOf(messagesOf(path))) {
      const { imported, known } = await client.import(batch, signal);
      total.imported += imported;
      total.known += known;
    }
    if (flags.json === true) return await printJson(io, total);
    const were = total.known === 1 ? 'was' : 'were';
    await print(io, `${count(total.imported, 'message')} imported, ${total.known} ${were} there already.\n`);
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

async function requireReadable(file: string): Promise<void> {
  try {
    await access(file, constants.R_OK);
    if ((await stat(file)).isDirectory()) throw new Error('it is a folder');
  } catch (error) {
    throw new InputError(`${safeLine(file)} cannot be read (${errorCode(error) ?? errorMessage(error)}).`);
  }
}

function messagesOf(path: string): AsyncGenerator<ImportedMessage> {
  return readExport(readTextLines(createReadStream(path)));
}

async function* batchesOf(messages: AsyncIterable<ImportedMessage>): AsyncGenerator<ImportedMessage[]> {
  let batch: ImportedMessage[] = [];
  let characters = 0;
  for await (const message of messages) {
    batch.push(message);
    characters += JSON.stringify(message).length;
    if (batch.length < MAX_HISTORY_PAGE && characters < BATCH_CHARACTERS) continue;
    yield batch;
    [batch, characters] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}
