import { holdYoungGeneration, letYoungGenerationGrow } from '../heap-growth.js';
import { collectWhenIdle } from '../idle-collection.js';
import { withLateDateFormats } from '../lean-intl.js';
import { holdOptimisers, optimiseWhenBusy } from '../optimise-when-busy.js';
import type { Io } from './io.js';
import { settings, type NodeFlags } from './settings.js';

export interface DaemonFlags extends NodeFlags {
  json?: boolean;
}

/** `daemon`: runs a node until it is told to end. @returns its exit status */
export async function daemon(io: Io, flags: DaemonFlags): Promise<number> {
  holdYoungGeneration();
  holdOptimisers();
  // The node with all its libraries, which no other command should wait for.
  const { runDaemon } = await withLateDateFormats(() => import('../runtime/node.js'));
  letYoungGenerationGrow();
  // A collection at rest makes it small again.
  collectWhenIdle(letYoungGenerationGrow);
  return runDaemon({ env: settings(io.env, flags), json: flags.json === true, onReady: optimiseWhenBusy });
}
