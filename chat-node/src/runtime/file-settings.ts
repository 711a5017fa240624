import { isAbsolute } from 'node:path';
import { MAX_FILE_BYTES, type Settings } from '@p2p-chat/shared';

/** What can be set about files. */
export interface FileSettings {
  /** Where fetched files are put; null for a folder of the profile. */
  downloads: string | null;
  /** Bytes of one file. */
  maxFileBytes: number;
  /** Bytes of all copies that are kept for others. */
  quotaBytes: number;
  /** Bytes a second, each way; null for as many as there are. */
  bytesPerSecond: number | null;
}

const MIB = 1024 * 1024;
const MAX_MIB = MAX_FILE_BYTES / MIB;
const DEFAULT_FILE_MIB = 10 * 1024;
const DEFAULT_QUOTA_MIB = 20 * 1024;
/** A petabyte: more than a disk has. */
const MAX_QUOTA_MIB = 1024 * 1024 * 1024;

/** @throws {SettingError} for the first one that is wrong */
export function readFileSettings(settings: Settings): FileSettings {
  const downloads = settings.text('P2P_CHAT_DOWNLOADS') ?? null;
  if (downloads !== null && !isAbsolute(downloads)) {
    settings.refuse('P2P_CHAT_DOWNLOADS', { takes: 'the absolute path of a folder' });
  }
  const rate = readMiB(settings, 'P2P_CHAT_FILES_RATE', MAX_MIB);
  return {
    downloads,
    maxFileBytes: readMiB(settings, 'P2P_CHAT_MAX_FILE', MAX_MIB) ?? DEFAULT_FILE_MIB * MIB,
    quotaBytes: readMiB(settings, 'P2P_CHAT_FILES_QUOTA', MAX_QUOTA_MIB) ?? DEFAULT_QUOTA_MIB * MIB,
    bytesPerSecond: rate ?? null,
  };
}

function readMiB(settings: Settings, variable: string, max: number): number | undefined {
  const text = settings.text(variable);
  if (text === undefined) return undefined;
  const number = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= max) return number * MIB;
  return settings.refuse(variable, { takes: `a whole number of MiB from 1 to ${max}` });
}
