import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { conversationStoreContract } from '../contract/conversation-store.contract.js';
import { SqliteStore } from './sqlite-store.js';

// A worker thread runs built code.
const workerUrl = new URL('../../../dist/storage/sqlite/sqlite-worker.js', import.meta.url);

conversationStoreContract('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'p2p-chat-'));
  return {
    open: () => SqliteStore.open({ file: join(folder, 'messages.sqlite'), workerUrl }),
    dispose: () => rm(folder, { recursive: true }),
  };
});
