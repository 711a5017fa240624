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
