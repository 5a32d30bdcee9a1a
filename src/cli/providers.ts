/** `smart-router providers`: what upstreams say of themselves. */
import { EXIT, print, printError, UsageError } from "./command.ts"
import { run as discover } from "./providers/discover.ts"
import { ChangeRefused } from "./token/config-file.ts"

const HELP = `Ask upstreams what they have.

Usage: smart-router providers discover NAME [--config FILE] [--model PATTERN]… [--prices FILE] [--write]

"smart-router providers discover --help" shows the options and more examples.

Exit codes: 0 done, 1 the upstream or the configuration does not allow it (nothing is written), 2 wrong arguments,
            3 written, but the running router did not take it.

Examples:
  smart-router providers discover openai
  smart-router providers discover openai --model 'gpt-5*' --prices model_prices.json --write`

export async function run(argv: readonly string[]): Promise<number> {
  const [action, ...rest] = argv
  if (action === "discover") return await act(rest)
  if (argv.includes("--help") || argv.includes("-h")) {
    print(HELP)
    return EXIT.ok
  }
  throw new UsageError(
    action === undefined
      ? "Say what to do: discover."
      : `There is no action ${JSON.stringify(action)}; there is: discover.`,
  )
}

async function act(argv: readonly string[]): Promise<number> {
  try {
    return await discover(argv)
  } catch (error) {
    if (!(error instanceof ChangeRefused)) throw error
    printError(error.message)
    return EXIT.failed
  }
}
