/** Lets works of one key run one after the other, in the order in which they were given. */
export class Mutex<K> {
  readonly #last = new Map<K, Promise<unknown>>();

  /** Runs the work when all earlier ones of the key have ended. @returns its outcome */
  run<T>(key: K, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const mine = before === undefined ? work() : before.then(work, work);
    this.#last.set(key, mine);
    const leave = (): void => {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    };
    mine.then(leave, leave);
    return mine;
  }
}
