import { store, stored } from './storage.ts';

const RELOADED = 'reloaded-for';

/** Whether the page that the node serves is made from this script. */
async function isFresh(script: string): Promise<boolean> {
  const answer = await fetch('/', { cache: 'no-store' });
  return !answer.ok || (await answer.text()).includes(script);
}

/** Loads the page anew where the node serves another one: after an update of it. */
export async function reloadWhereStale(): Promise<void> {
  const script = new URL(import.meta.url).pathname;
  // A build for development has scripts of other names.
  if (!script.startsWith('/assets/')) return;
  const stale = await isFresh(script).then(
    (fresh) => !fresh,
    () => false,
  );
  // Once for each page: one that stays stale would load itself for ever.
  if (!stale || stored(RELOADED, '', sessionStorage) === script) return;
  store(RELOADED, script, sessionStorage);
  location.reload();
}
