/** `smart-router status`: how the router is that runs on a configuration, on this machine. */
import { resolve } from "node:path"
import { controlPath } from "../server/control.ts"
import type { RouterStatus } from "../server/status.ts"
import { isCode } from "../system/owner-only.ts"
import { EXIT, print, printError, readArguments } from "./command.ts"
import { configPath } from "./loaded.ts"
import { statusAt } from "./running-router.ts"
import { ChangeRefused, loadText, readConfigText, usageDbPathOf } from "./token/config-file.ts"

const HELP = `Say how the router is that runs on a configuration, on this machine.

Usage: smart-router status [--config FILE] [--json]

Options:
  --config FILE  the configuration; config.yaml in this folder by default
  --json         for machines
  -h, --help     show this

It asks through the control socket beside the usage database, which only the user of the router can open.

Exit codes: 0 it takes calls and its last reload went well, 1 something is wrong (or no router runs on it), 2 wrong arguments.

Examples:
  smart-router status --config router/config.yaml
  smart-router status --json | jq .configuration`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { texts: ["config"], flags: ["json"] })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const file = resolve(configPath(options.text("config")))
  let status: RouterStatus
  try {
    const text = readConfigText(file)
    status = await statusAt(controlPath(usageDbPathOf(file, text, loadText(file, text))))
  } catch (error) {
    printError(whyNot(error))
    return EXIT.failed
  }
  print(options.flag("json") ? JSON.stringify(status, null, 2) : pretty(status))
  const isWell = status.not_ready.length === 0 && status.configuration.last_reload === "successful"
  return isWell ? EXIT.ok : EXIT.failed
}

function whyNot(error: unknown): string {
  if (error instanceof ChangeRefused) return error.message
  if (isCode(error, "ENOENT") || isCode(error, "ECONNREFUSED")) return "No router runs on this configuration here."
  if (isCode(error, "EACCES") || isCode(error, "EPERM")) return "The permission to ask the running router is missing."
  return `The running router cannot be asked: ${error instanceof Error ? error.message : String(error)}`
}

function pretty({ pid, version, not_ready, active_calls, configuration }: RouterStatus): string {
  const state = not_ready.length === 0 ? "ready" : `not ready: ${not_ready.join(", ")}`
  const { taken_at, last_reload, refused_at, reasons = [] } = configuration
  return [
    `process        ${pid}, smart-router ${version}`,
    `state          ${state}`,
    `calls          ${active_calls} in flight`,
    `configuration  taken ${taken_at}`,
    ...(last_reload === "successful" ? [] : [`last reload    refused ${refused_at ?? ""}`.trimEnd()]),
    ...reasons.map((reason) => `  ${reason}`),
  ].join("\n")
}
