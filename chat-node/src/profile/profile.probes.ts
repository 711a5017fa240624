import { randomUUID } from 'node:crypto';
import { open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, MAX_BODY_BYTES, P2pChatError } from '@p2p-chat/shared';
import type { ConversationStore } from '../core/ports/conversation.store.js';
import { type Probe, Probes } from '../core/ports/probe.js';
import { requirePrivateProfile } from './profile-files.js';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** Whether what a person writes can be kept: the profile's folder, and the database. */
export class ProfileProbes extends Probes {
  constructor(
    private readonly home: string,
    private readonly storage: { kind: 'sqlite' | 'mongodb'; store: Pick<ConversationStore, 'check'> },
  ) {
    super();
  }

  override list(): Probe[] {
    return [
      { hop: 'profile', subject: this.home, run: () => this.#folder() },
      { hop: 'storage', subject: this.storage.kind, run: () => this.#database() },
    ];
  }

  async #folder(): Promise<string> {
    await requirePrivateProfile(this.home);
    await this.#write();
    const { bavail, bsize } = await statfs(this.home);
    return `private, writable, ${inWords(bavail * bsize)} free`;
  }

  async #write(): Promise<void> {
    const path = join(this.home, 'run', `probe-${randomUUID()}`);
    try {
      const file = await open(path, 'wx', 0o600);
      try {
        // As much as the largest message, so that what is accepted would have fitted.
        await file.writeFile(Buffer.alloc(MAX_BODY_BYTES));
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      throw notWritable(this.home, error);
    } finally {
      await rm(path, { force: true });
    }
  }

  async #database(): Promise<string> {
    await this.storage.store.check();
    return 'takes what is written';
  }
}

function notWritable(home: string, error: unknown): P2pChatError {
  const code = errorCode(error) ?? 'unknown error';
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new P2pChatError('profile-full', `No space is left for ${home} (${code}).`, {
      hint: 'Free some space, or move the folder to another disk and set P2P_CHAT_HOME.',
      cause: error,
    });
  }
  return new P2pChatError('profile-not-writable', `Cannot write to ${home} (${code}).`, {
    hint: 'Make the folder writable for your user, or choose another with P2P_CHAT_HOME.',
    cause: error,
  });
}

function inWords(bytes: number): string {
  return bytes >= GIB ? `${(bytes / GIB).toFixed(1)} GiB` : `${Math.floor(bytes / MIB)} MiB`;
}
