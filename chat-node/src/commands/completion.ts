import type { Command } from 'commander';
import { safeLine, shortPeerId } from '@p2p-chat/shared';
import { print, type Io } from './io.js';
import { profileClient, type ProfileFlags } from './profile-client.js';

/** What `completion` prints: the script of a shell, or what the script asks for. */
export const COMPLETIONS = ['bash', 'names'] as const;

/** `completion bash`: a script that completes commands, flags and the names of people; `names`: those names. */
export async function completion(
  io: Io,
  what: (typeof COMPLETIONS)[number],
  program: Command,
  flags: ProfileFlags,
): Promise<void> {
  if (what === 'bash') return print(io, bashScript(program));
  const people = await profileClient(io, flags).peers(true, io.interruption());
  for (const { peerId, user, ambiguous } of people) {
    // What a name does not say, and what a shell could not pass on, the short id does.
    const name = ambiguous || safeLine(user) !== user ? shortPeerId(peerId) : user;
    await print(io, `${name}\n`);
  }
}

function bashScript(program: Command): string {
  const global = flagsOf(program);
  const words = (list: readonly string[]): string => list.join(' ');
  const cases = program.commands.map((command) => {
    const [first] = command.registeredArguments;
    const takesPeer = first?.name() === 'peer';
    const choices = first?.argChoices ?? [];
    return `    ${command.name()}) flags='${words([...flagsOf(command), ...global, '--help'])}'; choices='${words(choices)}'; peer=${takesPeer ? 1 : 0} ;;`;
  });
  return `# Completion of p2p-chat for bash: source <(p2p-chat completion bash)
_p2p_chat() {
  local cur=\${COMP_WORDS[COMP_CWORD]} command='' at=0 i flags choices peer name quoted
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      --user | --home) ((i++)) ;;
      -*) ;;
      *) command=\${COMP_WORDS[i]} at=$i; break ;;
    esac
  done
  case $command in
    '') flags='${words([...global, '--help', '--version'])}'; choices='${words(program.commands.map((one) => one.name()))}'; peer=0 ;;
${cases.join('\n')}
    *) return ;;
  esac
  if [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")
  elif [[ $command && $COMP_CWORD -ne $((at + 1)) ]]; then
    return
  elif ((peer)); then
    while IFS= read -r name; do
      printf -v quoted %q "$name"
      [[ $name == "$cur"* || $quoted == "$cur"* ]] && COMPREPLY+=("$quoted")
    done < <(p2p-chat completion names 2>/dev/null)
  else
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
  fi
}
complete -F _p2p_chat p2p-chat
`;
}

function flagsOf(command: Command): string[] {
  return command.options.flatMap((option) => (option.hidden ? [] : [option.long ?? option.flags]));
}
