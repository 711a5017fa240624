import type { Clock } from '../clock.js';

/**
 * Runs a task when asked to, one run at a time and not more often than every
 * `intervalMs`; requests that come meanwhile share the next run. A run that
 * fails is left to the next request.
 */
export class Refresher {
  #running = false;
  #again = false;

  constructor(
    private readonly task: () => Promise<void>,
    private readonly clock: Clock,
    private readonly intervalMs: number,
    private readonly signal: AbortSignal,
  ) {}

  request(): void {
    if (this.#running) this.#again = true;
    else void this.run();
  }

  private async run(): Promise<void> {
    this.#running = true;
    do {
      this.#again = false;
      await this.task().catch(() => undefined);
      if (this.#again) await this.clock.sleep(this.intervalMs, this.signal);
    } while (this.#again && !this.signal.aborted);
    this.#running = false;
  }
}
