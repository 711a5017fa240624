export { FakeNode } from './fake-node.js';
export { ManualClock } from './manual-clock.js';
export { memoryDuplexPair, type MemoryDuplexOptions, type MemoryLine } from './memory-duplex.js';
export { testKeys } from './fixtures.js';
export * from './memory-multicast.js';
export * from './group-acts.js';
