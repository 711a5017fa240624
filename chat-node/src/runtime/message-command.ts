import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { errorCode, type Settings } from '@p2p-chat/shared';

const VARIABLE = 'P2P_CHAT_ON_MESSAGE';
const TAKES = 'a path, or a list in JSON like ["/usr/bin/notify", "-u"]';

/** Where the system looks for a program that is named without a folder, if PATH does not say. */
const DEFAULT_PATH = '/usr/local/bin:/bin:/usr/bin';
/** The system reads no more of a script's first line. */
const FIRST_LINE_BYTES = 256;

/**
 * Reads the command to run for each message. A path is the program as it is,
 * spaces and all; what has arguments is a list in JSON.
 * @param path where programs without a folder are looked for
 * @returns the program and its arguments; empty for none
 * @throws {SettingError} where it is neither, or cannot be run
 */
export function readMessageCommand(settings: Settings, path: string = DEFAULT_PATH): string[] {
  const text = settings.text(VARIABLE);
  if (text === undefined) return [];
  const command = text.startsWith('[') ? parseList(text) : [text];
  if (command === null) return settings.refuse(VARIABLE, { takes: TAKES });
  const [program = '', ...args] = command;
  const because = whyNot(program, path);
  if (because !== null) return settings.refuse(VARIABLE, { takes: TAKES, because });
  // The node leaves the folder that it was started in.
  return [program.includes('/') ? resolve(program) : program, ...args];
}

function parseList(text: string): string[] | null {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(list) || !list.every((part) => typeof part === 'string')) return null;
  return list.length === 0 || list[0] === '' ? null : list;
}

function whyNot(program: string, path: string): string | null {
  if (program.includes('/')) return whyNotFile(program);
  const found = path.split(':').map((folder) => whyNotFile(join(folder || '.', program)));
  return found.includes(null) ? null : 'and no folder in PATH has a program of that name';
}

function whyNotFile(file: string): string | null {
  try {
    if (!statSync(file).isFile()) return 'which is not a file';
    accessSync(file, constants.X_OK);
  } catch (error) {
    switch (errorCode(error)) {
      case 'ENOENT':
      case 'ENOTDIR':
        return /^~|\$/u.test(file) ? 'which only a shell makes a path' : 'which does not exist';
      case 'EACCES':
        return 'which may not be run (chmod +x makes it a program)';
      default:
        return `which cannot be run (${errorCode(error)})`;
    }
  }
  const interpreter = interpreterOf(file);
  if (interpreter === null) return null;
  const fault = whyNotFile(interpreter);
  return fault === null ? null : `which is run by ${JSON.stringify(interpreter)}, ${fault}`;
}

/** The program that a script names in its first line; null where it names none. */
function interpreterOf(file: string): string | null {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch {
    return null; // A program may be run without being read.
  }
  try {
    const buffer = Buffer.alloc(FIRST_LINE_BYTES);
    const length = readSync(descriptor, buffer);
    // The CR of an editor on Windows is part of the name, as it is for the system.
    return /^#![ \t]*([^ \t\n]+)/.exec(buffer.toString('utf8', 0, length))?.[1] ?? null;
  } finally {
    closeSync(descriptor);
  }
}
