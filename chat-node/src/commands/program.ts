import { Argument, Command, CommanderError, Option } from 'commander';
import {
  DISCOVERY_PORT,
  errorCode,
  PEER_PORT,
  safeText,
  VERSION,
  PRESENCE_STATES,
  type PresenceState,
} from '@p2p-chat/shared';
import type { AcceptFlags } from './accept.js';
import type { BlockFlags } from './block.js';
import { AWAITED_STATES, COMPLETIONS, EXPORT_FORMATS, SWITCH } from './choices.js';
import type { ConsoleFlags } from './console.js';
import type { DaemonFlags } from './daemon.js';
import type { DoctorFlags } from './doctor.js';
import { parseCount, parseDuration } from './duration.js';
import type { EventsFlags } from './events.js';
import type { ExportFlags } from './export.js';
import { EXIT, exitStatusOf } from './exit-status.js';
import type { ChangeFileFlags, FilesFlags, GetFlags, SendFileFlags } from './files.js';
import { parseRule } from './file-rule.js';
import { addGroupCommands } from './group-commands.js';
import type { HistoryFlags } from './history.js';
import type { ImportFlags } from './import.js';
import type { Io } from './io.js';
import type { LogoutFlags } from './logout.js';
import type { ActionFlags, ConfirmationsFlags, DeleteFlags } from './message-actions.js';
import type { PeersFlags } from './peers.js';
import type { OwnProfileFlags, PresenceFlags } from './profile.js';
import type { ProfileFlags } from './settings.js';
import type { ReadFlags } from './read.js';
import { reportError } from './report-error.js';
import type { SearchFlags } from './search.js';
import type { SendFlags } from './send.js';
import { withTextMarked } from './send-arguments.js';
import type { StatusFlags } from './status.js';
import type { VerifyFlags } from './verify.js';
import type { WebFlags } from './web.js';

const PEER_HELP = 'a peer id, its short form, or a name that only one person has';
const CONVERSATION_HELP = `a conversation id, a group by its id or name, or the person: ${PEER_HELP}`;
const JSON_HELP = 'print JSON, one object per line';

/** What the exit status of the program says. */
export const EXIT_STATUSES: readonly (readonly [status: number, meaning: string])[] = [
  [EXIT.done, 'done'],
  [EXIT.failed, 'failed'],
  [EXIT.usage, 'wrong use'],
  [EXIT.noPeer, 'no such peer, or an ambiguous one'],
  [EXIT.noNode, 'no node is running'],
  [EXIT.notInTime, 'not in the awaited state in time; the message stays queued'],
];

const EXIT_HELP = `
Exit status:
${EXIT_STATUSES.map(([status, meaning]) => `  ${status}  ${meaning}`).join('\n')}`;

/**
 * Runs the command line `p2p-chat`.
 * @param argv the arguments, without the program
 * @returns the exit status
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  let status: number = EXIT.done;
  const program = createProgram(io, (returned) => (status = returned));
  try {
    await program.parseAsync([...withTextMarked(argv, program)], { from: 'user' });
    return status;
  } catch (error) {
    // Commander has said itself what is wrong, on stderr.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (io.interruption().aborted) return EXIT.interrupted;
    // `p2p-chat history Bob | head`: who does not read on has read enough.
    if (errorCode(error) === 'EPIPE') return EXIT.done;
    reportError(io, error, argv.includes('--json'));
    return exitStatusOf(error);
  }
}

/** What the clients of a node do, which a node itself need not load. */
const clients = () => import('./clients.js');

/** What becomes of a file that is fetched or offered. */
const FILE_CHANGES = [
  ['pause', 'stop a file until it is resumed; what is there of it stays'],
  ['resume', 'go on with a file, or fetch it, without waiting for it'],
  ['cancel', 'give a file up; one of your own is offered no more'],
] as const;

/** The commands. Exported for documentation made from it. */
export function createProgram(io: Io, onStatus: (status: number) => void): Command {
  const program = new Command('p2p-chat')
    .description('Private messages between the machines of a local network, with nobody in between.')
    .version(VERSION)
    .option('--user <name>', 'whose node it is (P2P_CHAT_USER; default: the login name)')
    .option('--home <folder>', "the profile's data (P2P_CHAT_HOME; default: in $XDG_DATA_HOME/p2p-chat)")
    .addHelpText('after', EXIT_HELP)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // It repeats arguments, which may have been pasted from anywhere.
      outputError: (text, write) => write(safeText(text.replace(/^error: /, 'p2p-chat: '))),
    })
    .showHelpAfterError('(add --help for how it is used)')
    .exitOverride();

  withNodeFlags(program.command('console'))
    .description('the screens for people; starts a node where none is running')
    .option('--plain', 'lines only, nothing redrawn: for a screen reader')
    .action(async (_flags: ConsoleFlags, command: Command) =>
      onStatus(await (await clients()).openConsole(io, all(command))),
    );

  withNodeFlags(program.command('web'))
    .description('a link that opens the page in a browser; starts a node where none is running')
    .option('--no-open', 'only print the link')
    .addOption(new Option('--list', 'the browsers that may use the page').conflicts('revoke'))
    .option('--revoke [id]', 'take that from a browser, or without its id from all')
    .option('--json', 'print {url, expiresAt}; of --list, an object for each browser')
    .action(async (_flags: WebFlags, command: Command) =>
      untilInterrupted(io, async () => (await clients()).web(io, all(command))),
    );

  withNodeFlags(program.command('daemon'))
    .description('run a node until SIGTERM or Ctrl-C')
    .option('--json', 'print JSON when it is ready')
    .action(async (_flags: DaemonFlags, command: Command) =>
      onStatus(await (await import('./daemon.js')).daemon(io, all(command))),
    );

  program
    .command('status')
    .description('who and where am I, what runs')
    .option('--json', JSON_HELP)
    .action(async (_flags: StatusFlags, command: Command) => (await clients()).status(io, all(command)));

  program
    .command('peers')
    .description('who is online')
    .option('--all', 'everyone known, not only who is online')
    .option('--json', JSON_HELP)
    .action(async (_flags: PeersFlags, command: Command) => (await clients()).peers(io, all(command)));

  program
    .command('send')
    .description('send a message: the text, or all of stdin')
    .argument('<conversation>', CONVERSATION_HELP)
    .argument('[text]', 'the message, also one that begins with a dash; without it, stdin is read')
    .option('--lines', 'send each line of stdin as a message, as they come')
    .addOption(
      new Option('--wait <state>', 'return when it is in this state')
        .choices(AWAITED_STATES)
        .default('queued'),
    )
    .addOption(
      new Option(
        '--timeout <time>',
        'how long to wait for that after the last one was accepted: 500ms, 30s, 2m',
      )
        .argParser(parseDuration)
        .default(30_000, '30s'),
    )
    .option('--key <key>', 'your own key of the message: the same again gives the same message')
    .option('--confirm', 'ask those who read it to confirm it: see confirmations')
    .option('--json', 'print {id, conversation, state} for each message')
    .action(async (peer: string, text: string | undefined, _flags: SendFlags, command: Command) =>
      (await clients()).send(io, peer, text, all(command)),
    );

  withMessageCommands(program, io);

  program
    .command('history')
    .description('a conversation, oldest first')
    .argument('<conversation>', CONVERSATION_HELP)
    .addOption(
      new Option('--limit <count>', 'at most this many messages, the latest ones')
        .argParser(parseCount)
        .default(50),
    )
    .addOption(new Option('--before <id>', 'only messages before this one').conflicts('after'))
    .option('--after <id>', 'only messages after this one, the first ones of them')
    .option('--json', JSON_HELP)
    .action(async (peer: string, _flags: HistoryFlags, command: Command) =>
      (await clients()).history(io, peer, all(command)),
    );

  addGroupCommands(program, { io, peerHelp: PEER_HELP, conversationHelp: CONVERSATION_HELP });

  program
    .command('search')
    .description('messages that have all these words, the latest saved first')
    .argument('<words...>', 'the beginning of a word is enough; case and accents do not count')
    .option('--in <conversation>', `only this one: ${CONVERSATION_HELP}`)
    .addOption(new Option('--limit <count>', 'at most this many messages').argParser(parseCount).default(20))
    .option('--before <id>', 'only messages that were saved before this one: the next page')
    .option('--json', JSON_HELP)
    .action(async (words: string[], _flags: SearchFlags, command: Command) =>
      (await clients()).search(io, words, all(command)),
    );

  program
    .command('export')
    .description('a whole conversation, oldest first, for a file')
    .argument('<conversation>', CONVERSATION_HELP)
    .addOption(
      new Option('--format <format>', 'json: one object per line; markdown: also for reading')
        .choices(EXPORT_FORMATS)
        .default('json'),
    )
    .option('--files <folder>', 'put the files of it that are here into this folder')
    .action(async (peer: string, _flags: ExportFlags, command: Command) =>
      (await clients()).exportConversation(io, peer, all(command)),
    );

  program
    .command('import')
    .description(
      'restore history that export wrote; nothing of it is sent, and doing it again changes nothing',
    )
    .argument('[file]', 'what export has written, in either format; without it, stdin is read')
    .option('--json', 'print {imported, known}')
    .action(async (file: string | undefined, _flags: ImportFlags, command: Command) =>
      (await clients()).importMessages(io, file, all(command)),
    );

  program
    .command('send-file')
    .description('offer files and folders, also to people who are away')
    .argument('<conversation>', `${CONVERSATION_HELP}; several with commas`)
    .argument('<path...>', 'files and folders')
    .option('--caption <text>', 'words beside them')
    .option(
      '--no-copy',
      'keep no copy: whoever fetches it later gets it only while the original is as it was',
    )
    .option('--json', 'print {id, conversation, files}')
    .action(async (whom: string, paths: string[], _flags: SendFileFlags, command: Command) =>
      (await clients()).sendFile(io, whom, paths, all(command)),
    );

  program
    .command('files')
    .description('what was offered, and what became of it')
    .argument('[conversation]', CONVERSATION_HELP)
    .addOption(
      new Option(
        '--rule <rule>',
        'when files of it are fetched: ask, never, or always:N for by themselves up to N MiB',
      ).argParser(parseRule),
    )
    .option('--json', JSON_HELP)
    .action(async (conversation: string | undefined, _flags: FilesFlags, command: Command) =>
      (await clients()).files(io, conversation, all(command)),
    );

  program
    .command('get')
    .description('fetch a file, or all of a message, and wait until it is whole')
    .argument('<id>', 'of the file, as files lists it, or of its message')
    .option('--to <folder>', 'where to put it; without it, the folder of downloads')
    .option('--json', 'print {path}, and what comes on stderr as JSON')
    .action(async (id: string, _flags: GetFlags, command: Command) =>
      (await clients()).get(io, id, all(command)),
    );

  for (const [verb, does] of FILE_CHANGES) {
    program
      .command(verb)
      .description(does)
      .argument('<id>', 'of the file, as files lists it, or of its message')
      .option('--json', JSON_HELP)
      .action(async (id: string, _flags: ChangeFileFlags, command: Command) =>
        (await clients()).changeFile(io, verb, id, all(command)),
      );
  }

  program
    .command('events')
    .description('what happens, a line each, until Ctrl-C')
    .option('--resume <file>', 'go on where the last run with this file ended')
    .option('--json', JSON_HELP)
    .action(async (_flags: EventsFlags, command: Command) =>
      untilInterrupted(io, async () => (await clients()).events(io, all(command))),
    );

  program
    .command('accept')
    .description('take messages of a stranger, also of one who is known by the peer id only')
    .argument('<peer>', PEER_HELP)
    .option('--json', JSON_HELP)
    .action(async (peer: string, _flags: AcceptFlags, command: Command) =>
      (await clients()).accept(io, peer, all(command)),
    );

  for (const blocked of [true, false]) {
    program
      .command(blocked ? 'block' : 'unblock')
      .description(blocked ? 'let no more messages from a person arrive; they cannot tell' : 'undo block')
      .argument('<peer>', PEER_HELP)
      .option('--json', JSON_HELP)
      .action(async (peer: string, _flags: BlockFlags, command: Command) =>
        (await clients()).setBlocked(io, peer, blocked, all(command)),
      );
  }

  program
    .command('verify')
    .description(
      'the safety number to compare with a person: the same on both sides, or somebody is in between',
    )
    .argument('<peer>', PEER_HELP)
    .addOption(new Option('--mark', 'note that it is the same').conflicts('unmark'))
    .option('--unmark', 'take that note back')
    .option('--seen', 'note that you saw the alarm about this key under a known name')
    .option('--json', JSON_HELP)
    .action(async (peer: string, _flags: VerifyFlags, command: Command) =>
      (await clients()).verify(io, peer, all(command)),
    );
  program
    .command('read')
    .description('mark what was written in a conversation as read')
    .argument('<conversation>', CONVERSATION_HELP)
    .option('--up-to <id>', 'only up to this message')
    .option('--json', 'print {read}: how many were unread')
    .action(async (peer: string, _flags: ReadFlags, command: Command) =>
      (await clients()).markRead(io, peer, all(command)),
    );

  program
    .command('logout')
    .description('log out: the running node says bye and ends')
    .option('--json', JSON_HELP)
    .action(async (_flags: LogoutFlags, command: Command) => (await clients()).logout(io, all(command)));

  program
    .command('profile')
    .description('what others see of you, and what you have set; with flags, change it')
    .option('--name <name>', 'the name that others see; the key, and so who you are, stays')
    .addOption(new Option('--receipts <switch>', 'tell others what you have read').choices(SWITCH))
    .addOption(new Option('--typing <switch>', 'tell others that you are writing to them').choices(SWITCH))
    .option('--json', JSON_HELP)
    .action(async (_flags: OwnProfileFlags, command: Command) => (await clients()).profile(io, all(command)));

  program
    .command('presence')
    .description('how you are shown to others; with a state or --status, change it')
    .addArgument(new Argument('[state]', 'dnd: do not disturb').choices(PRESENCE_STATES))
    .option('--status <text>', 'a short text for others to see, "" for none')
    .option('--json', JSON_HELP)
    .action(async (state: PresenceState | undefined, _flags: PresenceFlags, command: Command) =>
      (await clients()).presence(io, state, all(command)),
    );

  withNodeFlags(program.command('doctor'))
    .description('walk the hops from this node, to a person where one is given, and name the one that fails')
    .argument('[peer]', PEER_HELP)
    .option('--json', 'print each hop as it is looked at, and the verdict')
    .action(async (peer: string | undefined, _flags: DoctorFlags, command: Command) =>
      onStatus(await (await clients()).doctor(io, peer, all(command))),
    );

  program
    .command('completion')
    .description(
      'completion for a shell: source <(p2p-chat completion bash), the same for zsh; for fish, pipe it into source',
    )
    .addArgument(
      new Argument('<what>', 'the script of a shell, or the names of people, which it asks for').choices(
        COMPLETIONS,
      ),
    )
    .action(async (what: (typeof COMPLETIONS)[number], _flags: ProfileFlags, command: Command) =>
      (await clients()).completion(io, what, program, all(command)),
    );
  return program;
}

/** What is done with a message that is there. */
function withMessageCommands(program: Command, io: Io): void {
  const id = ['<id>', 'the id of a message, as history --json and events --json show it'] as const;
  const result = 'print {id, conversation, author, target}, id being that of the entry that was written';
  program
    .command('reply')
    .description('answer a message: it is quoted')
    .argument(...id)
    .argument('<text>', 'the answer')
    .option('--json', 'print {id, conversation, author, state, replyTo}')
    .action(async (message: string, text: string, _flags: ActionFlags, command: Command) =>
      (await clients()).reply(io, message, text, all(command)),
    );
  program
    .command('edit')
    .description('change what a message of yours says')
    .argument(...id)
    .argument('<text>', 'what it says from now on')
    .option('--json', result)
    .action(async (message: string, text: string, _flags: ActionFlags, command: Command) =>
      (await clients()).edit(io, message, text, all(command)),
    );
  program
    .command('versions')
    .description('what a message of yours said before you changed it, and says now; nobody else is shown it')
    .argument(...id)
    .option('--json', 'print {body, at}, one a line, oldest first')
    .action(async (message: string, _flags: ActionFlags, command: Command) =>
      (await clients()).versions(io, message, all(command)),
    );
  program
    .command('delete')
    .description('delete a message of yours for everybody: it is erased wherever a node is online')
    .argument(...id)
    .option('--for-me', 'delete it here alone, whoever wrote it')
    .option('--json', result)
    .action(async (message: string, _flags: DeleteFlags, command: Command) =>
      (await clients()).deleteMessage(io, message, all(command)),
    );
  program
    .command('react')
    .description('say what you feel about a message, in place of what you said before')
    .argument(...id)
    .argument('[emoji...]', 'such as 👍; none takes it back')
    .option('--json', result)
    .action(async (message: string, emoji: string[], _flags: ActionFlags, command: Command) =>
      (await clients()).react(io, message, emoji, all(command)),
    );
  program
    .command('confirm')
    .description('confirm a message that asks for it')
    .argument(...id)
    .option('--json', result)
    .action(async (message: string, _flags: ActionFlags, command: Command) =>
      (await clients()).confirm(io, message, all(command)),
    );
  program
    .command('confirmations')
    .description('who has confirmed a message of yours, who has only read it, who has not received it')
    .argument(...id)
    .option('--remind', 'remind those who have not confirmed it')
    .option('--json', 'print {confirmed, read, delivered, missing}, lists of {peerId, user}')
    .action(async (message: string, _flags: ConfirmationsFlags, command: Command) =>
      (await clients()).confirmations(io, message, all(command)),
    );
}

/** The flags of a command together with those before it. */
function all<T extends ProfileFlags>(command: Command): T {
  return command.optsWithGlobals<T>();
}

function withNodeFlags(command: Command): Command {
  const list = (value: string, before: string[] = []): string[] => [...before, ...value.split(',')];
  return command
    .option('--port <port>', `port for peers (P2P_CHAT_PORT; default: ${PEER_PORT} or the next free one)`)
    .option(
      '--discovery <url>',
      `discovery services, repeated or with commas, "" for none (DISCOVERY_URLS; default: http://127.0.0.1:${DISCOVERY_PORT})`,
      list,
    )
    .option(
      '--peers <host:port>',
      'people at known addresses, repeated or with commas (P2P_CHAT_PEERS)',
      list,
    )
    .option('--mongodb <uri>', 'keep messages in MongoDB (MONGODB_URI; default: a file in the data folder)');
}

/** Ctrl-C is the ordinary end of what runs. */
async function untilInterrupted(io: Io, command: () => Promise<void>): Promise<void> {
  try {
    await command();
  } catch (error) {
    if (!io.interruption().aborted) throw error;
  }
}
