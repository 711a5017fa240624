/*
 * What belongs to this origin. A browser that keeps nothing (its storage is off
 * or full) loses it at the next reload, and nothing else.
 */

/** @param otherwise where nothing is stored, or something that is not JSON */
export function stored<T>(key: string, otherwise: T, storage: Storage = localStorage): T {
  try {
    const text = storage.getItem(key);
    return text === null ? otherwise : (JSON.parse(text) as T);
  } catch {
    return otherwise;
  }
}

/** @param value undefined to forget it */
export function store(key: string, value: unknown, storage: Storage = localStorage): void {
  try {
    if (value === undefined) storage.removeItem(key);
    else storage.setItem(key, JSON.stringify(value));
  } catch {
    // As said above.
  }
}

/**
 * Values under keys that begin with one word, each stored by itself: so no tab
 * writes over what another one keeps.
 */
export class Shelf<T> {
  readonly #prefix: string;

  constructor(name: string) {
    this.#prefix = `${name} `;
  }

  /** What is stored now, by key. */
  all(): Map<string, T> {
    const all = new Map<string, T>();
    for (const path of storedKeys()) {
      const value = path.startsWith(this.#prefix) ? stored<T | null>(path, null) : null;
      if (value !== null) all.set(path.slice(this.#prefix.length), value);
    }
    return all;
  }

  /** @param value undefined to forget it */
  put(key: string, value: T | undefined): void {
    store(this.#prefix + key, value);
  }

  /** Tells of what another tab stores, and undefined of what it forgets. */
  watch(told: (key: string, value: T | undefined) => void, signal: AbortSignal): void {
    addEventListener(
      'storage',
      ({ key }) => {
        if (key?.startsWith(this.#prefix) === true)
          told(key.slice(this.#prefix.length), stored<T | undefined>(key, undefined));
      },
      { signal },
    );
  }
}

function storedKeys(): string[] {
  try {
    return Object.keys(localStorage);
  } catch {
    return [];
  }
}
