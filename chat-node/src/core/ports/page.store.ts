/** A browser that was let in. */
export interface PairedBrowser {
  id: string;
  /** What it calls itself, such as `Firefox on Linux`. */
  name: string;
  /** SHA-256 of its token, in hexadecimal: the token itself is kept by the browser alone. */
  tokenHash: string;
  /** Milliseconds since 1970. */
  pairedAt: number;
  /** When it was last there, to the day. */
  seenAt: number;
}

/** What is kept of the page across restarts. */
export interface PageRecord {
  /** The port of this profile's page; null before it had one. */
  port: number | null;
  browsers: readonly PairedBrowser[];
}

/** Keeps where a profile's page is, and which browsers may use it. */
export abstract class PageStore {
  /** What was stored last. */
  abstract readonly record: PageRecord;
  /**
   * Makes the record durable.
   * @throws {StorageError}
   */
  abstract save(record: PageRecord): Promise<void>;
  /** Ports that belong to the pages of other profiles. */
  abstract portsOfOthers(): Promise<ReadonlySet<number>>;
}
