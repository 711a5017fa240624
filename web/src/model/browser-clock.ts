import { Clock, type Timer } from '@p2p-chat/shared/clock';

/** The clock of a browser. */
export class BrowserClock extends Clock {
  now(): number {
    return Date.now();
  }
  monotonic(): number {
    return performance.now();
  }
  setTimeout(run: () => void, ms: number): Timer {
    const handle = setTimeout(run, ms);
    return { clear: () => clearTimeout(handle) };
  }
}
