/**
 * Lets promises that were started in some order be answered in that order,
 * for each key, whichever settles first.
 */
export class InOrder<K> {
  readonly #last = new Map<K, Promise<unknown>>();

  /** @returns the outcome of `work`, not before those of all earlier works of the key */
  after<T>(key: K, work: Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const mine = before === undefined ? work : Promise.allSettled([before, work]).then(() => work);
    this.#last.set(key, mine);
    const forget = (): void => {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    };
    mine.then(forget, forget);
    return mine;
  }
}
