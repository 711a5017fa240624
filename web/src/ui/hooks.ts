import { computed } from '@preact/signals';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Store, ViewState } from '@p2p-chat/shared/client';
import { state } from '../model/session.ts';

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

/**
 * What a part of the screen needs of all that is shown: it is drawn anew when
 * that changes, and not with every event.
 * @param given of what else it is made
 */
export function useShown<T>(of: (now: ViewState) => T, given: readonly unknown[]): T {
  return useMemo(() => computed(() => of(state.value)), given).value;
}
