import { type ActionResult, type ConfirmationsView, type PersonView, safeLine } from '@p2p-chat/shared';
import { count, timeOfDay } from '../console/labels.js';
import { print, printJson, type Io } from './io.js';
import { profileClient, type ProfileFlags } from './profile-client.js';
import { checkMessage } from './text-input.js';

export interface ActionFlags extends ProfileFlags {
  json?: boolean;
}

export interface DeleteFlags extends ActionFlags {
  forMe?: boolean;
}

export interface ConfirmationsFlags extends ActionFlags {
  remind?: boolean;
}

/** `reply`: answers a message, in its conversation. */
export async function reply(io: Io, id: string, text: string, flags: ActionFlags): Promise<void> {
  const body = checkMessage(text);
  const client = profileClient(io, flags);
  const signal = io.interruption();
  const { conversation } = await client.message(id, signal);
  const sent = await client.send(conversation, body, signal, crypto.randomUUID(), { replyTo: id });
  if (flags.json === true) return printJson(io, { ...sent, replyTo: id });
  await print(io, 'The answer is queued.\n');
}

/** `edit`: changes what one's own message says. */
export async function edit(io: Io, id: string, text: string, flags: ActionFlags): Promise<void> {
  const body = checkMessage(text);
  await done(
    io,
    flags,
    await profileClient(io, flags).edit(id, body, io.interruption()),
    'The message is changed.',
  );
}

/** `versions`: what one's own message said and says. */
export async function versions(io: Io, id: string, flags: ActionFlags): Promise<void> {
  for (const one of await profileClient(io, flags).versions(id, io.interruption()))
    await (flags.json === true
      ? printJson(io, one)
      : print(io, `${timeOfDay(one.at)}  ${safeLine(one.body)}\n`));
}

/** `delete`: deletes a message, for everybody or here alone. */
export async function deleteMessage(io: Io, id: string, flags: DeleteFlags): Promise<void> {
  const forMe = flags.forMe === true;
  const result = await profileClient(io, flags).delete(id, forMe, io.interruption());
  const text = forMe
    ? 'The message is deleted here. Others still have it.'
    : 'The message is deleted here, and everybody is asked to erase it.';
  await done(io, flags, result, text);
}

/** `react`: says all that one feels about a message; without emoji, takes it back. */
export async function react(io: Io, id: string, emoji: readonly string[], flags: ActionFlags): Promise<void> {
  const result = await profileClient(io, flags).react(id, emoji, io.interruption());
  await done(
    io,
    flags,
    result,
    emoji.length === 0 ? 'Your reaction is taken back.' : 'Your reaction is there.',
  );
}

/** `confirm`: confirms a message that asks for it. */
export async function confirm(io: Io, id: string, flags: ActionFlags): Promise<void> {
  await done(io, flags, await profileClient(io, flags).confirm(id, io.interruption()), 'Confirmed.');
}

/** `confirmations`: who has confirmed one's own message; with `--remind`, reminds the others. */
export async function confirmations(io: Io, id: string, flags: ConfirmationsFlags): Promise<void> {
  const remind = flags.remind === true;
  const view = await profileClient(io, flags).confirmations(id, remind, io.interruption());
  if (flags.json === true) return printJson(io, view);
  const waiting = view.read.length + view.delivered.length + view.missing.length;
  const reminded = remind && waiting > 0 ? [`${count(waiting, 'person')} reminded.`] : [];
  await print(io, [...lines(view), ...reminded].map((line) => `${line}\n`).join(''));
}

function lines({ confirmed, read, delivered, missing }: ConfirmationsView): string[] {
  const name = ({ user }: PersonView): string => safeLine(user);
  return [
    ...confirmed.map((one) => `confirmed  ${name(one)}, ${timeOfDay(one.at)}`),
    ...read.map((one) => `only read  ${name(one)}`),
    ...delivered.map((one) => `not read   ${name(one)}`),
    ...missing.map((one) => `not there  ${name(one)}`),
  ];
}

async function done(io: Io, { json }: ActionFlags, result: ActionResult, text: string): Promise<void> {
  await (json === true ? printJson(io, result) : print(io, `${text}\n`));
}
