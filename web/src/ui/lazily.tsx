import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** A component that is loaded when it is shown first, so that the first screen waits for less. */
export function lazily<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
): ComponentType<Props> {
  let loaded: ComponentType<Props> | null = null;
  return function Lazily(props: Props) {
    const [Loaded, setLoaded] = useState(() => loaded);
    useEffect(() => {
      if (Loaded !== null) return;
      void load().then((one) => {
        loaded = one;
        setLoaded(() => one);
      });
    }, [Loaded]);
    return Loaded === null ? null : <Loaded {...props} />;
  };
}
