import { safeLine, shortPeerId, type DiscoverySourceView } from '@p2p-chat/shared';
import { count, keyAlarm, peerLabel, presenceLabel } from './labels.js';
import { spread, truncate, wrap } from './layout.js';
import { theme } from './theme.js';
import { messageText } from './message-text.js';
import {
  invitations,
  keyAlarms,
  onlinePeers,
  peerOf,
  requests,
  totalUnread,
  type ViewState,
} from '@p2p-chat/shared/client';

/** People whose new messages are announced at once; the others are counted. */
const MAX_NOTICES = 3;

/** What is wrong and what to do, without pushing everything else off a small screen. */
const MAX_PROBLEM_LINES = 2;

/** The lines above every screen: who I am, what is wrong, what is new. */
export function header(state: ViewState, width: number): string[] {
  return [
    title(state, width),
    theme.faint('─'.repeat(width)),
    ...alarms(state, width),
    ...problems(state, width),
    ...notices(state, width),
  ];
}

function title(state: ViewState, width: number): string {
  const { me } = state;
  if (me === null) return theme.title('p2p-chat');
  const unread = totalUnread(state);
  const own = state.profile?.shown ?? 'online';
  const presence = own === 'online' ? '' : `  ${presenceLabel(own)}`;
  const left = truncate(`p2p-chat  ${safeLine(me.user)} (${shortPeerId(me.peerId)})${presence}`, width);
  const waiting = requests(state).length + invitations(state).length;
  const right = [
    ...(waiting > 0 ? [count(waiting, 'request')] : []),
    `${onlinePeers(state).length} online`,
    ...(unread > 0 ? [`${unread} unread`] : []),
  ].join(' · ');
  return spread(theme.title(left), unread + waiting > 0 ? theme.news(right) : theme.faint(right), width);
}

/** Stays on every screen until somebody has seen it under Key Alarms. */
function alarms(state: ViewState, width: number): string[] {
  const [first, ...others] = keyAlarms(state);
  if (first === undefined) return [];
  const more = others.length > 0 ? ` (and ${count(others.length, 'more key')})` : '';
  return wrap(`! ${keyAlarm(first)}${more}`, width).map(theme.problem);
}

function problems(state: ViewState, width: number): string[] {
  const { connection, me } = state;
  if (connection.state === 'lost') {
    return wrap(`! ${safeLine(connection.detail)} Trying to reconnect…`, width).map(theme.problem);
  }
  const [worst] = me?.problems ?? [];
  if (worst !== undefined) {
    const text = `! ${safeLine(worst.detail)} ${safeLine(worst.hint)}`.trim();
    return wrap(text, width).slice(0, MAX_PROBLEM_LINES).map(theme.problem);
  }
  const failing = me?.discovery.filter((source) => source.state === 'failing') ?? [];
  const [first] = failing;
  if (first === undefined) return [];
  const more = failing.length > 1 ? ` (and ${failing.length - 1} more)` : '';
  return wrap(`! ${describe(first)}${more}`, width)
    .slice(0, MAX_PROBLEM_LINES)
    .map(theme.warning);
}

function describe(source: DiscoverySourceView): string {
  const detail = safeLine(source.detail);
  return detail.includes(source.source) ? detail : `${safeLine(source.source)}: ${detail}`;
}

function notices(state: ViewState, width: number): string[] {
  const shown = state.notices.slice(-MAX_NOTICES);
  const hidden = state.notices.length - shown.length;
  const lines = shown.map(({ conversation, last, count: messages }) => {
    const peer = peerOf(state, conversation);
    const from = peer === undefined ? safeLine(last.user) : peerLabel(peer);
    const asks = peer !== undefined && peer.request !== null ? ' wants to write to you' : '';
    const several = messages > 1 ? ` (${count(messages, 'new message')})` : '';
    return theme.news(truncate(`✉ ${from}${asks}${several}: ${safeLine(messageText(last))}`, width));
  });
  return hidden > 0
    ? [theme.news(`✉ ${count(hidden, 'other person', 'other people')} wrote too`), ...lines]
    : lines;
}
