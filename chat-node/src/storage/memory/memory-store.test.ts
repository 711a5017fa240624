import { conversationStoreContract } from '../contract/conversation-store.contract.js';
import { MemoryDisk, MemoryStore } from './memory-store.js';

// The store of the core's own tests keeps the same contract as the real ones.
conversationStoreContract('memory', async () => {
  const disk = new MemoryDisk();
  return { open: async () => new MemoryStore(disk), dispose: async () => undefined };
});
