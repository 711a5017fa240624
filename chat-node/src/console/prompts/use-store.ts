import { useEffect, useState } from '@inquirer/core';
import type { Store } from '@p2p-chat/shared/client';

/** The store's value; the prompt is drawn anew when it changes. */
export function useStore<T>(store: Store<T>): T {
  const [, redraw] = useState(0);
  useEffect(() => store.subscribe(() => redraw((n) => n + 1)), []);
  return store.get();
}
