import type { OfferedFile } from '@p2p-chat/shared';

/**
 * `offered`: not fetched, or one's own, which is shown as `complete` when all others have it. `paused`: wanted, but stopped by the person, or by what `problem` says.
 * `failed`: it cannot be had any more.
 */
export type FileState = 'offered' | 'fetching' | 'paused' | 'complete' | 'failed';

/** A file outside the store that has the blocks, as long as it is as it was. */
export interface BlobSource {
  path: string;
  size: number;
  /** Its time of modification, in milliseconds since 1970. */
  changedAt: number;
}

/** Why a file does not come on. */
export interface FileProblem {
  /** For programs: `disk-full`, `nobody-there`, … */
  code: string;
  /** For a person. */
  detail: string;
}

/** A file that an entry offers, and what became of it here. */
export interface FileRecord {
  /** The id of the message; `<id>.<n>` from 1 where the message offers several. */
  id: string;
  message: string;
  conversation: string;
  /** Peer id of who offers it. */
  author: string;
  /** Milliseconds since 1970. */
  sentAt: number;
  file: OfferedFile;
  state: FileState;
  /** Where it lies: what was offered, or what was fetched; null before. */
  path: string | null;
  /** Where it is to be put; null for the folder of downloads. */
  directory: string | null;
  source: BlobSource | null;
  problem: FileProblem | null;
  /** Members who said that they have it whole. */
  doneBy: readonly string[];
  /** The copy that was kept for others made room. */
  dropped?: true;
}

/** When files of a conversation are fetched: by themselves up to a size in bytes, when asked for, or never. */
export type FileRule = { fetch: 'always'; upTo: number } | { fetch: 'ask' } | { fetch: 'never' };

/** What is kept beside the records. */
export interface FileNotes {
  /** By conversation. */
  rules: Record<string, FileRule>;
}

/** The ids of the files of a message, in order. */
export function fileIds(message: string, count: number): string[] {
  return count === 1 ? [message] : Array.from({ length: count }, (_, at) => `${message}.${at + 1}`);
}
