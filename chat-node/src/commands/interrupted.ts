import { P2pChatError } from '@p2p-chat/shared';

/** The person pressed Ctrl-C. */
export class Interrupted extends P2pChatError {
  constructor() {
    super('interrupted', 'Interrupted.');
  }
}
