import type { LiveView } from '@p2p-chat/shared/client';

/** Without a key or a pointer for this long, one is away, in milliseconds. */
const AWAY_AFTER_MS = 5 * 60_000;
/** That somebody is there is told again at most this often. */
const TELL_INTERVAL_MS = 60_000;

/** Tells the view whether somebody looks at the page, and the node whether somebody is there. */
export function watchAttention(view: LiveView): void {
  const look = (): void => {
    const attentive = document.visibilityState === 'visible' && document.hasFocus();
    view.store.update((state) => (state.attentive === attentive ? state : { ...state, attentive }));
  };
  for (const event of ['focus', 'blur']) addEventListener(event, look);
  document.addEventListener('visibilitychange', look);
  look();

  let [told, toldAt] = [true, -Infinity];
  let timer = 0;
  const tell = (idle: boolean): void => {
    const now = performance.now();
    if (told === idle && (idle || now - toldAt < TELL_INTERVAL_MS)) return;
    [told, toldAt] = [idle, now];
    view.client.setIdle(idle, view.signal).catch(() => undefined);
  };
  const active = (): void => {
    tell(false);
    clearTimeout(timer);
    timer = setTimeout(() => tell(true), AWAY_AFTER_MS);
  };
  for (const event of ['keydown', 'pointerdown', 'focus']) addEventListener(event, active, { passive: true });
  active();
}
