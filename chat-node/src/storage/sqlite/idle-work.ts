/**
 * Work for when nothing else is to be done, a little at a time: it begins when
 * nobody has asked for anything for a while, and stops as soon as somebody does.
 */
export class IdleWork {
  #timer: NodeJS.Timeout | undefined;
  #next: NodeJS.Immediate | undefined;

  /**
   * @param work does a little; returns whether more is left
   * @param afterMs how long nobody must have asked
   */
  constructor(
    private readonly work: () => boolean,
    private readonly afterMs: number,
  ) {}

  /** Somebody has asked for something. */
  postpone(): void {
    clearImmediate(this.#next);
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#run(), this.afterMs);
    else this.#timer.refresh();
  }

  /** Nothing more is done. */
  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#next);
  }

  // What was asked meanwhile has its turn between two of its own.
  #run(): void {
    if (this.work()) this.#next = setImmediate(() => this.#run());
  }
}
