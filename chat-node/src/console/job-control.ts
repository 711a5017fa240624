import type { Clock, Timer } from '@p2p-chat/shared';

/** A stop that the system has ignored is noticed after this time, in milliseconds: there is no shell that could continue us. */
const IGNORED_AFTER_MS = 100;

/**
 * Word that we went on is waited for before we stop, in milliseconds: where the whole group was asked to stop,
 * the shell may have the terminal before us, and giving it back then stops us until we go on.
 */
const GOES_ON_WITHIN_MS = 10;

/** All processes of one's own group: `make` and `npx` stop with what they have started, as by Ctrl-Z in a shell. */
const OWN_GROUP = 0;

export interface JobControlParts {
  clock: Clock;
  /** Gives the terminal back. Harmless when done twice. */
  leave: () => void;
  /** Takes the terminal again, with its modes and the whole picture. */
  enter: () => void;
  /** Where signals come from and go to: the process. */
  signals?: Pick<NodeJS.Process, 'on' | 'off' | 'kill' | 'pid'>;
}

/** Suspends the console where a person or a shell asks for it, and brings it back when it goes on. */
export class JobControl {
  readonly #signals: NonNullable<JobControlParts['signals']>;
  #pending: Timer | null = null;

  constructor(private readonly parts: JobControlParts) {
    this.#signals = parts.signals ?? process;
  }

  start(): void {
    this.#signals.on('SIGTSTP', this.#onStop).on('SIGCONT', this.#onContinue);
  }

  stop(): void {
    this.#pending?.clear();
    this.#signals.off('SIGTSTP', this.#onStop).off('SIGCONT', this.#onContinue);
  }

  /** Ctrl-Z was pressed, which a terminal in raw mode hands on as a key. */
  suspend(): void {
    this.#suspend(OWN_GROUP);
  }

  #suspend(target: number): void {
    this.#pending?.clear();
    this.parts.leave();
    this.#pending = this.parts.clock.setTimeout(() => {
      // Signals that came meanwhile are heard first.
      const next = setImmediate(() => this.#stop(target));
      this.#pending = { clear: () => clearImmediate(next) };
    }, GOES_ON_WITHIN_MS);
  }

  #stop(target: number): void {
    // Without a listener the signal does what it is for.
    this.#signals.off('SIGTSTP', this.#onStop);
    this.#signals.kill(target, 'SIGTSTP');
    this.#pending = this.parts.clock.setTimeout(this.#onContinue, IGNORED_AFTER_MS);
  }

  #onStop = (): void => this.#suspend(this.#signals.pid);

  #onContinue = (): void => {
    this.#pending?.clear();
    this.#signals.off('SIGTSTP', this.#onStop).on('SIGTSTP', this.#onStop);
    // After a stop that nobody could see coming (SIGSTOP) it was not given back yet.
    this.parts.leave();
    this.parts.enter();
  };
}
