import { effect } from '@preact/signals';
import { render } from 'preact';
import './style.css';
import { watchAttention } from './model/attention.ts';
import { BrowserClock } from './model/browser-clock.ts';
import { reloadWhereStale } from './model/fresh.ts';
import { startNotifier } from './model/notifier.ts';
import { Outbox } from './model/outbox.ts';
import { api, enter, entrance, live, state } from './model/session.ts';
import { applySettings } from './model/settings.ts';
import { Shelf } from './model/storage.ts';
import { App } from './ui/app.tsx';
import { language } from './words/index.ts';

let outbox: Outbox | null = null;

applySettings(document.documentElement);
effect(() => {
  document.documentElement.lang = language.value;
});

// Once inside: what goes on beside the screens.
let begunFor: unknown = null;
effect(() => {
  if (entrance.value.at !== 'inside') return;
  const view = live();
  if (begunFor === view) return;
  begunFor = view;
  outbox = new Outbox({
    client: api(),
    clock: new BrowserClock(),
    signal: view.signal,
    shelf: new Shelf('outbox'),
  });
  watchAttention(view);
  startNotifier(view);
});

// A node that comes back may have another page.
let wasLost = false;
effect(() => {
  const isLost = state.value.connection.state === 'lost' || entrance.value.at === 'connecting';
  if (wasLost && !isLost) void reloadWhereStale();
  wasLost = isLost;
});

const root = document.getElementById('app');
if (root === null) throw new Error('the page has no place for the app');
render(
  <App
    outbox={() => {
      if (outbox === null) throw new Error('not inside yet');
      return outbox;
    }}
  />,
  root,
);
// A link that was opened while the page is open in this tab changes the fragment only.
addEventListener('hashchange', () => {
  if (location.hash.startsWith('#pair=')) void enter();
});
void enter();
