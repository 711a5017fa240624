import { type CompletionModel, CONVERSATION_FLAG, withValue } from './completion-model.js';

/** The script that completes for bash. */
export function bashScript({ commands, global }: CompletionModel): string {
  const names = (flags: readonly { name: string }[]): string => flags.map(({ name }) => name).join(' ');
  const cases = commands.map(
    ({ name, flags, choices, takesPeer }) =>
      `    ${name}) flags='${names([...flags, ...global.filter((one) => !flags.some((own) => own.name === one.name))])}'; choices='${choices.join(' ')}'; peer=${takesPeer ? 1 : 0} ;;`,
  );
  return `# Completion of p2p-chat for bash: source <(p2p-chat completion bash)
_p2p_chat() {
  local cur=\${COMP_WORDS[COMP_CWORD]} command='' at=0 i flags choices peer name quoted
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${withValue(global).join(' | ')}) ((i++)) ;;
      -*) ;;
      *) command=\${COMP_WORDS[i]} at=$i; break ;;
    esac
  done
  case $command in
    '') flags='${names(global)}'; choices='${names(commands)}'; peer=0 ;;
${cases.join('\n')}
    *) return ;;
  esac
  if [[ \${COMP_WORDS[COMP_CWORD - 1]} == ${CONVERSATION_FLAG} ]]; then
    peer=1
  elif [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")
    return
  elif [[ $command && $COMP_CWORD -ne $((at + 1)) ]]; then
    return
  fi
  if ((peer)); then
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
