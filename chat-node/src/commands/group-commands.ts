import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import {
  type HistoryPolicy,
  isHistoryPolicy,
  MAX_HISTORY_DAYS,
  MUTE_LEVELS,
  type MuteLevel,
} from '@p2p-chat/shared';
import type { CreateGroupFlags, GroupFlags } from './groups.js';
import type { Io } from './io.js';

const GROUP_HELP = 'the id of a group, its first 8 characters, or a name that only one has';
const JSON_HELP = 'print JSON, one object per line';
const GROUP_JSON = 'print {id, name, members: [{peerId, user, role, state}]}';
const HISTORY_HELP = 'what newcomers get of what was written before: join (nothing), all, or so many days';

const clients = () => import('./clients.js');

export interface GroupCommandsParts {
  io: Io;
  /** How a person is named. */
  peerHelp: string;
  /** How a conversation is named. */
  conversationHelp: string;
}

/** Adds `group`, `room` and `mute` to the program. */
export function addGroupCommands(
  program: Command,
  { io, peerHelp, conversationHelp }: GroupCommandsParts,
): void {
  const group = program.command('group').description('groups: conversations of several people');
  group
    .command('create')
    .description('make a group, and ask people to come')
    .argument('<name>', 'what it is called')
    .argument('[person...]', peerHelp)
    .addOption(historyOption())
    .option('--json', GROUP_JSON)
    .action(async (name: string, people: string[], _flags: CreateGroupFlags, command: Command) =>
      (await clients()).createGroup(io, name, people, false, all(command)),
    );
  group
    .command('list')
    .description('the groups, and invitations')
    .option('--json', JSON_HELP)
    .action(async (_flags: GroupFlags, command: Command) =>
      (await clients()).listGroups(io, false, all(command)),
    );
  group
    .command('members')
    .description('who is in, who is admin, who is online')
    .argument('<group>', GROUP_HELP)
    .option('--json', JSON_HELP)
    .action(async (name: string, _flags: GroupFlags, command: Command) =>
      (await clients()).groupMembers(io, name, all(command)),
    );
  const acts = {
    add: 'ask somebody to come',
    remove: 'remove somebody, or take an invitation back',
    promote: 'make a member an admin',
    demote: 'make an admin a member like any other',
  } as const;
  for (const act of ['add', 'remove', 'promote', 'demote'] as const) {
    group
      .command(act)
      .description(acts[act])
      .argument('<group>', GROUP_HELP)
      .argument('<person>', peerHelp)
      .option('--json', GROUP_JSON)
      .action(async (name: string, person: string, _flags: GroupFlags, command: Command) =>
        (await clients()).changeMember(io, act, name, person, all(command)),
      );
  }
  const moves = [
    ['accept', 'enter', 'accept the invitation to a group'],
    ['decline', 'decline', 'decline it'],
    ['leave', 'leave', 'leave a group; its history stays here'],
  ] as const;
  for (const [name, act, description] of moves) {
    group
      .command(name)
      .description(description)
      .argument('<group>', GROUP_HELP)
      .option('--json', GROUP_JSON)
      .action(async (named: string, _flags: GroupFlags, command: Command) =>
        (await clients()).moveSelf(io, act, named, all(command)),
      );
  }
  group
    .command('rename')
    .description('call it something else')
    .argument('<group>', GROUP_HELP)
    .argument('<name>', 'what it is called from then on')
    .option('--json', GROUP_JSON)
    .action(async (named: string, to: string, _flags: GroupFlags, command: Command) =>
      (await clients()).renameGroup(io, named, to, all(command)),
    );
  group
    .command('policy')
    .description('what newcomers get; with --history, change it')
    .argument('<group>', GROUP_HELP)
    .addOption(historyOption())
    .option('--json', GROUP_JSON)
    .action(async (named: string, _flags: CreateGroupFlags, command: Command) =>
      (await clients()).groupPolicy(io, named, all(command)),
    );

  const room = program.command('room').description('open rooms, listed to everybody on the network');
  room
    .command('create')
    .description('make a room')
    .argument('<name>', 'what it is called')
    .addOption(historyOption())
    .option('--json', GROUP_JSON)
    .action(async (name: string, _flags: CreateGroupFlags, command: Command) =>
      (await clients()).createGroup(io, name, [], true, all(command)),
    );
  room
    .command('list')
    .description('the rooms on the network')
    .option('--json', JSON_HELP)
    .action(async (_flags: GroupFlags, command: Command) =>
      (await clients()).listGroups(io, true, all(command)),
    );
  for (const [name, act, description] of [
    ['join', 'enter', 'go into a room'],
    ['leave', 'leave', 'leave a room'],
  ] as const) {
    room
      .command(name)
      .description(description)
      .argument('<room>', GROUP_HELP)
      .option('--json', GROUP_JSON)
      .action(async (named: string, _flags: GroupFlags, command: Command) =>
        (await clients()).moveSelf(io, act, named, all(command)),
      );
  }

  program
    .command('mute')
    .description('what notifies of a conversation: every message, those that mention you, or none')
    .argument('<conversation>', conversationHelp)
    .addArgument(new Argument('<level>', 'what notifies').choices(MUTE_LEVELS))
    .option('--json', 'print {id, mute}')
    .action(async (name: string, level: MuteLevel, _flags: GroupFlags, command: Command) =>
      (await clients()).mute(io, name, level, all(command)),
    );
}

function historyOption(): Option {
  return new Option('--history <what>', HISTORY_HELP).argParser(parseHistory);
}

/** @throws {InvalidArgumentError} for what is none */
function parseHistory(text: string): HistoryPolicy {
  const history = /^[0-9]+$/.test(text) ? Number(text) : text;
  if (isHistoryPolicy(history)) return history;
  throw new InvalidArgumentError(`It is join, all, or 1 to ${MAX_HISTORY_DAYS} days.`);
}

function all<T extends GroupFlags>(command: Command): T {
  return command.optsWithGlobals<T>();
}
