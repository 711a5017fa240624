import { signal } from '@preact/signals';
import { type EventFeed, INITIAL_STATE, LiveView, type ViewState } from '@p2p-chat/shared/client';
import { errorMessage } from '@p2p-chat/shared/errors';
import { BrowserClock } from './browser-clock.ts';
import { PageApi, pair } from './page-api.ts';
import { sharedEvents } from './shared-events.ts';
import { store, stored } from './storage.ts';

/** Whether this browser was let in, and how far it is. */
export type Entrance =
  | { at: 'door'; problem: string | null }
  | { at: 'pairing' }
  | { at: 'connecting'; problem: string | null }
  | { at: 'inside' };

const BROWSER = 'browser';
/** Between two attempts to reach a node that is away, in milliseconds. */
const RETRY_MS = 1_000;

interface Browser {
  id: string;
  token: string;
}

export const entrance = signal<Entrance>({ at: 'door', problem: null });
/** All that the screens show but an open conversation's messages. */
export const state = signal<ViewState>(INITIAL_STATE);

let current: { view: LiveView; api: PageApi; leaving: AbortController } | null = null;

/** The live view. @throws before this browser was let in */
export function live(): LiveView {
  if (current === null) throw new Error('not inside yet');
  return current.view;
}

/** The control API. @throws before this browser was let in */
export function api(): PageApi {
  if (current === null) throw new Error('not inside yet');
  return current.api;
}

/** By which the node knows this browser. */
export function browserId(): string {
  return stored<Browser | null>(BROWSER, null)?.id ?? '';
}

/** Goes in by the code of the address, or by the token of earlier. */
export async function enter(): Promise<void> {
  const code = /^#pair=([\w-]+)$/.exec(location.hash)?.[1];
  if (code !== undefined) {
    // Neither in the history nor on the screen.
    history.replaceState(null, '', '/');
    entrance.value = { at: 'pairing' };
    try {
      store(BROWSER, await pair(code));
    } catch (error) {
      // Somebody who is in already has opened an old link.
      if (stored<Browser | null>(BROWSER, null) === null) {
        entrance.value = { at: 'door', problem: errorMessage(error) };
        return;
      }
    }
  }
  const browser = stored<Browser | null>(BROWSER, null);
  if (browser === null) entrance.value = { at: 'door', problem: null };
  else await connect(browser.token);
}

/** Forgets the token: the node takes it no longer. */
function leave(): void {
  current?.leaving.abort();
  current = null;
  store(BROWSER, undefined);
  state.value = INITIAL_STATE;
  entrance.value = { at: 'door', problem: 'This browser may not use the page any more.' };
}

async function connect(token: string): Promise<void> {
  current?.leaving.abort();
  const leaving = new AbortController();
  entrance.value = { at: 'connecting', problem: null };
  while (!leaving.signal.aborted) {
    const refused = (): void => {
      if (!leaving.signal.aborted) leave();
    };
    const client = new PageApi(token, refused);
    const attempt = new AbortController();
    const clock = new BrowserClock();
    const signal = AbortSignal.any([leaving.signal, attempt.signal]);
    const open = (last: string | undefined): EventFeed => client.events(signal, last);
    const view = new LiveView(client, clock, signal, () => sharedEvents(open, clock, signal));
    current = { view, api: client, leaving };
    try {
      await view.start();
      if (leaving.signal.aborted) return;
      state.value = view.store.get();
      view.store.subscribe(() => (state.value = view.store.get()));
      entrance.value = { at: 'inside' };
      return;
    } catch (error) {
      attempt.abort();
      if (leaving.signal.aborted) return;
      entrance.value = { at: 'connecting', problem: errorMessage(error) };
      await clock.sleep(RETRY_MS, leaving.signal);
    }
  }
}
