/** After what is due now: a browser has no `setImmediate`. */
const soon: (run: () => void) => unknown =
  'setImmediate' in globalThis ? setImmediate : (run) => setTimeout(run, 0);

/**
 * A value that is shown: those who show it are told when it changes, once per
 * turn of the event loop, so that a burst of changes is drawn once.
 */
export class Store<T> {
  #value: T;
  #scheduled = false;
  readonly #listeners = new Set<() => void>();

  constructor(initial: T) {
    this.#value = initial;
  }

  get(): T {
    return this.#value;
  }

  /** Changes the value; `change` gives the same object back where nothing changed. */
  update(change: (value: T) => T): void {
    const next = change(this.#value);
    if (Object.is(next, this.#value)) return;
    this.#value = next;
    if (this.#scheduled) return;
    this.#scheduled = true;
    soon(() => {
      this.#scheduled = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }

  /** @returns a function that ends the subscription */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
