import { computed } from '@preact/signals';
import type { MessageView, PeerView } from '@p2p-chat/shared/control';
import { shortPeerId } from '@p2p-chat/shared/peer-id';
import { hasVisibleText, safeLine, safeText } from '@p2p-chat/shared/text';
import { locale, words } from '../words/index.ts';

/** Made once for a language: making one takes longer than all else of a row. */
const format = (options: Intl.DateTimeFormatOptions) =>
  computed(() => new Intl.DateTimeFormat(locale.value, options));
const LONG_DAY = format({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const SHORT_DAY = format({ day: 'numeric', month: 'short' });
const TIME = format({ hour: '2-digit', minute: '2-digit' });

/** How a person is, in words. */
export function presenceLabel(peer: Pick<PeerView, 'online' | 'presence'>): string {
  return words.value[presenceOf(peer)];
}

export function presenceOf(
  peer: Pick<PeerView, 'online' | 'presence'>,
): 'offline' | 'online' | 'away' | 'dnd' {
  return peer.online ? (peer.presence ?? 'online') : 'offline';
}

/** The text of a message, safe to be shown; in brackets where it has none of its own. */
export function messageText({
  kind,
  body,
  caption,
  files = [],
  change,
  blocked,
}: Pick<MessageView, 'kind' | 'body' | 'caption' | 'files' | 'change' | 'blocked'>): string {
  if (change !== undefined) {
    const { user, personUser = '', name = '' } = change;
    return words.value.change[change.kind](safeLine(user), safeLine(personUser), safeLine(name));
  }
  if (blocked === true) return `[${words.value.ofBlocked}]`;
  switch (kind) {
    case 'text':
      // Other nodes may send a text without anything to see in it.
      return hasVisibleText(body) ? safeText(body) : `[${words.value.unreadable}]`;
    case 'file': {
      const names = files.map(({ name }) => `[${safeLine(name)}]`);
      return [...names, ...(caption === undefined ? [] : [safeText(caption)])].join(' ');
    }
    case 'deleted':
      return `[${words.value.deleted}]`;
    case 'unreadable':
      return `[${words.value.unreadable}]`;
    default:
      return `[${words.value.needsNewer(safeLine(kind))}]`;
  }
}

/** What a person has to know of another key under the name of somebody they know. */
export function keyAlarmLabel({ user, peerId, keyAlarm }: PeerView): string {
  if (keyAlarm === null) return '';
  const { verified, blocked, and, keyAlarm: sentence } = words.value;
  const badges = [...(keyAlarm.verified ? [verified] : []), ...(keyAlarm.blocked ? [blocked] : [])];
  const known = `${safeLine(keyAlarm.user)} (${shortPeerId(keyAlarm.peerId)})`;
  return sentence(known, badges.join(` ${and} `), `${safeLine(user)} (${shortPeerId(peerId)})`);
}

/** A size for a person, in decimal units: `2.1 MB`. */
export function sizeLabel(bytes: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  const at = bytes < 1_000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1_000 ** at;
  return value.toLocaleString(locale.value, {
    style: 'unit',
    unit: units[at] ?? 'byte',
    unitDisplay: 'short',
    maximumFractionDigits: value < 10 ? 1 : 0,
  });
}

export function durationLabel(seconds: number): string {
  const [value, unit] =
    seconds < 60
      ? [seconds, 'second']
      : seconds < 3_600
        ? [seconds / 60, 'minute']
        : [seconds / 3_600, 'hour'];
  return Math.ceil(value).toLocaleString(locale.value, { style: 'unit', unit, unitDisplay: 'short' });
}

/** The day of a message, as a line between days shows it. */
export function dayLabel(iso: string, now: number): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return '?';
  const days = Math.round((startOfDay(new Date(now)) - startOfDay(date)) / 86_400_000);
  if (days === 0) return words.value.today;
  if (days === 1) return words.value.yesterday;
  return LONG_DAY.value.format(date);
}

export function timeLabel(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? '??:??' : TIME.value.format(date);
}

/** When something was, in a list: the time today, else the day. */
export function whenLabel(iso: string, now: number): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return '';
  const today = startOfDay(date) === startOfDay(new Date(now));
  return today ? timeLabel(iso) : SHORT_DAY.value.format(date);
}

/** When something was, to the minute. */
export function momentLabel(iso: string): string {
  const day = isSameDay(iso, new Date().toISOString()) ? '' : `${SHORT_DAY.value.format(new Date(iso))} `;
  return day + timeLabel(iso);
}

export function isSameDay(a: string, b: string): boolean {
  return startOfDay(new Date(a)) === startOfDay(new Date(b));
}

function startOfDay(date: Date): number {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}
