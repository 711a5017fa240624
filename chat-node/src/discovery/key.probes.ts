import { P2pChatError } from '@p2p-chat/shared';
import { type Probe, Probes } from '../core/ports/probe.js';

/** Whether this node alone uses its key. */
export class KeyProbes extends Probes {
  /** @param others hosts at which others were heard that use it */
  constructor(private readonly others: () => readonly string[]) {
    super();
  }

  override list(): Probe[] {
    return [{ hop: 'key', subject: '', run: () => this.#alone() }];
  }

  #alone(): string {
    const hosts = this.others();
    if (hosts.length === 0) return 'no other node was heard that uses it';
    throw new P2pChatError(
      'profile-copied',
      `This profile is also used at ${hosts.join(', ')}: messages reach only one of the two.`,
      { hint: 'It was copied: stop one of the nodes, and start it with an empty P2P_CHAT_HOME.' },
    );
  }
}
