import { useEffect, useState } from 'preact/hooks';
import type { Store } from '@p2p-chat/shared/client';

/** The value of a store, drawn anew when it changes. */
export function useStore<T>(store: Store<T>): T {
  const [value, setValue] = useState(() => store.get());
  useEffect(() => {
    const take = (): void => setValue(() => store.get());
    take();
    return store.subscribe(take);
  }, [store]);
  return value;
}
