import { constants } from 'node:fs';
import { chmod, copyFile, cp, link, mkdir, open, rename, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '@p2p-chat/shared';
import { numberedName, safeFileName } from '../core/files/safe-name.js';

/** Names that are tried before a folder is taken for one that cannot be used. */
const MAX_ATTEMPTS = 10_000;
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** Where a second name for one file is not to be had: other devices, FAT, some networks. */
const NO_LINK = new Set(['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/**
 * Gives a durable file a name in a folder, the first one that is not taken. A
 * file that has been placed by an earlier call that was cut short is found again.
 * @param from the file; it stays where it is
 * @returns where it is now
 * @throws what the operating system says
 */
export async function placeFile(from: string, folder: string, name: string): Promise<string> {
  await chmod(from, FILE_MODE);
  const { ino, dev } = await stat(from);
  const path = await untaken(folder, name, async (candidate) => {
    try {
      await link(from, candidate);
    } catch (error) {
      if (errorCode(error) === 'EEXIST') {
        const there = await stat(candidate).catch(() => null);
        if (there?.ino === ino && there.dev === dev) return;
      }
      throw error;
    }
  }).catch((error: unknown) => {
    if (NO_LINK.has(errorCode(error) ?? '')) return null;
    throw error;
  });
  if (path === null) return placeCopy(from, folder, name);
  await syncFolder(folder);
  return path;
}

/** As {@link placeFile}, with a copy of it. */
export async function placeCopy(from: string, folder: string, name: string): Promise<string> {
  const draft = join(folder, `.${safeFileName(name)}.part`);
  await rm(draft, { recursive: true, force: true });
  await copyFile(from, draft, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  await chmod(draft, FILE_MODE);
  await syncFile(draft);
  const path = await untaken(folder, name, async (candidate) => {
    try {
      await link(draft, candidate);
      await unlink(draft);
    } catch (error) {
      if (!NO_LINK.has(errorCode(error) ?? '')) throw error;
      // The name is taken first, so what is replaced is one's own empty file.
      await (await open(candidate, 'wx', FILE_MODE)).close();
      await rename(draft, candidate);
    }
  });
  await syncFolder(folder);
  return path;
}

/**
 * Makes a folder of files under the first name that is not taken.
 * @param fill fills an empty folder, durably
 */
export async function placeFolder(
  folder: string,
  name: string,
  fill: (draft: string) => Promise<void>,
): Promise<string> {
  const draft = join(folder, `.${safeFileName(name)}.part`);
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: FOLDER_MODE });
  await fill(draft);
  const path = await untaken(folder, name, async (candidate) => {
    // An empty folder of one's own is what is replaced.
    await mkdir(candidate, { mode: FOLDER_MODE });
    await rename(draft, candidate);
  });
  await syncFolder(folder);
  return path;
}

/** Copies a folder that lies here. */
export async function copyFolder(from: string, folder: string, name: string): Promise<string> {
  return placeFolder(folder, name, async (draft) => {
    await cp(from, draft, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE });
    await chmod(draft, FOLDER_MODE);
  });
}

export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

export const syncFolder = syncFile;

async function untaken(folder: string, name: string, take: (path: string) => Promise<void>): Promise<string> {
  const safe = safeFileName(name);
  for (let number = 0; ; number += 1) {
    const path = join(folder, numberedName(safe, number));
    try {
      await take(path);
      return path;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST' || number === MAX_ATTEMPTS) throw error;
    }
  }
}
