import {
  type CompletedFlag,
  type CompletionModel,
  CONVERSATION_FLAG,
  withValue,
} from './completion-model.js';

/** The script that completes for zsh, with what each command and flag is for. */
export function zshScript({ commands, global }: CompletionModel): string {
  const cases = commands.map(({ name, flags, choices, takesPeer }) => {
    const all = [...flags, ...global.filter((one) => !flags.some((own) => own.name === one.name))];
    return `    ${name}) flags=(${described(all)}); choices=(${choices.map(quoted).join(' ')}); peer=${takesPeer ? 1 : 0} ;;`;
  });
  return `#compdef p2p-chat
# Completion of p2p-chat for zsh, after compinit: source <(p2p-chat completion zsh)
_p2p_chat() {
  local cur=\${words[CURRENT]} command='' at=0 i peer=0
  local -a flags choices names
  for ((i = 2; i < CURRENT; i++)); do
    case \${words[i]} in
      ${withValue(global).join(' | ')}) ((i++)) ;;
      -*) ;;
      *) command=\${words[i]} at=$i; break ;;
    esac
  done
  case $command in
    '') flags=(${described(global)}); choices=(${described(commands)}) ;;
${cases.join('\n')}
    *) return 1 ;;
  esac
  if [[ \${words[CURRENT-1]} == ${CONVERSATION_FLAG} ]]; then
    peer=1
  elif [[ $cur == -* ]]; then
    _describe -o flag flags
    return
  elif [[ -n $command && $CURRENT -ne $((at + 1)) ]]; then
    _files
    return
  fi
  if ((peer)); then
    names=("\${(@f)$(p2p-chat completion names 2>/dev/null)}")
    compadd -a names
  else
    _describe choice choices
  fi
}
compdef _p2p_chat p2p-chat
`;
}

/** Names with what they are for, as `_describe` takes them. */
function described(list: readonly Pick<CompletedFlag, 'name' | 'description'>[]): string {
  return list
    .map(({ name, description }) => quoted(`${name.replaceAll(':', '\\:')}:${description}`))
    .join(' ');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
