/**
 * `offered`: not fetched. `complete`: whole; of one's own, all others have it. `paused`: wanted; the person has stopped it, or `problem` says what
 * does, and then it goes on by itself.
 */
export type FileStateName = 'offered' | 'fetching' | 'paused' | 'complete' | 'failed';

/** A file as its message names it. */
export interface OfferedFileView {
  /** What the routes of files take. */
  id: string;
  /** As its sender wrote it: not safe for a file system or a terminal. */
  name: string;
  /** Bytes. */
  size: number;
  /** Media type, as its sender says; `inode/directory` for a folder. */
  type: string;
  /** What its blocks are verified by: 64 hexadecimal digits. */
  root: string;
}

/** A file, and what became of it here. */
export interface FileView extends OfferedFileView {
  /** Id of the message that offers it. */
  message: string;
  conversation: string;
  /** Peer id of who offers it. */
  from: string;
  /** What they are called. */
  user: string;
  direction: 'in' | 'out';
  sentAt: string;
  state: FileStateName;
  /** 0 to 1; of one's own, what the one has who has got most of it. */
  progress: number;
  /** Bytes a second; null while nothing moves. */
  rate: number | null;
  /** Where it lies here; null where it does not. */
  path: string | null;
  /** Why it does not come on, or what was left out of a folder. */
  problem: { code: string; detail: string } | null;
}

export interface SendFilesRequest {
  /** Absolute paths of files and folders, where the node runs. */
  paths: string[];
  caption?: string;
  /** Whether the node keeps a copy, so that the originals may change; true by default. Folders are always copied. */
  copy?: boolean;
  /** Id of one's own message that offers these paths: as long as its files are served, none of them is read again. */
  as?: string;
}

/** What was sent. */
export interface SentFilesView {
  /** Id of the message. */
  id: string;
  conversation: string;
  files: OfferedFileView[];
  /** Of folders: what was left out, each with the reason. */
  skipped: string[];
}

export interface FetchFileRequest {
  /** Absolute path of the folder to put it in; without it, the folder of downloads. */
  to?: string;
}

/** Gives a file to a browser as a download, once and soon. */
export interface FileLinkView {
  /** At the page's port: the path of the content, with a code. */
  link: string;
}

/** When files of a conversation are fetched: by themselves up to a size, when asked for, or never. */
export interface FileRuleView {
  fetch: 'always' | 'ask' | 'never';
  /** Of `always`: bytes; larger ones are asked for. */
  upTo?: number;
}
