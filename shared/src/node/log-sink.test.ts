import { execFileSync } from 'node:child_process';
import { closeSync, constants, existsSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { LogSink } from './log-sink.js';

const PIPE_BYTES = 64 * 1024;
const line = (n: number): string => `{"n":${n},"filler":"${'x'.repeat(1_000)}"}\n`;
let folder: string;
let fd: number;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-sink-'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  fd = openSync(join(folder, 'pipe'), constants.O_RDWR | constants.O_NONBLOCK);
});
afterAll(() => {
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

function readAll(): string {
  const buffer = Buffer.alloc(PIPE_BYTES);
  let text = '';
  for (;;) {
    try {
      text += buffer.toString('utf8', 0, readSync(fd, buffer));
    } catch {
      return text;
    }
  }
}

it('keeps lines that nobody reads up to a bound, loses those beyond it, and says how many', () => {
  vi.useFakeTimers();
  const sink = new LogSink(fd);
  for (let n = 0; n < 1_000; n += 1) sink.write(line(n));
  let read = '';
  for (;;) {
    const more = readAll();
    if (more === '') break;
    read += more;
    vi.advanceTimersByTime(100);
  }
  sink.write(line(1_000));
  read += readAll();
  vi.useRealTimers();
  const lines = read
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text) as { n?: number; lost?: number });
  const kept = lines.filter(({ n }) => n !== undefined).map(({ n }) => n!);
  expect(kept.slice(0, 100)).toEqual(Array.from({ length: 100 }, (_, n) => n));
  expect(kept.at(-1)).toBe(1_000);
  expect(lines.find(({ lost }) => lost !== undefined)?.lost).toBe(1_001 - kept.length);
});

it.skipIf(!existsSync('/dev/full'))('goes on where the disk takes nothing', () => {
  const full = openSync('/dev/full', 'w');
  const sink = new LogSink(full);
  sink.write(line(1));
  sink.write(line(2));
  closeSync(full);
});
