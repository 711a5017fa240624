import { errorCode, MAX_IDS_PER_FRAME } from '@p2p-chat/shared';
import { directConversationId } from './conversation.js';
import type { ChatEvents } from './events.js';
import type { PeerDirectory } from './peer-directory.js';
import type { ChatLog } from './ports/log.js';
import type { MessageRepository } from './ports/message.repository.js';
import type { PeerLink } from './ports/peer-link.js';

/**
 * Read receipts, both ways. A receipt that is due is kept until its author
 * acked it, so that it arrives after any crash or absence as a message does.
 */
export class Receipts {
  readonly #links = new Map<string, PeerLink>();

  constructor(
    private readonly messages: MessageRepository,
    private readonly directory: PeerDirectory,
    private readonly events: ChatEvents,
    private readonly log: ChatLog,
    /** Whether this node tells others what was read here. */
    private readonly enabled: () => boolean,
  ) {}

  /** Sends what is due to the peer. */
  opened(link: PeerLink): void {
    this.#links.set(link.peer.peerId, link);
    void this.#sendDue(link);
  }

  closed(link: PeerLink): void {
    if (this.#links.get(link.peer.peerId) === link) this.#links.delete(link.peer.peerId);
  }

  /**
   * A person has seen the messages of a peer up to this one, or all.
   * @param upToClock clock of the last message that was seen; null for all
   * @returns how many were unread
   * @throws {StorageError}
   */
  async markRead(peerId: string, upToClock: string | null): Promise<number> {
    const conversationId = directConversationId(peerId);
    const receipts = this.enabled() && !this.directory.isBlocked(peerId);
    let total = 0;
    for (;;) {
      const ids = await this.messages.markRead(conversationId, upToClock, {
        limit: MAX_IDS_PER_FRAME,
        receipts,
      });
      if (ids.length === 0) break;
      total += ids.length;
      this.events.publish({ type: 'states', peerId, state: 'read', ids: ids.join('') });
      if (receipts) this.#links.get(peerId)?.sendReceipt(ids);
      if (ids.length < MAX_IDS_PER_FRAME) break;
    }
    if (total > 0) this.directory.changed(peerId);
    return total;
  }

  /** The peer has read messages of ours: made durable, then acked. */
  async received(link: PeerLink, ids: readonly string[]): Promise<void> {
    const { peerId } = link.peer;
    try {
      const changed = await this.messages.setState(directConversationId(peerId), ids, 'read');
      link.sendAck(ids.join(''), 'receipt');
      if (changed.length > 0) {
        this.events.publish({ type: 'states', peerId, state: 'read', ids: changed.join('') });
      }
    } catch (error) {
      // Not acked: the peer keeps the receipt and sends it over the next link.
      this.log.warn({ code: errorCode(error) }, 'cannot record read receipts');
    }
  }

  /** The peer has our receipts. */
  async acked(link: PeerLink, ids: readonly string[]): Promise<void> {
    try {
      await this.messages.receiptsSent(directConversationId(link.peer.peerId), ids);
    } catch (error) {
      // Still due: sent again over the next link, which does no harm.
      this.log.warn({ code: errorCode(error) }, 'cannot record that read receipts arrived');
      return;
    }
    if (ids.length === MAX_IDS_PER_FRAME) await this.#sendDue(link);
  }

  async #sendDue(link: PeerLink): Promise<void> {
    const { peerId } = link.peer;
    if (this.directory.isBlocked(peerId)) return;
    try {
      const ids = await this.messages.receiptsDue(directConversationId(peerId), MAX_IDS_PER_FRAME);
      if (ids.length > 0 && this.#links.get(peerId) === link) link.sendReceipt(ids);
    } catch (error) {
      this.log.warn({ code: errorCode(error) }, 'cannot read the receipts that are due');
    }
  }
}
