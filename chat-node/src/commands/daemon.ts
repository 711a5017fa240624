import type { Io } from './io.js';
import { settings, type NodeFlags } from './settings.js';

export interface DaemonFlags extends NodeFlags {
  json?: boolean;
}

/** `daemon`: runs a node until it is told to end. @returns its exit status */
export async function daemon(io: Io, flags: DaemonFlags): Promise<number> {
  // The node with all its libraries, which no other command should wait for.
  const { runDaemon } = await import('../runtime/node.js');
  return runDaemon({ env: settings(io.env, flags), json: flags.json === true });
}
