/** `smart-router token`: creates, lists, replaces and withdraws the tokens of callers. */
import { EXIT, print, printError, UsageError, type Command } from "./command.ts"
import { ChangeRefused } from "./token/config-file.ts"

const HELP = `Create, list, replace and withdraw caller tokens. The configuration holds their SHA-256 only.

Usage: smart-router token create --owner-user USER --project PROJECT --env ENV --allow GROUP[,GROUP…] [options]
       smart-router token list --config FILE [--caller CALLER] [--json]
       smart-router token rotate TOKEN_ID --config FILE [--grace 24h] [options]
       smart-router token revoke TOKEN_ID --config FILE [--json]

What create --write, rotate and revoke change is written into the configuration, whose comments stay, and a router that
runs on it takes it at once; calls in flight go on.

"smart-router token ACTION --help" shows the options of an action and more examples.

Exit codes: 0 done, 1 refused (nothing is written), 2 wrong arguments, 3 written, but the running router did not take it.

Examples:
  smart-router token create --owner-user me --project lab --env prod --allow fast,default --write config.yaml
  smart-router token list --config config.yaml
  smart-router token rotate rtr_me_lab_prod_k1 --config config.yaml --grace 24h
  smart-router token revoke rtr_me_lab_prod_k1 --config config.yaml`

const ACTIONS: Readonly<Record<string, () => Promise<Command>>> = {
  create: () => import("./token/create.ts"),
  list: () => import("./token/list.ts"),
  rotate: () => import("./token/rotate.ts"),
  revoke: () => import("./token/revoke.ts"),
}

export async function run(argv: readonly string[]): Promise<number> {
  const [action, ...rest] = argv
  const load = action === undefined || !Object.hasOwn(ACTIONS, action) ? undefined : ACTIONS[action]
  if (load !== undefined) return act(await load(), rest)
  if (argv.includes("--help") || argv.includes("-h")) {
    print(HELP)
    return EXIT.ok
  }
  const known = Object.keys(ACTIONS).join(", ")
  throw new UsageError(
    action === undefined
      ? `Say what to do: ${known}.`
      : `There is no action ${JSON.stringify(action)}; there are: ${known}.`,
  )
}

async function act(command: Command, argv: readonly string[]): Promise<number> {
  try {
    return await command.run(argv)
  } catch (error) {
    if (!(error instanceof ChangeRefused)) throw error
    printError(error.message)
    return EXIT.failed
  }
}
