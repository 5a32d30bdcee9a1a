/** `smart-router health`: asks a router over HTTP whether it takes calls; for containers, which hold no other client. */
import { EXIT, print, printError, readArguments, UsageError } from "./command.ts"
import { addressOf } from "../server/listen-address.ts"

const HELP = `Ask a router over HTTP whether it takes calls. Made for the health checks of containers and services.

Usage: smart-router health [--config FILE | --url URL] [--live] [--timeout SECONDS] [--json]

Options:
  --config FILE      the configuration, for server.listen; config.yaml in this folder by default
  --url URL          the router's address in its place, like http://127.0.0.1:8080
  --live             ask only whether the process answers (/healthz), not whether it takes calls (/readyz)
  --timeout SECONDS  how long to wait; 5 by default
  --json             print what the router answers
  -h, --help         show this

Exit codes: 0 well, 1 not well or not there, 2 wrong arguments.

Examples:
  smart-router health --url http://127.0.0.1:8080
  smart-router health --config router/config.yaml --live`

const DEFAULT_TIMEOUT_S = 5
const LONGEST_TIMEOUT_S = 600

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { texts: ["config", "url", "timeout"], flags: ["live", "json"] })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const seconds = Number(options.text("timeout") ?? DEFAULT_TIMEOUT_S)
  if (!(seconds > 0 && seconds <= LONGEST_TIMEOUT_S))
    throw new UsageError(`The option --timeout takes seconds up to ${LONGEST_TIMEOUT_S}.`)
  const base = options.text("url") ?? (await urlOf(options.text("config")))
  if (base === null) return EXIT.failed
  const url = urlAt(base, options.flag("live") ? "/healthz" : "/readyz")
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(seconds * 1000), redirect: "manual" })
    const text = await response.text()
    if (options.flag("json")) print(text)
    else if (response.ok) print(`${url.origin} is well.`)
    else printError(`${url.origin} is not well: ${partsOf(text) ?? `status ${response.status}`}.`)
    return response.ok ? EXIT.ok : EXIT.failed
  } catch (error) {
    const isLate = error instanceof Error && error.name === "TimeoutError"
    const reason = isLate ? `it does not answer in ${seconds} s` : "no connection can be made to it"
    printError(`${url.origin} is not well: ${reason}.`)
    return EXIT.failed
  }
}

function urlAt(base: string, path: string): URL {
  const url = URL.parse(path, base)
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new UsageError("The option --url takes an address like http://127.0.0.1:8080.")
  return url
}

/** Null: the configuration cannot be read, and why was printed. */
async function urlOf(file: string | undefined): Promise<string | null> {
  // asked every few seconds: the compiler of configurations is loaded only where it is needed
  const { configPath, loaded } = await import("./loaded.ts")
  const result = await loaded(configPath(file))
  if (result === null) return null
  const { hostname, port } = addressOf(result.config.server.listen)
  const host = ["0.0.0.0", "::", ""].includes(hostname) ? "127.0.0.1" : hostname
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`
}

/** The parts that `/readyz` names; null: the answer is another one. */
function partsOf(text: string): string | null {
  try {
    const { parts } = JSON.parse(text) as { readonly parts?: unknown }
    return Array.isArray(parts) ? `${parts.map(String).join(", ")} not usable` : null
  } catch {
    return null
  }
}
