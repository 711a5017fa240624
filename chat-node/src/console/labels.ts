import { safeLine, shortPeerId, type MessageView, type PeerView, type PresenceState } from '@p2p-chat/shared';

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
    case 'failed':
      return '!';
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
