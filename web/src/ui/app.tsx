import { useEffect, useState } from 'preact/hooks';
import { nextUnread } from '@p2p-chat/shared/client';
import { go, open, route } from '../model/route.ts';
import type { Outbox } from '../model/outbox.ts';
import { entrance, state } from '../model/session.ts';
import { settings } from '../model/settings.ts';
import { words } from '../words/index.ts';
import { Banners } from './banners.tsx';
import { Conversation, toggleDetails } from './conversation.tsx';
import { Dialog } from './dialog.tsx';
import { EntranceView } from './entrance.tsx';
import { lazily } from './lazily.tsx';
import { Sidebar, step } from './sidebar.tsx';
import { Toast } from './toast.tsx';

const Details = lazily(async () => (await import('./details.tsx')).Details);
const Profile = lazily(async () => (await import('./profile.tsx')).Profile);

/** The page. @param outbox what was written; there once this browser is in */
export function App({ outbox }: { outbox: () => Outbox }) {
  const now = entrance.value;
  return now.at === 'inside' ? <Inside outbox={outbox()} /> : <EntranceView entrance={now} />;
}

function Inside({ outbox }: { outbox: Outbox }) {
  const [keys, setKeys] = useState(false);
  useEffect(() => {
    const press = (event: KeyboardEvent): void => onKey(event, () => setKeys(true));
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
  const now = route.value;
  return (
    <div class="page">
      <Banners />
      <main class="panes" data-at={now.at} data-details={now.at === 'conversation' && now.details}>
        <Sidebar onKeys={() => setKeys(true)} />
        <div class="middle">
          {now.at === 'conversation' ? (
            <Conversation key={now.id} id={now.id} outbox={outbox} />
          ) : now.at === 'profile' ? (
            <Profile />
          ) : (
            <Nothing />
          )}
        </div>
        {now.at === 'conversation' && now.details && <Details conversation={now.id} />}
      </main>
      <Toast />
      {keys && <Keys onClose={() => setKeys(false)} />}
    </div>
  );
}

function Nothing() {
  const w = words.value;
  return (
    <div class="nothing">
      <img src="/icon.svg" alt="" width="64" height="64" />
      <p class="nothing-title">{w.choose}</p>
      <p class="faint">{w.chooseHelp}</p>
    </div>
  );
}

function Keys({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={words.value.keys} onClose={onClose}>
      <dl class="keys">
        {words.value.keysHelp.map(([key, what]) => (
          <div>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select');
}

function onKey(event: KeyboardEvent, showKeys: () => void): void {
  if (event.defaultPrevented || document.querySelector('dialog[open]') !== null) return;
  const action = actionOf(event, showKeys);
  if (action === null) return;
  event.preventDefault();
  action();
}

function actionOf(event: KeyboardEvent, showKeys: () => void): (() => void) | null {
  const { key, code, altKey, ctrlKey, metaKey } = event;
  const search = (): void => document.getElementById('search')?.focus();
  if (altKey && !ctrlKey && !metaKey) {
    // By the place of the key: with Alt, some keyboards write another character.
    switch (code) {
      case 'ArrowUp':
        return () => step(-1);
      case 'ArrowDown':
        return () => step(1);
      case 'KeyN':
        return openNextUnread;
      case 'KeyP':
        return () => go({ at: 'people' });
      case 'KeyI':
        return toggleDetails;
      case 'KeyE':
        return () => document.getElementById('emoji-button')?.click();
      default:
        return null;
    }
  }
  if ((ctrlKey || metaKey) && !altKey && key.toLowerCase() === 'k') return search;
  if (ctrlKey || metaKey) return null;
  if (key === 'Escape') return back;
  if (!settings.value.singleKeys || isWriting(event.target)) return null;
  if (key === '?') return showKeys;
  if (key === '/') return search;
  return null;
}

function back(): void {
  const now = route.value;
  if (now.at === 'conversation' && now.details) go({ ...now, details: false });
  else go({ at: 'list' });
}

function openNextUnread(): void {
  const now = route.value;
  const next = nextUnread(state.value, now.at === 'conversation' ? now.id : undefined);
  if (next !== undefined) open(next);
}
