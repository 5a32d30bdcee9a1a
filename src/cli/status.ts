/** `smart-router status`: how the router is that runs on a configuration, on this machine. */
import { resolve } from "node:path"
import { controlPath } from "../server/control.ts"
import type { RouterStatus } from "../server/status.ts"
import { isCode } from "../system/owner-only.ts"
import { EXIT, print, printError, readArguments } from "./command.ts"
import { Interrupt } from "./interrupt.ts"
import { configPath } from "./loaded.ts"
import { statusAt } from "./running-router.ts"
import { ChangeRefused, loadText, readConfigText, usageDbPathOf } from "./token/config-file.ts"

const HELP = `Say how the router is that runs on a configuration, on this machine.

Usage: smart-router status [--config FILE] [--watch] [--json]

Options:
  --config FILE  the configuration; config.yaml in this folder by default
  --watch        say it every two seconds, until Ctrl-C
  --json         for machines; with --watch, a line each time
  -h, --help     show this

It asks through the control socket beside the usage database, which only the user of the router can open.

Exit codes: 0 it takes calls and its last reload went well, 1 something is wrong (or no router runs on it), 2 wrong arguments,
130 --watch was stopped.

Examples:
  smart-router status --config router/config.yaml
  smart-router status --json | jq .targets`

const WATCH_MS = 2000
const CLEAR_SCREEN = "\u001b[H\u001b[2J"

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { texts: ["config"], flags: ["json", "watch"] })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const file = resolve(configPath(options.text("config")))
  const isJson = options.flag("json")
  if (!options.flag("watch"))
    return await say(file, (status) => (isJson ? JSON.stringify(status, null, 2) : pretty(status)))
  using interrupt = new Interrupt()
  while (!interrupt.isPressed) {
    if (process.stdout.isTTY && !isJson) process.stdout.write(CLEAR_SCREEN)
    await say(file, (status) => (isJson ? JSON.stringify(status) : `${pretty(status)}\n`))
    await interrupt.during(Bun.sleep(WATCH_MS))
  }
  return EXIT.interrupted
}

async function say(file: string, shown: (status: RouterStatus) => string): Promise<number> {
  let status: RouterStatus
  try {
    const text = readConfigText(file)
    status = await statusAt(controlPath(usageDbPathOf(file, text, loadText(file, text))))
  } catch (error) {
    printError(whyNot(error))
    return EXIT.failed
  }
  print(shown(status))
  const isWell = status.not_ready.length === 0 && status.configuration.last_reload === "successful"
  return isWell ? EXIT.ok : EXIT.failed
}

function whyNot(error: unknown): string {
  if (error instanceof ChangeRefused) return error.message
  if (isCode(error, "ENOENT") || isCode(error, "ECONNREFUSED")) return "No router runs on this configuration here."
  if (isCode(error, "EACCES") || isCode(error, "EPERM")) return "The permission to ask the running router is missing."
  return `The running router cannot be asked: ${error instanceof Error ? error.message : String(error)}`
}

function pretty(status: RouterStatus): string {
  const { pid, version, up_since, workers, memory_bytes, not_ready, active_calls, configuration, ledger } = status
  const state = not_ready.length === 0 ? "ready" : `not ready: ${not_ready.join(", ")}`
  const { taken_at, last_reload, refused_at, reasons = [] } = configuration
  const rows = ledger.takes_rows ? "takes rows" : "takes no rows"
  const spool = ledger.spooled_bytes === 0 ? "" : `, ${ledger.spooled_bytes} bytes of calls wait in the spool`
  const hindered = status.targets.filter(({ breaker, pause }) => breaker !== "closed" || pause !== null)
  return [
    `process        ${pid}, smart-router ${version}${workers > 1 ? `, ${workers} workers` : ""}, up since ${up_since}`,
    `state          ${state}`,
    `calls          ${active_calls} in flight`,
    `memory         ${Math.round(memory_bytes / 1e6)} MB`,
    `usage database ${rows}, ${ledger.outages} outages since the start${spool}`,
    `targets        ${status.targets.length - hindered.length} of ${status.targets.length} without hindrance`,
    ...hindered.map(
      ({ group, target, breaker, pause }) =>
        `  ${group}: ${target}: ${[breaker === "closed" ? "" : `breaker ${breaker}`, pause ?? ""].filter((word) => word !== "").join(", ")}`,
    ),
    `configuration  taken ${taken_at}`,
    ...(last_reload === "successful" ? [] : [`last reload    refused ${refused_at ?? ""}`.trimEnd()]),
    ...reasons.map((reason) => `  ${reason}`),
  ].join("\n")
}
