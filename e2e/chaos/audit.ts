import type { MessageView } from '@p2p-chat/shared';
import type { Traffic } from './traffic.ts';

/** Findings that are spelled out; a campaign that fails may have thousands. */
const MAX_FINDINGS = 20;

/** One person's end of the campaign. */
export interface End {
  name: string;
  peerId: string;
  traffic: Traffic;
  /** The whole conversation as this person sees it, oldest first. */
  history: readonly MessageView[];
}

/**
 * Compares what all see with what was accepted.
 * @returns what is wrong, in words; empty where all is well
 */
export function audit(ends: readonly End[]): string[] {
  const [first, ...others] = ends as [End, ...End[]];
  const findings = [
    ...ends.flatMap((author) => ends.flatMap((at) => auditAuthor(author, at))),
    ...ends.flatMap(auditStates),
    ...others.flatMap((other) => auditOrder(first, other)),
  ];
  const more = findings.length - MAX_FINDINGS;
  return more > 0 ? [...findings.slice(0, MAX_FINDINGS), `and ${more} findings more`] : findings;
}

/** Each message of an author that was accepted is with somebody once, in order, with its text. */
function auditAuthor({ name, peerId, traffic }: End, at: End): string[] {
  const findings: string[] = [];
  const copies = at.history.filter(({ author }) => author === peerId);
  const where = `at ${at.name}`;
  const times = new Map<string, number>();
  for (const { id } of copies) times.set(id, (times.get(id) ?? 0) + 1);
  for (const [id, count] of times) {
    if (count > 1) findings.push(`${id} of ${name} is ${count} times ${where}`);
  }
  for (const { id, number } of traffic.accepted) {
    if (!times.has(id)) findings.push(`${name}'s message ${number} (${id}) was accepted and is not ${where}`);
  }
  let last = -1;
  for (const { id, body } of copies) {
    const number = Number(body.split(' ', 2)[1]);
    if (body !== traffic.asked[number]) findings.push(`${id} of ${name} has another text ${where}`);
    if (number === last) findings.push(`${name}'s message ${number} is there again ${where}, as ${id}`);
    if (number < last) findings.push(`${name}'s message ${number} comes after ${last} ${where}`);
    last = number;
  }
  return findings;
}

/** What somebody wrote was read by all, and they know it. */
function auditStates({ name, peerId, history }: End): string[] {
  const unsettled = history.filter(({ author, state }) => author === peerId && state !== 'read');
  return unsettled.map(({ id, state }) => `${id} of ${name} was read and is still "${state}"`);
}

/** Both see the same messages in the same order. */
function auditOrder(here: End, there: End): string[] {
  const length = Math.max(here.history.length, there.history.length);
  for (let at = 0; at < length; at += 1) {
    const [one, other] = [here.history[at], there.history[at]];
    if (one?.id === other?.id && one?.body === other?.body) continue;
    return [
      `the conversations part at place ${at} of ${here.history.length} and ${there.history.length}: ` +
        `${here.name} sees ${one?.id ?? 'nothing'}, ${there.name} sees ${other?.id ?? 'nothing'}`,
    ];
  }
  return [];
}
