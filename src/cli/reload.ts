/** `smart-router reload`: has the running router take its configuration, and says whether it did. */
import { resolve } from "node:path"
import { digestOf } from "../config/load.ts"
import { EXIT, print, printError, readArguments } from "./command.ts"
import { configPath } from "./loaded.ts"
import { reloadRunningRouter, type RouterAnswer, routerAnswerText } from "./running-router.ts"
import { ChangeRefused, loadText, readCallerTexts, usageDbPathOf } from "./token/config-file.ts"

const HELP = `Have the running router take its configuration, and say whether it did.

Usage: smart-router reload [--config FILE] [--json]

Options:
  --config FILE  the configuration; config.yaml in this folder by default
  --json         for machines
  -h, --help     show this

The configuration is taken whole or refused whole; calls in flight keep theirs. A router that refuses it says why, and
goes on with the configuration before.

Exit codes: 0 taken, 1 no router runs on it here or none can be reached, 2 wrong arguments, 3 refused.

Examples:
  smart-router check --config router/config.yaml && smart-router reload --config router/config.yaml`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { texts: ["config"], flags: ["json"] })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const file = resolve(configPath(options.text("config")))
  let answer: RouterAnswer
  try {
    const { text, callers } = readCallerTexts(file)
    const digests = [text, ...(callers === null ? [] : [callers.text])].map(digestOf)
    answer = await reloadRunningRouter(usageDbPathOf(file, text, loadText(file, text)), digests.join(" "))
  } catch (error) {
    if (!(error instanceof ChangeRefused)) throw error
    printError(error.message)
    return EXIT.failed
  }
  if (options.flag("json")) print(JSON.stringify(answer, null, 2))
  else if (answer.is === "taken") print(`The running router (process ${answer.pid}) has taken ${file}.`)
  else printError(answer.is === "none" ? `No router runs on ${file} here.` : routerAnswerText(answer))
  return EXITS[answer.is]
}

const EXITS: Readonly<Record<RouterAnswer["is"], number>> = {
  taken: EXIT.ok,
  none: EXIT.failed,
  unreachable: EXIT.failed,
  refused: EXIT.notTaken,
  "other-file": EXIT.notTaken,
}
