/** `smart-router serve`: runs the router until it is told to stop. */
import { parseArgs } from "node:util"
import { ConfigRefused, startRouter, type RunningRouter } from "../server/start.ts"
import { ensureRuntimeSettings } from "./reexec.ts"

const HELP = `Usage: smart-router serve --config FILE

Serves the configured model groups until SIGTERM or SIGINT; calls in flight are finished first.
SIGHUP reads the configuration again: it is taken whole or refused whole, calls in flight keep theirs.

Options
  --config FILE   the configuration (see: smart-router init, smart-router check)
  -h, --help      this text

Examples
  smart-router serve --config config.yaml
  kill -HUP <pid>          # after a change of the file

Exit codes
  0  stopped on request
  1  the configuration is refused, the address is taken, or the usage database cannot be opened
  2  wrong arguments
`

export async function run(argv: readonly string[]): Promise<number> {
  let path: string | undefined
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { config: { type: "string" }, help: { type: "boolean", short: "h" } },
    })
    if (values.help === true) {
      process.stdout.write(HELP)
      return 0
    }
    path = values.config
  } catch (error) {
    return usageError(error instanceof Error ? error.message : String(error))
  }
  if (path === undefined) return usageError("--config FILE is missing")
  ensureRuntimeSettings()
  const router = await start(path)
  if (router === null) return 1
  await untilStopped(router)
  return 0
}

function usageError(message: string): number {
  process.stderr.write(`smart-router serve: ${message}\n\n${HELP}`)
  return 2
}

async function start(configPath: string): Promise<RunningRouter | null> {
  try {
    const router = await startRouter({
      configPath,
      env: process.env,
      onReloadRequest: (listener) => {
        process.on("SIGHUP", listener)
        return () => process.off("SIGHUP", listener)
      },
    })
    for (const { code, path, message } of router.findings) router.log.warn(message, { code, path })
    process.stdout.write(`smart-router is ready on ${router.url}\n`)
    return router
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const hint =
      error instanceof ConfigRefused ? `\nRun \`smart-router check --config ${configPath}\` for all findings.` : ""
    process.stderr.write(`smart-router serve: cannot start: ${reason}${hint}\n`)
    return null
  }
}

/** A second signal cuts the calls that are still in flight. */
async function untilStopped(router: RunningRouter): Promise<void> {
  let asked = false
  const stop = (): void => {
    if (asked) process.exit(1)
    asked = true
    router.log.info("stopping: calls in flight are finished first")
    void router.stop()
  }
  process.on("SIGTERM", stop)
  process.on("SIGINT", stop)
  await router.finished
}
