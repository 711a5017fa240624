import type { BackoffPolicy } from '@p2p-chat/shared';

/** How a storage that is away is asked again: soon, as it is mostly a restart, and never rarer than people wait. */
export const STORAGE_BACKOFF: BackoffPolicy = { initialMs: 100, maxMs: 5_000, factor: 2, jitter: 0.3 };
