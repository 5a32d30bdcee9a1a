/** `smart-router completion`: completes commands and options in a shell, from the help of the commands themselves. */
import { commandSummaries } from "./commands.ts"
import { EXIT, print, readArguments, UsageError } from "./command.ts"

const HELP = `Print a script that completes commands and options in a shell.

Usage: smart-router completion bash|zsh|fish

The script asks "smart-router help COMMAND" for options, so that it stays right after an update.

Exit codes: 0 printed, 2 wrong arguments.

Examples:
  smart-router completion bash > /etc/bash_completion.d/smart-router
  smart-router completion zsh > "\${fpath[1]}/_smart-router"
  smart-router completion fish > ~/.config/fish/completions/smart-router.fish`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { positionals: 1 })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const script = SCRIPTS[options.positionals[0] ?? ""]
  if (script === undefined) throw new UsageError("Name the shell: smart-router completion bash, zsh or fish.")
  print(script(Object.entries(commandSummaries())))
  return EXIT.ok
}

type Summaries = readonly (readonly [name: string, summary: string])[]

/** Options stand in the help with two dashes; words of a command stand in its usage, between bars. */
const WORDS = `smart-router help "$1" 2>/dev/null | { grep -oE -e '--[a-z][a-z-]+' -e '^Usage: smart-router [a-z]+ [a-z]+([|][a-z]+)+' || true; } | sed -e 's/^Usage: smart-router [a-z]* //' -e 's/[|]/ /g' | sort -u`

const SCRIPTS: Readonly<Record<string, (commands: Summaries) => string>> = {
  bash: (commands) => `_smart_router_words() {
  ${WORDS}
}
_smart_router() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ] || [ "$previous" = help ]; then
    COMPREPLY=($(compgen -W "${names(commands)} help" -- "$current"))
  elif [[ "$previous" =~ ^--(config|out|file|db|pid-file|import|export)$ ]]; then
    compopt -o default
  else
    COMPREPLY=($(compgen -W "$(_smart_router_words "\${COMP_WORDS[1]}")" -- "$current"))
    [ \${#COMPREPLY[@]} -gt 0 ] || compopt -o default
  fi
}
complete -F _smart_router smart-router`,
  zsh: (commands) => `#compdef smart-router
_smart_router_words() {
  ${WORDS}
}
_smart_router() {
  if (( CURRENT == 2 )) || [[ "\${words[CURRENT - 1]}" == help ]]; then
    local -a commands
    commands=(
${commands.map(([name, summary]) => `      '${name}:${summary.replaceAll("'", "'\\''")}'`).join("\n")}
      'help:Show the help of a command.'
    )
    _describe command commands
  elif [[ "\${words[CURRENT - 1]}" =~ '^--(config|out|file|db|pid-file|import|export)$' ]]; then
    _files
  else
    compadd -- \${(f)"$(_smart_router_words "\${words[2]}" | tr ' ' '\\n')"}
    _files
  fi
}
compdef _smart_router smart-router`,
  fish: (commands) => `function __smart_router_words
  set -l words (commandline -opc)
  smart-router help $words[2] 2>/dev/null | string match -ra -- '--[a-z][a-z-]+' | sort -u
  smart-router help $words[2] 2>/dev/null | string replace -rf '^Usage: smart-router [a-z]+ ([a-z]+(?:\\|[a-z]+)+).*' '$1' | string split '|'
end
${commands
  .map(
    ([name, summary]) =>
      `complete -c smart-router -n __fish_use_subcommand -f -a ${name} -d '${summary.replaceAll("'", "\\'")}'`,
  )
  .join("\n")}
complete -c smart-router -n __fish_use_subcommand -f -a help -d 'Show the help of a command.'
complete -c smart-router -n 'not __fish_use_subcommand' -a '(__smart_router_words)'`,
}

function names(commands: Summaries): string {
  return commands.map(([name]) => name).join(" ")
}
