import { messageRepositoryContract, type StoragePlace } from '../chat/ports/message.repository.contract.js';
import { messageSearchContract, type SearchablePlace } from '../chat/ports/message-search.contract.js';
import { peerRepositoryContract } from '../chat/ports/peer.repository.contract.js';
import { MemoryDisk, MemoryStorage } from './memory-storage.js';

// The storage of the core's own tests keeps the same contract as the real ones.
async function createPlace(): Promise<StoragePlace & SearchablePlace> {
  const disk = new MemoryDisk();
  return { open: async () => new MemoryStorage(disk), dispose: async () => undefined };
}

messageRepositoryContract('memory', createPlace);
peerRepositoryContract('memory', createPlace);
messageSearchContract('memory', createPlace);
