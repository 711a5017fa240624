import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { styleText } from 'node:util';
import { errorCode, type PageLinkView, safeLine } from '@p2p-chat/shared';
import { renderUnicodeCompact } from 'uqr';
import { AttachedNode } from '../console/attached-node.js';
import { ControlClient } from '../console/control-client.js';
import { NodeKeeper } from '../console/node-keeper.js';
import { resolveProfile } from '../profile/profile.js';
import { type Io, note, print, printJson } from './io.js';
import { type NodeFlags, settings } from './settings.js';

export interface WebFlags extends NodeFlags {
  /** False with --no-open. */
  open: boolean;
  list?: boolean;
  /** The id of a browser; true for all. */
  revoke?: string | true;
  json?: boolean;
}

/**
 * `web`: a link that lets a browser use the page. Where no node runs, one runs
 * until Ctrl-C. With --list and --revoke, the browsers that were let in.
 */
export async function web(io: Io, flags: WebFlags): Promise<void> {
  const env = settings(io.env, flags);
  const { home, user } = resolveProfile(env);
  const client = new ControlClient(home, io.clock);
  if (flags.revoke !== undefined) return revoke(io, client, flags);
  if (flags.list === true) return list(io, client, flags);
  let link: PageLinkView;
  try {
    link = await client.pageLink(io.interruption());
  } catch (error) {
    if (errorCode(error) !== 'node-not-running') throw error;
    note(io, `Starting a node for ${safeLine(user)}; Ctrl-C ends it.`);
    return withNode(io, client, flags, () => AttachedNode.start({ main: io.main, env, home }));
  }
  await show(io, link, flags);
}

/** Shows links for as long as a node of its own runs: until Ctrl-C, or until somebody logs out in the page. */
async function withNode(
  io: Io,
  client: ControlClient,
  flags: WebFlags,
  start: () => Promise<AttachedNode>,
): Promise<void> {
  const signal = io.interruption();
  const keeper = await NodeKeeper.start(start, io.clock);
  try {
    await show(io, await client.pageLink(signal), flags);
    const isTerminal = io.stdin.isTTY === true && flags.json !== true;
    if (isTerminal) note(io, 'Enter gives another link.');
    const lines = isTerminal ? createInterface({ input: io.stdin }) : null;
    lines?.on('line', () => {
      client
        .pageLink(signal)
        .then((link) => show(io, link, { ...flags, open: false }))
        .catch(() => undefined);
    });
    await Promise.race([keeper.ended, aborted(signal)]);
    lines?.close();
  } finally {
    await keeper.release();
  }
}

async function show(io: Io, link: PageLinkView, { open, json }: WebFlags): Promise<void> {
  const { url, expiresAt } = link;
  if (json === true) await printJson(io, { url, expiresAt });
  else {
    await print(io, `${styleText('bold', url)}\n${renderUnicodeCompact(url, { border: 2 })}\n`);
    note(io, 'It lets one browser on this machine in, once, within a minute.');
  }
  if (open) openBrowser(io);

  function openBrowser({ env }: Io): void {
    const command = browserCommand(env);
    if (command === null) return;
    // Whatever becomes of it: the link is on the screen.
    const child = spawn(command, [url], { detached: true, stdio: 'ignore' });
    child.on('error', () => undefined);
    child.unref();
  }
}

/** What opens a browser here; null where there is no screen for one. */
function browserCommand(env: Io['env']): string | null {
  if (process.platform === 'darwin') return 'open';
  if (process.platform === 'win32') return 'explorer';
  return env['DISPLAY'] || env['WAYLAND_DISPLAY'] ? 'xdg-open' : null;
}

async function list(io: Io, client: ControlClient, { json }: WebFlags): Promise<void> {
  const browsers = await client.browsers(io.interruption());
  if (json === true) {
    for (const browser of browsers) await printJson(io, browser);
    return;
  }
  if (browsers.length === 0) return note(io, 'No browser may use the page yet: p2p-chat web lets one in.');
  for (const { id, name, pairedAt, seenAt } of browsers) {
    await print(
      io,
      `${id}  ${safeLine(name)}  let in ${pairedAt.slice(0, 10)}, last here ${seenAt.slice(0, 10)}\n`,
    );
  }
}

async function revoke(io: Io, client: ControlClient, flags: WebFlags): Promise<void> {
  const id = flags.revoke === true ? undefined : flags.revoke;
  await client.revokeBrowser(id, io.interruption());
  if (flags.json === true) return printJson(io, { revoked: id ?? 'all' });
  note(io, id === undefined ? 'No browser may use the page any more.' : 'It may not use the page any more.');
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
