import {
  errorMessage,
  parseStatusText,
  parseUserName,
  PRESENCE_STATES,
  type ProfileChange,
  type ProfileView,
  safeLine,
} from '@p2p-chat/shared';
import { header } from '../header.js';
import { presenceLabel } from '../labels.js';
import type { ListRow } from '../prompts/live-list.js';
import { theme } from '../theme.js';
import { withProfile, type ViewState } from '@p2p-chat/shared/client';
import { flash, takeFlash, type ScreenContext } from './context.js';

type Choice = 'user' | 'status' | 'presence' | 'receipts' | 'typing' | 'back';

/** Profile: what others see, and what is told to them. */
export async function profile(context: ScreenContext): Promise<void> {
  let initial: Choice = 'presence';
  for (;;) {
    const choice: Choice = await context.ask.list<ViewState, Choice>({
      message: 'Profile: what would you like to change?',
      store: context.view.store,
      header,
      intro: (state) => [...(state.flash === null ? [] : [theme.good(state.flash)]), ...ownId(state.profile)],
      rows: (state) => rows(state.profile),
      initial,
      back: 'back',
    });
    takeFlash(context);
    const now = context.view.store.get().profile;
    if (choice === 'back' || now === null) return;
    initial = choice;
    const change = await changeOf(context, choice, now);
    if (change !== null) await apply(context, change);
  }
}

function ownId(view: ProfileView | null): string[] {
  if (view === null) return [];
  const where =
    view.addresses.length === 0 ? 'none: this machine has no network' : safeLine(view.addresses.join(', '));
  return [theme.faint(`Your peer id: ${view.peerId}`), theme.faint(`Your addresses: ${where}`)];
}

function rows(view: ProfileView | null): ListRow<Choice>[] {
  const back: ListRow<Choice> = { key: 'back', value: 'back', label: 'Back', isWayOut: true };
  if (view === null) return [back];
  const row = (value: Choice, label: string, remark: string): ListRow<Choice> => ({
    key: value,
    value,
    label,
    remark,
  });
  const shown = view.shown === view.presence ? '' : `, shown as ${presenceLabel(view.shown)}`;
  return [
    row('presence', 'Presence', `${presenceLabel(view.presence)}${shown}`),
    row('status', 'Status text', view.status === '' ? 'none' : safeLine(view.status)),
    row('user', 'Name', safeLine(view.user)),
    row('receipts', 'Tell others what you have read', onOff(view, 'receipts')),
    row('typing', 'Tell others that you are writing to them', onOff(view, 'typing')),
    back,
  ];
}

function onOff(view: ProfileView, setting: 'receipts' | 'typing'): string {
  const fixed = view.fixed.find((one) => one.setting === setting);
  return `${view[setting] ? 'on' : 'off'}${fixed === undefined ? '' : ` (set by ${fixed.variable})`}`;
}

async function changeOf(
  context: ScreenContext,
  choice: Exclude<Choice, 'back'>,
  now: ProfileView,
): Promise<ProfileChange | null> {
  switch (choice) {
    case 'presence': {
      const next = PRESENCE_STATES[(PRESENCE_STATES.indexOf(now.presence) + 1) % PRESENCE_STATES.length];
      return next === undefined ? null : { presence: next };
    }
    case 'receipts':
    case 'typing':
      return { [choice]: !now[choice] };
    case 'user': {
      const intro = ['Others see the new name at once. You stay who you are: it is your key that they know.'];
      const user = await ask(context, 'What is your name?', intro, now.user, parseUserName);
      return user === null ? null : { user };
    }
    case 'status': {
      const intro = ['Others see it beside your name. Leave it empty for none.'];
      const status = await ask(context, 'What should others know?', intro, now.status, parseStatusText);
      return status === null ? null : { status };
    }
  }
}

function ask(
  context: ScreenContext,
  message: string,
  intro: string[],
  initial: string,
  parse: (text: string) => string,
): Promise<string | null> {
  const check = (text: string): string | null => {
    try {
      parse(text);
      return null;
    } catch (error) {
      return errorMessage(error);
    }
  };
  return context.ask.text({ message, store: context.view.store, header, intro, initial, check });
}

async function apply(context: ScreenContext, change: ProfileChange): Promise<void> {
  const { client, signal, store } = context.view;
  try {
    const view = await client.changeProfile(change, signal);
    store.update((state) => withProfile(state, view));
    flash(context, 'Changed.');
  } catch (error) {
    flash(context, safeLine(`Nothing was changed. ${errorMessage(error)}`));
  }
}
