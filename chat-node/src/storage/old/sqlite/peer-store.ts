import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { PeerAddress, PeerRecord } from '../../../chat/peer.js';

/** PeerRepository inside the worker thread: the same calls, without the waiting. */
export class PeerStore {
  readonly #all: StatementSync;
  readonly #save: StatementSync;

  constructor(private readonly database: DatabaseSync) {
    this.#all = database.prepare('SELECT * FROM peers');
    this.#save = database.prepare('REPLACE INTO peers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  }

  all(): PeerRecord[] {
    return this.#all.all().map((row) => ({
      peerId: row['peer_id'] as string,
      user: row['user'] as string,
      blocked: row['blocked'] === 1,
      verified: row['verified'] === 1,
      accepted: row['accepted'] === 1,
      addresses: JSON.parse(row['addresses'] as string) as PeerAddress[],
      firstSeenAt: row['first_seen_at'] as number,
      lastSeenAt: row['last_seen_at'] as number,
      announcedSeq: row['announced_seq'] as number,
      knownAs: row['known_as'] as string | null,
    }));
  }

  save(record: PeerRecord): void {
    this.#save.run(
      record.peerId,
      record.user,
      Number(record.blocked),
      Number(record.verified),
      Number(record.accepted),
      JSON.stringify(record.addresses),
      record.firstSeenAt,
      record.lastSeenAt,
      record.announcedSeq,
      record.knownAs,
    );
  }

  /** Writes a page as it is, so that the commit around it waits for the disk. */
  check(): void {
    const version = Number(this.database.prepare('PRAGMA user_version').get()?.['user_version']);
    this.database.exec(`PRAGMA user_version = ${version}`);
  }
}
