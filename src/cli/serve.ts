/** `smart-router serve`: runs the router until it is told to stop. */
import { rmSync } from "node:fs"
import type { Config } from "../config/config.ts"
import { prepareConsole } from "../console/assets.ts"
import { readShown } from "./load-shown.ts"
import { ConfigRefused, startRouter, type RunningRouter, type StartOptions } from "../server/start.ts"
import { systemClock } from "../system/clock.ts"
import { jsonLog, type Log } from "../system/log.ts"
import { writeReadableFile } from "../system/owner-only.ts"
import { type ServiceManager, serviceManager } from "../system/service-manager.ts"
import { EXIT, print, printError, readArguments } from "./command.ts"
import { pretty, sourceFor } from "./findings-text.ts"
import { environmentNotices, givenEnvironment } from "./environment.ts"
import { configPath } from "./loaded.ts"
import { ensureRuntimeSettings, ownCommand } from "./reexec.ts"
import { listenToParent, workerOrder, type WorkerOrder } from "./worker.ts"
import { startWorkers } from "./workers.ts"

const HELP = `Serve calls by a configuration file, until the process is told to stop.

Usage: smart-router serve [--config FILE] [--pid-file FILE] [--strict]

Serves the configured model groups until SIGTERM or SIGINT; calls in flight are finished first.
SIGHUP reads the configuration again: it is taken whole or refused whole, calls in flight keep theirs.
With server.workers above 1 this process starts so many others, which serve one address; it passes signals on to them.

Options:
  --config FILE    the configuration (see: smart-router init, smart-router check); config.yaml in this folder by default
  --pid-file FILE  holds the number of this process while it serves
  --strict         do not start where a group has activation: required and no target of it is proven
  -h, --help       show this

Exit codes: 0 stopped on request; 1 the configuration is refused, the address is taken, or the usage database cannot be
opened; 2 wrong arguments.

Examples:
  smart-router serve --config config.yaml
  smart-router reload --config config.yaml     after a change of the file`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { texts: ["config", "pid-file"], flags: ["strict"] })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const path = configPath(options.text("config"))
  const pidFile = options.text("pid-file")
  const isStrict = options.flag("strict")
  const order = workerOrder(givenEnvironment())
  if (order !== null) return serveAsWorker(path, order, isStrict)
  ensureRuntimeSettings(givenEnvironment())
  const loaded = await readShown({ path, env: givenEnvironment() })
  const { config } = loaded
  if (config !== null && config.server.workers > 1) return serveWithWorkers(path, config, pidFile, isStrict)
  const source = sourceFor(process.stderr, path)
  if (config === null && source !== null) {
    printError(`smart-router serve: cannot start.\n\n${pretty(path, loaded.findings, { source })}`)
    return EXIT.failed
  }
  const router = await start(path, { loaded, isStrict })
  if (router === null) return 1
  if (config?.server.admin_reports.enabled === true) void prepareConsole()
  // whoever reads that it is ready may send a signal at once
  const stopped = untilStopped(router)
  announce(router.url, pidFile, router.log)
  await stopped
  if (pidFile !== undefined) rmSync(pidFile, { force: true })
  // whatever is still open must not keep the process
  process.exit(0)
}

function announce(url: string, pidFile: string | undefined, log: Log): void {
  if (pidFile !== undefined) writeReadableFile(pidFile, `${process.pid}\n`)
  process.stdout.write(`smart-router is ready on ${url}\n`)
  void managerOf(log).ready(`serving on ${url}`)
}

function managerOf(log: Log): ServiceManager {
  return serviceManager(givenEnvironment()["NOTIFY_SOCKET"], log)
}

type Further = Pick<StartOptions, "isStrict" | "loaded" | "listen" | "worker">

async function start(path: string, further: Further): Promise<RunningRouter | null> {
  try {
    const router = await startRouter({
      configPath: path,
      env: givenEnvironment(),
      onReloadRequest: (listener) => {
        process.on("SIGHUP", listener)
        return () => process.off("SIGHUP", listener)
      },
      ...further,
    })
    // said once, not by every worker
    if ((further.worker?.number ?? 1) === 1) {
      for (const finding of router.findings) {
        const { severity, code, message } = finding
        router.log[severity === "info" ? "info" : "warn"](message, { code, path: finding.path })
      }
      for (const { severity, message } of environmentNotices(givenEnvironment()))
        router.log[severity === "warning" ? "warn" : "info"](message, { code: "environment" })
    }
    return router
  } catch (error) {
    cannotStart(path, error)
    return null
  }
}

function cannotStart(path: string, error: unknown): void {
  const reason = reasonOf(error)
  const hint = error instanceof ConfigRefused ? `\nRun \`smart-router check --config ${path}\` for all findings.` : ""
  process.stderr.write(`smart-router serve: cannot start: ${reason}${hint}\n`)
}

/** With the causes that it does not tell itself. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? "" : reasonOf(error.cause)
  return cause === "" || error.message.includes(cause) ? error.message : `${error.message} (${cause})`
}

/** A second signal cuts the calls that are still in flight. */
async function untilStopped(router: RunningRouter): Promise<void> {
  let asked = false
  const stop = (): void => {
    if (asked) process.exit(1)
    asked = true
    router.log.info("stopping: calls in flight are finished first")
    void managerOf(router.log).stopping()
    void router.stop()
  }
  process.on("SIGTERM", stop)
  process.on("SIGINT", stop)
  await router.finished
}

async function serveWithWorkers(
  path: string,
  config: Config,
  pidFile: string | undefined,
  isStrict: boolean,
): Promise<number> {
  const log = jsonLog(systemClock)
  const command = [...ownCommand(), "serve", "--config", path, ...(isStrict ? ["--strict"] : [])]
  try {
    const workers = await startWorkers({ config, command, log, monotonicMs: () => systemClock.monotonicMs() })
    process.on("SIGHUP", () => workers.reload())
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        log.info("stopping: calls in flight are finished first")
        void managerOf(log).stopping()
        workers.stop()
      })
    }
    announce(workers.url, pidFile, log)
    const code = await workers.finished
    if (pidFile !== undefined) rmSync(pidFile, { force: true })
    return code
  } catch (error) {
    cannotStart(path, error)
    return 1
  }
}

/** Signals may come twice, from the terminal or the service manager and from the parent: only the parent cuts calls. */
async function serveAsWorker(path: string, order: WorkerOrder, isStrict: boolean): Promise<number> {
  let router: RunningRouter | null = null
  const stop = (): void => {
    if (router === null) process.exit(0)
    void router.stop()
  }
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, stop)
  const { whenAllAreUp } = listenToParent(stop)
  const { listen, number } = order
  router = await start(path, { listen, isStrict, worker: { number, whenAllAreUp } })
  // standard input is open, and would keep the process
  if (router === null) process.exit(1)
  process.stdout.write(`smart-router is ready on ${router.url}\n`)
  await router.finished
  process.exit(0)
}
