/**
 * What registries that share their entries tell each other of one key: the
 * peer id of a signed entry, HOST and PORT of a plain one.
 *
 * Of two about one peer the one with the higher SEQ counts, under one SEQ a
 * withdrawal, and else the one that was stored first. Of two about a plain
 * entry the later one counts.
 */
export type LeaseRecord =
  | { kind: 'plain'; key: string; json: string }
  | {
      kind: 'signed';
      key: string;
      seq: number;
      /** Tells the announcement from others with its SEQ. */
      announcement: string;
      /** The entry, as it is listed. */
      json: string;
    }
  /** Nothing up to this SEQ is listed again. */
  | { kind: 'withdrawn'; key: string; seq: number };

/** The record of an entry that holds or held a lease, and how long ago it was renewed last. */
export interface AgedRecord {
  record: LeaseRecord;
  ageMs: number;
}
