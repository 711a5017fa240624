import {
  type CompletedFlag,
  type CompletionModel,
  CONVERSATION_FLAG,
  withValue,
} from './completion-model.js';

const NAMES = "'(p2p-chat completion names 2>/dev/null)'";

/** The script that completes for fish, with what each command and flag is for. */
export function fishScript({ commands, global }: CompletionModel): string {
  const lines = commands.flatMap(({ name, description, flags, choices, takesPeer }) => [
    `complete -c p2p-chat -n '__p2p_chat_at 0' -a ${name} -d ${quoted(description)}`,
    ...flags.map((flag) => flagLine(flag, `-n '__p2p_chat_in ${name}'`)),
    ...(takesPeer ? [`complete -c p2p-chat -n '__p2p_chat_at 1 ${name}' -a ${NAMES}`] : []),
    ...(choices.length > 0
      ? [`complete -c p2p-chat -n '__p2p_chat_at 1 ${name}' -a ${quoted(choices.join(' '))}`]
      : []),
  ]);
  return `# Completion of p2p-chat for fish: p2p-chat completion fish | source
# The words before the one being typed that are neither flags nor their values.
function __p2p_chat_words
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case ${withValue(global).join(' ')}
                set skip 1
            case '-*'
            case '*'
                echo $word
        end
    end
end
# Whether so many words are there, and the first one is that command.
function __p2p_chat_at
    set -l words (__p2p_chat_words)
    test (count $words) -eq $argv[1]; or return 1
    test (count $argv) -eq 1; or test $words[1] = $argv[2]
end
function __p2p_chat_in
    set -l words (__p2p_chat_words)
    test (count $words) -gt 0; and test $words[1] = $argv[1]
end
complete -c p2p-chat -f
${global.map((flag) => flagLine(flag, '')).join('\n')}
${lines.join('\n')}
`;
}

function flagLine({ name, description, values }: CompletedFlag, condition: string): string {
  const words = name === CONVERSATION_FLAG ? NAMES : quoted((values ?? []).join(' '));
  const isKnown = name === CONVERSATION_FLAG || (values ?? []).length > 0;
  // -x: a value, and no file.
  const takes = values === null ? '' : isKnown ? ` -x -a ${words}` : ' -r';
  const when = condition === '' ? '' : ` ${condition}`;
  return `complete -c p2p-chat${when} -l ${name.replace(/^--/, '')}${takes} -d ${quoted(description)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
