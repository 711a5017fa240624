import { type MessageView, safeLine } from '@p2p-chat/shared';
import { header } from '../header.js';
import { count, presenceLabel } from '../labels.js';
import { messageText } from '../message-text.js';
import type { ListRow } from '../prompts/live-list.js';
import {
  invitations,
  keyAlarms,
  knownPeers,
  nextUnread,
  onlinePeers,
  requests,
  totalUnread,
  type ViewState,
} from '@p2p-chat/shared/client';
import { theme } from '../theme.js';
import { manageBlockedUsers } from './blocked-users.js';
import { takeFlash, type ScreenContext } from './context.js';
import { openConversation } from './conversation.js';
import { groups, newGroup, rooms } from './groups.js';
import { seeKeyAlarms } from './key-alarms.js';
import { messageRequests } from './message-requests.js';
import { profile } from './profile.js';
import { readMessages } from './read-messages.js';
import { verifyPeople } from './verify-people.js';
import { searchMessages } from './search.js';
import { sendMessages } from './send-messages.js';

type Choice =
  | 'alarms'
  | 'verify'
  | 'requests'
  | 'read'
  | 'send'
  | 'new-group'
  | 'groups'
  | 'rooms'
  | 'blocked'
  | 'search'
  | 'profile'
  | 'logout'
  | 'next-unread';

/** The main menu. @returns whether the person logs out, or only leaves: at the end of input */
export async function home(context: ScreenContext): Promise<'logout' | 'leave'> {
  const screens = {
    alarms: seeKeyAlarms,
    requests: messageRequests,
    verify: verifyPeople,
    read: readMessages,
    send: sendMessages,
    'new-group': newGroup,
    groups,
    rooms,
    blocked: manageBlockedUsers,
    search: searchMessages,
    profile,
    'next-unread': openNextUnread,
  };
  let initial: Choice = 'read';
  for (;;) {
    const choice: Choice | undefined = await context.ask.list<ViewState, Choice | undefined>({
      message: 'What would you like to do?',
      store: context.view.store,
      header,
      intro: (state) => [
        ...state.conversations.flatMap(({ toConfirm = [] }) => toConfirm.map(toConfirmLine)),
        ...(state.flash === null ? [] : [theme.good(state.flash)]),
      ],
      rows,
      // Who waits comes first.
      initial: rows(context.view.store.get()).some(({ key }) => key === 'requests') ? 'requests' : initial,
      jump: (state) => (nextUnread(state) === undefined ? undefined : 'next-unread'),
    });
    if (choice === undefined) return 'leave';
    if (choice === 'logout') return choice;
    takeFlash(context);
    await screens[choice](context);
    if (!['next-unread', 'requests', 'alarms'].includes(choice)) initial = choice;
  }
}

function toConfirmLine(message: MessageView): string {
  return theme.news(`! ${safeLine(`${message.user} asks you to confirm: ${messageText(message)}`)}`);
}

async function openNextUnread(context: ScreenContext): Promise<void> {
  const next = nextUnread(context.view.store.get());
  if (next !== undefined) await openConversation(context, next);
}

function rows(state: ViewState): ListRow<Choice>[] {
  const unread = totalUnread(state);
  const online = onlinePeers(state).length;
  const blocked = knownPeers(state).filter((peer) => peer.blocked).length;
  const row = (value: Choice, label: string, remark: string): ListRow<Choice> => ({
    key: value,
    value,
    label,
    remark,
  });
  const waiting = requests(state).length;
  const invited = invitations(state).length;
  const alarms = keyAlarms(state).length;
  const verified = knownPeers(state).filter((peer) => peer.verified).length;
  return [
    ...(alarms === 0 ? [] : [row('alarms', 'Key Alarms', `${alarms} to look at`)]),
    ...(waiting + invited === 0
      ? []
      : [row('requests', 'Message Requests', waitingRemark(waiting, invited))]),
    row('read', 'Read Messages', unread > 0 ? `${unread} unread` : ''),
    row('send', 'Send Messages', online > 0 ? `${online} online` : 'nobody else is here yet'),
    row('groups', 'Groups', groupsRemark(state)),
    row('new-group', 'New Group', ''),
    row('rooms', 'Rooms', 'open to everybody on the network'),
    row('blocked', 'Manage Blocked Users', blocked > 0 ? `${blocked} blocked` : ''),
    row('search', 'Search Messages', ''),
    row('verify', 'Safety Numbers', verified > 0 ? `${verified} verified` : ''),
    row('profile', 'Profile', profileRemark(state)),
    row('logout', 'Logout', ''),
  ];
}

function waitingRemark(people: number, invited: number): string {
  return [
    ...(people === 0 ? [] : [`${count(people, 'person wants', 'people want')} to write to you`]),
    ...(invited === 0 ? [] : [count(invited, 'invitation')]),
  ].join(' · ');
}

function groupsRemark({ conversations }: ViewState): string {
  const all = conversations.filter(({ group }) => group?.open === false && group.state === 'member').length;
  return all === 0 ? '' : `${all}`;
}

function profileRemark({ profile: own }: ViewState): string {
  if (own === null) return '';
  const text = own.status === '' ? [] : [safeLine(own.status)];
  return [...(own.shown === 'online' ? [] : [presenceLabel(own.shown)]), ...text].join(': ');
}
