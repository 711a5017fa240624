import {
  type ConversationView,
  type FileView,
  safeLine,
  shortPeerId,
  type MessageView,
  type PeerView,
  type PresenceState,
} from '@p2p-chat/shared';
import type { ViewState } from '@p2p-chat/shared/client';
import { truncate } from './layout.js';

/**
 * The command that opens a second person's console, as this program was
 * opened: `make chat` and the container have commands of their own.
 */
export function secondConsole(env: Readonly<Record<string, string | undefined>>): string {
  return safeLine(env.P2P_CHAT_SECOND_CONSOLE || 'p2p-chat console --user Bob');
}

/** How a person is called: the name, with the short id where another one shows the same name. */
export function peerLabel(peer: Pick<PeerView, 'user' | 'peerId' | 'ambiguous'>): string {
  const name = safeLine(peer.user);
  return peer.ambiguous ? `${name} (${shortPeerId(peer.peerId)})` : name;
}

/**
 * How the author of a message is called beside it: as {@link peerLabel}, the
 * name alone where nobody of that key is known.
 * @param width the name is cut to this many cells, its id is not
 */
export function authorLabel(
  { author, user }: Pick<MessageView, 'author' | 'user'>,
  { peers }: Pick<ViewState, 'peers'>,
  width = Infinity,
): string {
  const name = truncate(safeLine(user), width);
  return peers.get(author)?.ambiguous === true ? `${name} (${shortPeerId(author)})` : name;
}

/** How a conversation is called: after its person, or as a group is called. */
export function conversationLabel({ id, name, peer, group }: ConversationView): string {
  if (peer !== undefined) return peerLabel(peer);
  return group?.ambiguous === true ? `${safeLine(name)} (${shortPeerId(id)})` : safeLine(name);
}

/** A presence in words. */
export function presenceLabel(presence: PresenceState): string {
  return presence === 'dnd' ? 'do not disturb' : presence;
}

/** How a person is, with the text they show: `away: at lunch`; empty for who is simply online. */
export function presenceRemark({ online, presence, status }: PeerView): string {
  if (!online) return '';
  const state = presence === undefined || presence === 'online' ? [] : [presenceLabel(presence)];
  const text = status === undefined ? [] : [safeLine(status)];
  return [...state, ...text].join(': ');
}

/** What a person has to know of another key under the name of somebody they know. */
export function keyAlarm({ user, peerId, keyAlarm: known }: PeerView): string {
  if (known === null) return '';
  const badges = [...(known.verified ? ['verified'] : []), ...(known.blocked ? ['blocked'] : [])];
  const was = badges.length > 0 ? `, ${badges.join(' and ')}` : '';
  return (
    `Another key shows the name of ${safeLine(known.user)} (${shortPeerId(known.peerId)}${was}): ` +
    `${safeLine(user)} (${shortPeerId(peerId)}) is somebody new to you and not verified.`
  );
}

/** Of somebody who signed two messages for one place. */
export const FORKED = 'SIGNED TWO MESSAGES AS ONE';

/** What belongs beside a name wherever somebody is chosen. */
export function badges(peer: Pick<PeerView, 'blocked' | 'verified' | 'keyAlarm' | 'forked'>): string {
  return [
    ...(peer.blocked ? [' [BLOCKED]'] : []),
    ...(peer.verified ? [' [verified]'] : []),
    ...(peer.keyAlarm !== null ? [' [OTHER KEY]'] : []),
    ...(peer.forked === true ? [` [${FORKED}]`] : []),
  ].join('');
}

const GROUPS_PER_LINE = 4;

/** A safety number as it is read aloud: three lines of four groups. */
export function safetyNumberLines(number: string): string[] {
  const groups = number.split(' ');
  const lines: string[] = [];
  while (groups.length > 0) lines.push(groups.splice(0, GROUPS_PER_LINE).join(' '));
  return lines;
}

/** `1 message`, `2 messages`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** The state of a message of one's own in one or two characters. */
export function stateMark(state: MessageView['state']): string {
  switch (state) {
    case 'queued':
      return '…';
    case 'delivered':
      return '✓';
    case 'read':
      return '✓✓';
  }
}

/** The local time of day, `HH:MM`. */
export function timeOfDay(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? '??:??' : `${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** The local day, `YYYY-MM-DD`. */
export function localDay(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return '????-??-??';
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}

const UNITS = ['kB', 'MB', 'GB', 'TB'];

/** A size for a person, in decimal units: `2.1 MB`. */
export function sizeLabel(bytes: number): string {
  if (bytes < 1_000) return count(bytes, 'byte');
  let [value, unit] = [bytes, -1];
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

/** How a file comes on: `45 % at 12 MB/s, 20 s left`. */
export function progressLabel({ state, progress, rate, size, problem }: FileView): string {
  const percent = `${Math.floor(progress * 100)} %`;
  const pace =
    rate === null || rate === 0
      ? ''
      : ` at ${sizeLabel(rate)}/s, ${durationLabel(((1 - progress) * size) / rate)} left`;
  switch (state) {
    case 'offered':
      return progress > 0 ? `offered, ${percent} fetched${pace}` : 'offered';
    case 'fetching':
      return `${percent}${pace}`;
    case 'paused':
      return `paused at ${percent}${problem === null ? '' : `: ${safeLine(problem.detail)}`}`;
    case 'complete':
      return 'complete';
    case 'failed':
      return `failed${problem === null ? '' : `: ${safeLine(problem.detail)}`}`;
  }
}

const BAR_CELLS = 10;

/** How far something is, as a bar; empty where it neither comes on nor waits half-way. */
export function progressBar({ state, progress }: Pick<FileView, 'state' | 'progress'>): string {
  if (progress === 0 || progress === 1 || state === 'failed') return '';
  const full = Math.floor(progress * BAR_CELLS);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)} `;
}

function durationLabel(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  return seconds < 3_600 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3_600)} h`;
}

/** Where a file lies, as a link that terminals open (OSC 8, file URI of RFC 8089). */
export function shownPath(path: string): string {
  const shown = safeLine(path);
  // What is not shown as it is could lead elsewhere than it reads.
  if (shown !== path) return shown;
  return `\u001b]8;;file://${path.split('/').map(encodeURIComponent).join('/')}\u0007${shown}\u001b]8;;\u0007`;
}
