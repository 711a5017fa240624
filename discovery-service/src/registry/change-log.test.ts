import { describe, expect, it } from 'vitest';
import { ChangeLog } from './change-log.js';

const users = (log: ChangeLog, cursor: string): string[] | undefined =>
  log.since(cursor)?.map(({ json }) => json);

describe('ChangeLog', () => {
  it('tells what came after a cursor, in order', () => {
    const log = new ChangeLog();
    const start = log.cursor;
    expect(log.since(start)).toEqual([]);
    log.add('join', 'a', '1');
    const middle = log.cursor;
    log.add('change', 'a', '2');
    expect(users(log, start)).toEqual(['1', '2']);
    expect(log.since(middle)).toEqual([{ kind: 'change', key: 'a', json: '2', cursor: log.cursor }]);
  });

  it('remembers as many changes as its capacity, and knows what it has forgotten', () => {
    const log = new ChangeLog(3);
    const cursors = [log.cursor];
    for (let n = 1; n <= 5; n += 1) {
      log.add('join', 'a', String(n));
      cursors.push(log.cursor);
    }
    expect(users(log, cursors[2]!)).toEqual(['3', '4', '5']);
    expect(log.since(cursors[1]!)).toBeNull();
  });

  it('does not take the cursor of another run, of the future, or none at all', () => {
    const log = new ChangeLog();
    const other = new ChangeLog();
    log.add('join', 'a', '1');
    const ahead = log.cursor.replace(/\d+$/, '2');
    for (const cursor of [other.cursor, ahead, '', `${log.cursor}0x`, log.cursor.replace(/\d+$/, '-1')])
      expect(log.since(cursor), cursor).toBeNull();
  });

  it('tells its listeners until they want no more', () => {
    const log = new ChangeLog();
    let told = 0;
    const end = log.subscribe(() => (told += 1));
    log.add('join', 'a', '1');
    end();
    log.add('leave', 'a', '1');
    expect(told).toBe(1);
  });
});
