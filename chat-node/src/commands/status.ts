import { styleText } from 'node:util';
import { safeLine, shortPeerId, type DiscoverySourceView } from '@p2p-chat/shared';
import { count } from '../console/labels.js';
import { print, printJson, type Io } from './io.js';
import { profileClient, type ProfileFlags } from './profile-client.js';

export interface StatusFlags extends ProfileFlags {
  json?: boolean;
}

/** `status`: who and where am I, what runs. */
export async function status(io: Io, flags: StatusFlags): Promise<void> {
  const view = await profileClient(io, flags).status(io.interruption());
  if (flags.json === true) return printJson(io, view);
  const rows: [string, string][] = [
    ['peer id', view.peerId],
    ['gateway', `port ${view.peerPort}, ${count(view.links, 'link')}`],
    ['control', `port ${view.controlPort}, process ${view.pid}`],
    ['storage', `${view.storage}, ${safeLine(view.home)}`],
    ['outbox', view.outbox.queued === 0 ? 'empty' : `${count(view.outbox.queued, 'message')} queued`],
    ...keyAlarms(view.keyAlarms),
    ...requests(view.requests),
    ...view.discovery.map((source): [string, string] => ['discovery', describeSource(source)]),
    ...(view.problems ?? []).map(({ detail, hint }): [string, string] => [
      'problem',
      styleText('red', safeLine(`${detail} ${hint}`.trim())),
    ]),
    ['version', safeLine(view.version)],
  ];
  await print(io, `${styleText('bold', safeLine(view.user))} (${shortPeerId(view.peerId)})\n`);
  for (const [name, value] of rows) await print(io, `${name.padEnd(9)}  ${value}\n`);
}

function keyAlarms(alarms: number): [string, string][] {
  if (alarms === 0) return [];
  return [['alarms', `${count(alarms, 'other key')} under a name you know: p2p-chat peers --all`]];
}

function requests(waiting: number): [string, string][] {
  if (waiting === 0) return [];
  return [['requests', `${count(waiting, 'person wants', 'people want')} to write: p2p-chat peers --all`]];
}

function describeSource(source: DiscoverySourceView): string {
  const colour = { ok: 'green', starting: 'yellow', failing: 'red', off: 'dim' } as const;
  const state = styleText(colour[source.state], source.state.padEnd(8));
  return `${state} ${safeLine(source.source)}: ${safeLine(source.detail)}`;
}
