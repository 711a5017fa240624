import { beforeEach, describe, expect, it } from 'vitest';
import { StorageError } from '../errors.js';
import type { Change } from '../ports/conversation.store.js';
import type { PeerRecord } from './peer.js';
import { PeerRecords, type RecordChange } from './peer-records.js';

const BEN = 'ben';
const CAROL = 'carol';

const none = (): StorageError => new StorageError('storage-full', 'There is no space left.');
const unknown = (): StorageError =>
  new StorageError('storage-unavailable', 'The server does not answer.', { outcome: 'unknown' });

/** A store whose commits end when the test says so, and how. */
class SlowStore {
  readonly durable = new Map<string, PeerRecord>();
  readonly #open: { changes: readonly Change[]; end: (error: Error | null, isDone: boolean) => void }[] = [];

  commit(changes: readonly Change[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (error: Error | null, isDone: boolean): void => {
        if (isDone)
          for (const one of changes) if (one.type === 'peer') this.durable.set(one.record.peerId, one.record);
        if (error === null) resolve();
        else reject(error);
      };
      this.#open.push({ changes, end });
    });
  }

  async peers(): Promise<PeerRecord[]> {
    return [...this.durable.values()];
  }

  /** What is being committed now. */
  get pending(): (readonly Change[])[] {
    return this.#open.map(({ changes }) => changes);
  }

  /** Ends the first of the open commits. */
  async end(error: Error | null = null, isDone = error === null): Promise<void> {
    const first = this.#open.shift();
    if (first === undefined) throw new Error('Nothing is being committed.');
    first.end(error, isDone);
    await settled();
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('changes of what is stored of people', () => {
  let store: SlowStore;
  let records: PeerRecords;
  let told: PeerRecord[];

  const make = async (): Promise<void> => {
    told = [];
    records = new PeerRecords({ store, draft, onSaved: (record) => told.push(record) });
    await records.load();
  };
  beforeEach(async () => {
    store = new SlowStore();
    await make();
  });
  const block: RecordChange = (record) => ({ ...record, blocked: true });
  const verify: RecordChange = (record) => ({ ...record, verified: true });
  /** Makes a change and says later how it ended. */
  const outcome = async (peerId: string, change: RecordChange, beside?: Change[]): Promise<string> => {
    try {
      await records.change(peerId, change, beside);
      return 'saved';
    } catch (error) {
      return (error as StorageError).outcome;
    }
  };
  const said = (peerId = BEN): string => {
    const record = records.get(peerId);
    return record === null
      ? 'none'
      : `${record.blocked ? 'blocked' : '-'} ${record.verified ? 'verified' : '-'}`;
  };

  it('are in memory once they are durable, and not before', async () => {
    const blocked = outcome(BEN, block);
    await settled();
    expect(said()).toBe('none');
    await store.end();
    expect(await blocked).toBe('saved');
    expect(said()).toBe('blocked -');
    expect(told).toEqual([store.durable.get(BEN)]);
    await make();
    expect(said()).toBe('blocked -');
  });

  it('that overlap are made one after the other, each from what the one before has saved', async () => {
    const all = [outcome(BEN, block), outcome(BEN, verify)];
    await settled();
    expect(store.pending).toHaveLength(1);
    await store.end();
    expect(said()).toBe('blocked -');
    await store.end();
    expect(await Promise.all(all)).toEqual(['saved', 'saved']);
    expect(said()).toBe('blocked verified');
  });

  it('that overlap and all fail leave memory as it was', async () => {
    const all = [outcome(BEN, block), outcome(BEN, verify)];
    await settled();
    await store.end(none());
    await store.end(none());
    expect(await Promise.all(all)).toEqual(['none', 'none']);
    expect(said()).toBe('none');
    expect(told).toEqual([]);
  });

  it('save nothing of one that overlapped and failed', async () => {
    const all = [outcome(BEN, block), outcome(BEN, verify)];
    await settled();
    await store.end(none());
    await store.end();
    expect(await Promise.all(all)).toEqual(['none', 'saved']);
    expect(said()).toBe('- verified');
    expect(store.durable.get(BEN)).toMatchObject({ blocked: false, verified: true });
  });

  it('of different people do not wait for each other', async () => {
    const all = [outcome(BEN, block), outcome(CAROL, verify)];
    await settled();
    expect(store.pending).toHaveLength(2);
    await store.end();
    await store.end();
    expect(await Promise.all(all)).toEqual(['saved', 'saved']);
  });

  it.each([true, false])(
    'of unknown outcome (done: %s) are saved again before the next one',
    async (isDone) => {
      const first = outcome(BEN, block);
      await settled();
      await store.end(unknown(), isDone);
      expect(await first).toBe('unknown');
      expect(said()).toBe('none');
      const second = outcome(BEN, verify);
      await settled();
      expect(store.pending).toEqual([[{ type: 'peer', record: { ...draft(BEN), blocked: true } }]]);
      await store.end();
      expect(said()).toBe('blocked -');
      await store.end();
      expect(await second).toBe('saved');
      expect(said()).toBe('blocked verified');
      expect(store.durable.get(BEN)).toEqual(records.get(BEN));
    },
  );

  it('of unknown outcome stay so until that is known', async () => {
    const first = outcome(BEN, block);
    await settled();
    await store.end(unknown(), true);
    await first;
    const second = outcome(BEN, verify);
    await settled();
    await store.end(none());
    expect(await second).toBe('none');
    expect(said()).toBe('none');
    const third = outcome(BEN, verify);
    await settled();
    await store.end();
    await store.end();
    expect(await third).toBe('saved');
    expect(store.durable.get(BEN)).toMatchObject({ blocked: true, verified: true });
    expect(said()).toBe('blocked verified');
  });

  it('are one commit with what belongs to them', async () => {
    const beside: Change = { type: 'import', messages: [] };
    const first = outcome(BEN, () => null, [beside]);
    await settled();
    expect(store.pending).toEqual([[beside, { type: 'peer', record: draft(BEN) }]]);
    await store.end(none());
    expect(await first).toBe('none');
    expect(said()).toBe('none');
    const again = outcome(BEN, () => null, [beside]);
    await settled();
    await store.end();
    expect(await again).toBe('saved');
    expect(said()).toBe('- -');
    const further = outcome(BEN, () => null, [beside]);
    await settled();
    expect(store.pending).toEqual([[beside]]);
    await store.end();
    expect(await further).toBe('saved');
  });

  it('that change nothing of a stored record are not saved', async () => {
    const first = outcome(BEN, block);
    await settled();
    await store.end();
    await first;
    expect(await outcome(BEN, () => null)).toBe('saved');
    expect(store.pending).toEqual([]);
  });
});

function draft(peerId: string): PeerRecord {
  return {
    peerId,
    user: peerId,
    blocked: false,
    verified: false,
    contact: false,
    knownAs: null,
    addresses: [],
    firstSeenAt: 0,
    lastSeenAt: 0,
    announcedSeq: 0,
  };
}
