import { createHash } from 'node:crypto';
import {
  createOperation,
  type GroupPolicy,
  type OperationSigner,
  peerIdOfPublicKey,
  type RosterDetail,
  type RosterOperation,
} from '../protocol/roster-operation.js';
import { resolveRoster, type Roster } from '../protocol/roster.js';

const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

/** Somebody who writes operations of one group, knowing what they were told. Signatures are empty. */
export class GroupActor {
  readonly known = new Map<string, RosterOperation>();
  readonly signer: OperationSigner;
  readonly peerId: string;

  constructor(readonly name: string) {
    const publicKey = sha256(Buffer.from(name));
    this.signer = { publicKey, sha256, sign: () => new Uint8Array(64) };
    this.peerId = peerIdOfPublicKey(publicKey, sha256);
  }

  get roster(): Roster {
    return resolveRoster(this.known.values());
  }

  /** @param ms wall clock; by default one later than all that is known */
  act(detail: RosterDetail, ms?: number): RosterOperation {
    const { heads, lastClock } = this.roster;
    const before = Number.parseInt(lastClock.slice(0, 12) || '0', 16);
    const operation = createOperation(
      {
        conversation: [...this.known.values()][0]?.conversation ?? null,
        clock: `${(ms ?? before + 1).toString(16).padStart(12, '0')}0000`,
        parents: heads,
        detail,
      },
      this.signer,
    );
    this.known.set(operation.hash, operation);
    return operation;
  }

  found(policy: GroupPolicy = { open: false, history: 'join' }): RosterOperation {
    return this.act({ kind: 'found', name: 'Team', user: this.name, ...policy, nonce: '0'.repeat(32) }, 1);
  }

  /** Adds others, who accept and know of it. */
  admit(...others: readonly GroupActor[]): void {
    for (const other of others) {
      this.act({ kind: 'add', person: other.peerId, user: other.name });
      other.learn(this);
      other.act({ kind: 'accept', user: other.name });
      this.learn(other);
    }
  }

  /** Takes over all that another one knows. */
  learn(...others: readonly GroupActor[]): void {
    for (const { known } of others) for (const [hash, one] of known) this.known.set(hash, one);
  }

  /** Names of the people in one state. */
  static names(roster: Roster, people: readonly GroupActor[], state = 'member'): string[] {
    return people.filter(({ peerId }) => roster.members.get(peerId)?.state === state).map(({ name }) => name);
  }
}
