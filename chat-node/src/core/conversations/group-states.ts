import type { Conversation } from './conversation.js';
import { coverage, type Covers, loadForMarks } from './coverage.js';
import type { DeliveryState, MemberReceipt, Recipients } from './message.js';
import { receiptTime } from './receipt-times.js';

/** What has become of one's own messages in a group, at each member that they were written for. */
export class GroupStates {
  readonly #members = new Map<string, { have: Covers; read: Covers }>();

  /** @param self own peer id */
  constructor(
    private readonly self: string,
    private readonly conversation: Conversation,
  ) {}

  /** Loads one's own feed where it takes that to tell. @throws {StorageError} */
  async load(): Promise<void> {
    const { conversation, self } = this;
    for (const member of conversation.writers()) {
      const { have, read } = conversation.watermark(self, member);
      for (const marks of [have, read]) await loadForMarks(conversation, self, marks);
    }
  }

  /** @param clock of the message */
  of(segment: string, seq: number, clock: string): Recipients {
    const of = this.conversation.group?.audience(this.self, clock) ?? [];
    const read = of.filter((member) => this.#of(member).read(segment, seq));
    const delivered = of.filter((member) => read.includes(member) || this.#of(member).have(segment, seq));
    return { of, delivered, read, times: this.#times(delivered, segment, seq) };
  }

  #times(members: readonly string[], segment: string, seq: number): MemberReceipt[] {
    return members.flatMap((peerId) => {
      const { times } = this.conversation.watermark(this.self, peerId);
      if (times === undefined) return [];
      const delivered = receiptTime(times.have, segment, seq);
      const read = receiptTime(times.read, segment, seq);
      return delivered === null && read === null ? [] : [{ peerId, delivered, read }];
    });
  }

  #of(member: string): { have: Covers; read: Covers } {
    let covers = this.#members.get(member);
    if (covers === undefined) {
      const { have, read } = this.conversation.watermark(this.self, member);
      const [haves, reads] = [have, read].map((marks) => coverage(this.conversation, this.self, marks));
      this.#members.set(member, (covers = { have: haves as Covers, read: reads as Covers }));
    }
    return covers;
  }
}

/** What a message shows as: what holds at all members that it was written for. */
export function stateOf({ of, delivered, read }: Recipients): DeliveryState {
  if (of.length > 0 && read.length === of.length) return 'read';
  return delivered.length === of.length ? 'delivered' : 'queued';
}
