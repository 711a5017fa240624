import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  messageRepositoryContract,
  type StoragePlace,
} from '../../../chat/ports/message.repository.contract.js';
import { messageSearchContract, type SearchablePlace } from '../../../chat/ports/message-search.contract.js';
import { peerRepositoryContract } from '../../../chat/ports/peer.repository.contract.js';
import { SqliteStorage } from './sqlite-storage.js';

// A worker thread runs built code.
const workerUrl = new URL('../../../../dist/storage/old/sqlite/sqlite-worker.js', import.meta.url);

async function createPlace(): Promise<StoragePlace & SearchablePlace> {
  const folder = await mkdtemp(join(tmpdir(), 'p2p-chat-'));
  return {
    open: () => SqliteStorage.open({ file: join(folder, 'messages.db'), workerUrl }),
    dispose: () => rm(folder, { recursive: true }),
  };
}

messageRepositoryContract('SQLite', createPlace);
peerRepositoryContract('SQLite', createPlace);
messageSearchContract('SQLite', createPlace);
