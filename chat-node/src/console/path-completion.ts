import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { safeLine } from '@p2p-chat/shared';
import { pathOf } from './file-commands.js';
import type { Draft } from './line-editor.js';

/** Names that are told where a path can go on in several ways. */
const MAX_TOLD = 20;

/** The line with as much of a path after `/file` as is clear, and the names with which it can go on where there are several. */
export interface CompletedPath {
  draft: Draft;
  names: readonly string[];
}

/** @returns null where no path is being written, or nothing is called so */
export function withPath({ text, cursor }: Draft): CompletedPath | null {
  const [, command = '', written] = /^(\/file +)(['"]?.*)$/su.exec(text.slice(0, cursor)) ?? [];
  if (written === undefined) return null;
  // An open quotation mark is that of what is being written.
  const path = pathOf(written.replace(/^(['"])(?!.*\1$)/su, ''));
  const isInside = written === '' || /\/['"]?$/u.test(written);
  const folder = isInside ? path : dirname(path);
  const start = isInside ? '' : basename(path);
  const names = namesIn(folder).filter(
    (name) => name.startsWith(start) && (start !== '' || !name.startsWith('.')),
  );
  const [first] = names;
  if (first === undefined) return null;
  const shared = names.reduce((common, name) => common.slice(0, sharedLength(common, name)), first);
  const isWhole = names.length === 1 && isFolder(join(folder, first));
  const completed = written === '' ? shared : join(folder, shared);
  const end = `${completed.replace(/[\\'"]/gu, '\\$&')}${isWhole ? '/' : ''}`;
  return {
    draft: { text: `${command}${end}${text.slice(cursor)}`, cursor: command.length + end.length },
    names: names.length === 1 ? [] : names.slice(0, MAX_TOLD),
  };
}

/** What a terminal writes where a file is dragged into it: the command that sends the file; null where it is other text. */
export function droppedFile(pasted: string): string | null {
  const written = pasted.trim();
  if (!/^(?:['"]?[/~].|file:\/\/)/u.test(written)) return null;
  try {
    const there = statSync(pathOf(written), { throwIfNoEntry: false });
    return there?.isFile() === true || there?.isDirectory() === true ? `/file ${written}` : null;
  } catch {
    return null;
  }
}

/** Only such as are shown as they are. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => safeLine(name) === name)
      .sort();
  } catch {
    return [];
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Of two texts, how many characters they have in common at the start; a pair of surrogates stays whole. */
function sharedLength(one: string, other: string): number {
  let length = 0;
  for (const character of one) {
    if (!other.startsWith(character, length)) break;
    length += character.length;
  }
  return length;
}
