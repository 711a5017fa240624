import { effect } from '@preact/signals';
import type { MessageView } from '@p2p-chat/shared/control';
import { isNotified, type LiveView, peerOf, totalUnread, type ViewState } from '@p2p-chat/shared/client';
import { safeLine } from '@p2p-chat/shared/text';
import { words } from '../words/index.ts';
import { messageText } from './labels.ts';
import { personLabel } from './names.ts';
import { open } from './route.ts';
import { state } from './session.ts';
import { settings } from './settings.ts';

/** Characters of a text that a notification shows. */
const MAX_TEXT = 140;

/** Says by title, badge and notification that somebody wrote. */
export function startNotifier(view: LiveView): void {
  effect(() => {
    const unread = totalUnread(state.value);
    const user = state.value.me === null ? '' : ` · ${safeLine(state.value.me.user)}`;
    document.title = words.value.unreadTitle(unread, `${words.value.appName}${user}`);
    // Only what is installed has a badge.
    navigator.setAppBadge?.(unread).catch(() => undefined);
  });
  view.onEvent((event) => {
    if (event.type === 'changed') return withdraw(event.messages);
    if (event.type !== 'message' && event.type !== 'reminder' && event.type !== 'mention') return;
    const messages = event.type === 'message' ? event.messages : [event.message];
    const message = messages.findLast((one) => isNews(one, view.store.get(), event.type !== 'message'));
    if (message !== undefined) notify(message, view.store.get());
  });
}

/** What the browser shows now, and of which message, by conversation. */
const shown = new Map<string, { id: string; notification: Notification }>();

/** Nothing of a message that was deleted stays in a notification. */
function withdraw(messages: readonly MessageView[]): void {
  for (const { id, conversation, deleted } of messages) {
    const one = shown.get(conversation);
    if (deleted === true && one?.id === id) one.notification.close();
  }
}

function isNews(message: MessageView, now: ViewState, calls: boolean): boolean {
  return isNotified(now, message, calls) && (message.conversation !== now.open || !now.attentive);
}

function notify(message: MessageView, now: ViewState): void {
  const { notify: how } = settings.value;
  if (how === 'off' || !('Notification' in window) || Notification.permission !== 'granted') return;
  const peer = peerOf(now, message.conversation);
  const name = peer === undefined ? safeLine(message.user) : personLabel(peer);
  // One for each conversation: the next message takes its place.
  const notification = new Notification(words.value.wrote(name), {
    tag: message.conversation,
    icon: '/icon.svg',
    ...(how === 'text' ? { body: safeLine(messageText(message)).slice(0, MAX_TEXT) } : {}),
  });
  shown.set(message.conversation, { id: message.id, notification });
  notification.onclick = () => {
    window.focus();
    open(message.conversation);
    notification.close();
  };
}
