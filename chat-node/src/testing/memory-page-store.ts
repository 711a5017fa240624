import { type PageRecord, PageStore } from '../core/ports/page.store.js';

/** Keeps the record of the page in memory. */
export class MemoryPageStore extends PageStore {
  record: PageRecord = { port: null, browsers: [] };
  others: ReadonlySet<number> = new Set();

  async save(record: PageRecord): Promise<void> {
    this.record = record;
  }

  async portsOfOthers(): Promise<ReadonlySet<number>> {
    return this.others;
  }
}
