import { describe } from 'vitest';
import { leaseRegistryContract } from './lease-registry.contract.js';
import { MemoryLeaseRegistry } from './memory-lease-registry.js';

describe('MemoryLeaseRegistry', () => {
  leaseRegistryContract((clock, options) => new MemoryLeaseRegistry(clock, options));
});
