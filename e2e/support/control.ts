import { readFile } from 'node:fs/promises';
import type { MessageView } from '@p2p-chat/shared';
import { ControlClient } from '../../chat-node/dist/console/control-client.js';
import { type DaemonOptions, type RunningDaemon, waitFor, type World } from './processes.ts';

/** A client of the control API of this node. */
export function controlOf(daemon: RunningDaemon): ControlClient {
  return new ControlClient(daemon.home);
}

/** Alice, who knows where Bob is, and Bob; a link is up, and both are contacts. */
export async function linkedPair(
  world: World,
  options: { alice?: Partial<DaemonOptions>; bob?: Partial<DaemonOptions> } = {},
): Promise<{ alice: RunningDaemon; bob: RunningDaemon }> {
  const bob = await world.daemon({ user: 'Bob', ...options.bob });
  const peers = [`127.0.0.1:${bob.ready.peerPort}`];
  const alice = await world.daemon({ user: 'Alice', peers, ...options.alice });
  await waitFor('the link', async () => (await controlOf(alice).status()).links === 1);
  await acquaint(alice, bob);
  return { alice, bob };
}

/**
 * Lets each of these people be a contact of all others, so that none of their
 * messages is the request of a stranger. They need not see each other yet.
 */
export async function acquaint(...daemons: RunningDaemon[]): Promise<void> {
  for (const one of daemons) {
    for (const other of daemons) if (other !== one) await controlOf(one).accept(other.peerId);
  }
}

/** Writes to somebody, and waits until the message was delivered: without a process for it. */
export async function deliver(from: RunningDaemon, to: string, body: string): Promise<void> {
  const client = controlOf(from);
  const { id } = await client.send(to, body);
  await waitFor(`${from.name}'s message to be delivered`, async () => {
    const latest = await client.history(to, { limit: 100 });
    return latest.some((one) => one.id === id && one.state !== 'queued');
  });
}

/** Hands over many bodies in batches, as a pipe would. @returns the ids in the order in which they were accepted */
export async function sendAll(
  from: RunningDaemon,
  to: { readonly peerId: string },
  bodies: readonly string[],
): Promise<string[]> {
  const batch = 256;
  async function* batches(): AsyncGenerator<readonly string[]> {
    for (let at = 0; at < bodies.length; at += batch) yield bodies.slice(at, at + batch);
  }
  const ids: string[] = [];
  for await (const results of controlOf(from).sendAll(to.peerId, batches())) {
    ids.push(...results.map(({ id }) => id));
  }
  return ids;
}

/** All messages of a conversation, oldest first, without the lines about its roster. */
export async function wholeConversation(of: RunningDaemon, conversation: string): Promise<MessageView[]> {
  const client = controlOf(of);
  const pages: MessageView[][] = [];
  let page = await client.history(conversation, { limit: 1_000 });
  while (page.length > 0) {
    pages.push(page);
    page = await client.history(conversation, { limit: 1_000, before: page[0]?.id ?? '' });
  }
  return pages
    .reverse()
    .flat()
    .filter(({ kind }) => kind !== 'roster');
}

/** Waits until so many messages wait in the outbox of a node. */
export async function untilQueued(daemon: RunningDaemon, count: number, timeoutMs?: number): Promise<void> {
  const client = controlOf(daemon);
  await waitFor(
    `${daemon.name} to have ${count} queued messages`,
    async () => (await client.status()).outbox.queued === count,
    timeoutMs,
  );
}

/** Resident memory of a process in bytes (Linux). */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kib === undefined) throw new Error(`the system does not say what process ${pid} holds`);
  return Number(kib) * 1024;
}
