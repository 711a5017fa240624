import type { ProblemView, StatusView } from '@p2p-chat/shared';

/** What of the node does not change while it runs, and how to end it. Also the DI token. */
export abstract class NodeInfo {
  abstract readonly identity: Pick<StatusView, 'peerId' | 'storage' | 'home' | 'pid' | 'version'>;
  /** The bearer token of this start. */
  abstract readonly token: string;
  /** Port of the control API; 0 before it listens. */
  abstract readonly controlPort: number;
  /** Where the peer gateway can be reached now, without the port. */
  abstract addresses(): string[];
  /** What is wrong with the folder of the profile; null where nothing is. */
  abstract profileProblem(): ProblemView | null;
  /** What is wrong with the network of this machine; null where nothing is. */
  abstract networkProblem(): ProblemView | null;
  /** Hosts at which another node uses the key of this one. */
  abstract copies(): string[];
  /** Ends the node in order; returns at once. */
  abstract logout(): void;
}
