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
  local cur command='' at=0 i flags choices peer
  local -a words
  _p2p_chat_words
  cur=\${words[-1]}
  COMPREPLY=()
  for ((i = 1; i < \${#words[@]} - 1; i++)); do
    case \${words[i]} in
      ${withValue(global).join(' | ')}) ((i++)) ;;
      -*) ;;
      *) command=\${words[i]} at=$i; break ;;
    esac
  done
  case $command in
    '') flags='${names(global)}'; choices='${names(commands)}'; peer=0 ;;
${cases.join('\n')}
    *) return ;;
  esac
  if [[ \${words[-2]} == ${CONVERSATION_FLAG} ]]; then
    peer=1
  elif [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")
    return
  elif [[ $command && \${#words[@]} -ne $((at + 2)) ]]; then
    return
  fi
  if ((peer)); then
    _p2p_chat_people
  else
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
  fi
}
# The words up to the cursor, as they were typed. Bash takes them apart at a
# colon, too, which a name may have.
_p2p_chat_words() {
  local rest=\${COMP_LINE-} piece i
  words=("\${COMP_WORDS[@]:0:COMP_CWORD + 1}")
  [[ $rest ]] || return 0
  rest=\${rest:0:COMP_POINT} words=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    piece=\${COMP_WORDS[i]}
    if [[ $i -eq 0 || $rest == [[:space:]]* ]]; then
      words+=('')
      rest=\${rest#"\${rest%%[![:space:]]*}"}
    fi
    if ((i == COMP_CWORD)); then piece=$rest; fi
    words[-1]+=$piece
    rest=\${rest#"$piece"}
  done
}
# The names of people that begin as $cur does, quoted as $cur is.
_p2p_chat_people() {
  local name quoted typed=$cur quote='' before='' breaks='' one
  case $cur in
    [\\"\\']*) quote=\${cur:0:1} typed=\${cur:1} ;;
    *)
      typed=\${cur//\\\\/}
      # What stands before the last of these, bash leaves as it is.
      for one in : = @; do
        if [[ $COMP_WORDBREAKS == *$one* ]]; then breaks+=$one; fi
      done
      if [[ $breaks ]]; then before=\${cur%"\${cur##*[$breaks]}"}; fi
      if [[ $before == *\\\\? ]]; then before=''; fi
      # This one itself, bash replaces.
      before=\${before%@}
      ;;
  esac
  while IFS= read -r name; do
    [[ $name == "$typed"* ]] || continue
    if [[ $quote ]]; then
      COMPREPLY+=("$name")
    else
      printf -v quoted %q "$name"
      if [[ $quoted == "$before"* ]]; then COMPREPLY+=("\${quoted#"$before"}"); fi
    fi
  done < <(p2p-chat completion names 2>/dev/null)
}
complete -F _p2p_chat p2p-chat
`;
}
