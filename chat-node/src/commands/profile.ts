import type { PresenceState, ProfileChange, ProfileView } from '@p2p-chat/shared';
import { safeLine, shortPeerId } from '@p2p-chat/shared';
import { presenceLabel } from '../console/labels.js';
import type { SWITCH } from './choices.js';
import { print, printJson, type Io } from './io.js';
import { profileClient, type ProfileFlags } from './profile-client.js';

export interface OwnProfileFlags extends ProfileFlags {
  name?: string;
  receipts?: Switch;
  typing?: Switch;
  json?: boolean;
}

export interface PresenceFlags extends ProfileFlags {
  status?: string;
  json?: boolean;
}

type Switch = (typeof SWITCH)[number];

/** `profile`: what the user shows and has set; changes what flags are given for. */
export async function profile(io: Io, flags: OwnProfileFlags): Promise<void> {
  const { name, receipts, typing } = flags;
  const view = await changed(io, flags, {
    ...(name === undefined ? {} : { user: name }),
    ...(receipts === undefined ? {} : { receipts: receipts === 'on' }),
    ...(typing === undefined ? {} : { typing: typing === 'on' }),
  });
  if (flags.json === true) return printJson(io, view);
  const isFixed = (setting: string): string => {
    const found = view.fixed.find((one) => one.setting === setting);
    return found === undefined ? '' : ` (set by ${found.variable})`;
  };
  const rows: [string, string][] = [
    ['name', `${safeLine(view.user)} (${shortPeerId(view.peerId)})`],
    ['peer id', view.peerId],
    ['addresses', safeLine(view.addresses.join(', ')) || 'none: no network'],
    ['presence', describe(view)],
    ['receipts', onOff(view.receipts) + isFixed('receipts')],
    ['typing', onOff(view.typing) + isFixed('typing')],
  ];
  for (const [label, value] of rows) await print(io, `${label.padEnd(9)}  ${value}\n`);
}

/** `presence`: how the user is shown to others; changes it where one is given. */
export async function presence(
  io: Io,
  state: PresenceState | undefined,
  flags: PresenceFlags,
): Promise<void> {
  const { status } = flags;
  const view = await changed(io, flags, {
    ...(state === undefined ? {} : { presence: state }),
    ...(status === undefined ? {} : { status }),
  });
  if (flags.json === true) {
    return printJson(io, { presence: view.presence, shown: view.shown, status: view.status });
  }
  await print(io, `${describe(view)}\n`);
}

function changed(io: Io, flags: ProfileFlags, change: ProfileChange): Promise<ProfileView> {
  const client = profileClient(io, flags);
  const signal = io.interruption();
  return Object.keys(change).length === 0 ? client.profile(signal) : client.changeProfile(change, signal);
}

function describe({ presence: set, shown, status }: ProfileView): string {
  const now = shown === set ? '' : ` (shown as ${presenceLabel(shown)})`;
  return `${presenceLabel(set)}${now}${status === '' ? '' : `: ${safeLine(status)}`}`;
}

function onOff(value: boolean): Switch {
  return value ? 'on' : 'off';
}
