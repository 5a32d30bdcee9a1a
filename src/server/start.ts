/** Starts a router from a configuration file, and stops it without losing a call. */
import { compile } from "../config/compile.ts"
import type { Config } from "../config/config.ts"
import type { Finding } from "../config/findings.ts"
import { loadConfig, type LoadResult } from "../config/load.ts"
import { startReloading, type Reloader } from "../config/reload.ts"
import { systemWatchTools } from "../config/watch.ts"
import type { Snapshot } from "../config/snapshot.ts"
import { openLedger, type LedgerStore } from "../ledger/open.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import { Watchdog } from "../pipeline/watchdog.ts"
import { openRequestLog, type RequestLog } from "../request-log/open.ts"
import { Health } from "../upstream/health.ts"
import { NOTHING_OBSERVED } from "../routing/live-view.ts"
import { STRATEGIES } from "../routing/strategy.ts"
import { Upstream } from "../upstream/send.ts"
import { buildInfo } from "../system/build-info.ts"
import { systemClock } from "../system/clock.ts"
import { jsonLog, type Log } from "../system/log.ts"
import { systemRandom } from "../system/random.ts"
import { listen, type Listener } from "./listen.ts"
import { openPolicies, type Policies } from "./policies.ts"

export interface StartOptions {
  readonly configPath: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** In place of `server.listen`. */
  readonly listen?: { readonly hostname: string; readonly port: number }
  /** How long a stream may be silent before the client is sent a keep-alive; 15 s. */
  readonly keepAliveAfterMs?: number
  readonly log?: Log
  /** Calls the listener when the operator asks for a reload (SIGHUP); returns how to stop that. */
  readonly onReloadRequest?: (listener: () => void) => () => void
}

export interface RunningRouter {
  readonly url: string
  readonly config: Config
  readonly findings: readonly Finding[]
  readonly log: Log
  /** Refuses new calls, lets those in flight finish (`graceMs`, then they are cut), and closes everything. */
  stop(graceMs?: number): Promise<void>
  readonly finished: Promise<void>
}

/** The configuration cannot be used; the findings say why. */
export class ConfigRefused extends Error {
  readonly findings: readonly Finding[]

  constructor(findings: readonly Finding[]) {
    const errors = findings.filter((finding) => finding.severity === "error")
    super(errors.map(({ line, column, path, message }) => `${line}:${column} ${path} ${message}`).join("\n"))
    this.name = "ConfigRefused"
    this.findings = findings
  }
}

const GRACE_MS = 30_000
const FLUSH_MS = 100
const KEEP_ALIVE_AFTER_MS = 15_000

/** @throws ConfigRefused; Error when the address is taken or the usage database cannot be opened */
export async function startRouter(options: StartOptions): Promise<RunningRouter> {
  const load = (): LoadResult => loadConfig({ path: options.configPath, env: options.env })
  const loaded = load()
  const { config } = loaded
  if (config === null) throw new ConfigRefused(loaded.findings)
  refuseInactive(config)
  const log = options.log ?? jsonLog(systemClock)
  const policies = openPolicies(systemClock, log)
  const snapshot = snapshotOf(config)
  const scriptFiles = await policies.prepare(snapshot)
  const ledger = await openStore(config, log)
  const requestLog = openRequestLog({
    path: config.server.logging.path,
    rotateMb: config.server.logging.rotate_mb,
    keep: config.server.logging.keep,
    clock: systemClock,
    log,
  })
  const gateway = gatewayOf(snapshot, policies, ledger, requestLog, log)
  try {
    const listener = listen(gateway, ledger, {
      ...(options.listen ?? addressOf(config.server.listen)),
      keepAliveAfterMs: options.keepAliveAfterMs ?? KEEP_ALIVE_AFTER_MS,
    })
    const reloader = startReloading({
      running: { ...loaded, config, files: [...loaded.files, ...scriptFiles] },
      load,
      apply: async (next) => {
        const changed = snapshotOf(next)
        const files = await policies.prepare(changed)
        gateway.health.adopt(changed, gateway.clock.monotonicMs())
        gateway.snapshot = changed
        return files
      },
      log,
      onRequest: options.onReloadRequest ?? (() => () => {}),
      watchTools: systemWatchTools,
    })
    const { stop, finished } = stopper(gateway, listener, reloader, policies, ledger, requestLog)
    return { url: listener.url, config, findings: loaded.findings, log, stop, finished }
  } catch (error) {
    policies.close()
    await Promise.all([ledger.close(), requestLog.close()])
    throw error
  }
}

/** Where silence would put data or limits in the wrong place, a feature that is not built yet stops the start. */
function refuseInactive(config: Config): void {
  const { usage_db: usageDb, state, workers } = config.server
  const wishes = [
    ...(usageDb.driver === "sqlite" ? [] : [`server.usage_db.driver: ${usageDb.driver}`]),
    ...(state.driver === "memory" ? [] : [`server.state.driver: ${state.driver}`]),
    ...(workers === 1 ? [] : [`server.workers: ${workers}`]),
  ]
  if (wishes.length > 0) throw new Error(`not active yet, so the router does not start with it: ${wishes.join(", ")}`)
}

function openStore(config: Config, log: Log): Promise<LedgerStore> {
  const { path, durability, on_unavailable: onUnavailable } = config.server.usage_db
  return openLedger({ path, durability, onUnavailable, clock: systemClock, log })
}

function gatewayOf(
  snapshot: Snapshot,
  policies: Policies,
  ledger: LedgerStore,
  requestLog: RequestLog,
  log: Log,
): Gateway {
  const { version } = buildInfo
  const health = new Health()
  health.adopt(snapshot, systemClock.monotonicMs())
  return {
    snapshot,
    ledger,
    requestLog,
    clock: systemClock,
    random: systemRandom(),
    log,
    watchdog: new Watchdog(systemClock),
    upstream: new Upstream(systemClock),
    health,
    strategies: { ...STRATEGIES, ...policies.strategies },
    feedback: policies.feedback,
    live: NOTHING_OBSERVED,
    version,
    draining: false,
    active: 0,
  }
}

function snapshotOf(config: Config): Snapshot {
  return compile(config, { userAgent: `smart-router/${buildInfo.version}` })
}

function stopper(
  gateway: Gateway,
  listener: Listener,
  reloader: Reloader,
  policies: Policies,
  ledger: LedgerStore,
  requestLog: RequestLog,
): Pick<RunningRouter, "stop" | "finished"> {
  const finished = Promise.withResolvers<void>()
  const stop = async (graceMs: number): Promise<void> => {
    reloader.close()
    gateway.draining = true
    await idle(gateway, graceMs)
    // idle connections close at once; the last bytes of the others are on their way
    listener.close(false)
    await Bun.sleep(FLUSH_MS)
    listener.close(true)
    await idle(gateway, FLUSH_MS)
    gateway.watchdog.stop()
    gateway.upstream.close()
    policies.close()
    await Promise.all([ledger.close(), requestLog.close()])
    finished.resolve()
  }
  let stopping: Promise<void> | null = null
  return { stop: (graceMs = GRACE_MS) => (stopping ??= stop(graceMs)), finished: finished.promise }
}

/** Waits until no call is in flight, at most `withinMs`. */
async function idle(gateway: Gateway, withinMs: number): Promise<void> {
  const until = gateway.clock.monotonicMs() + withinMs
  while (gateway.active > 0 && gateway.clock.monotonicMs() < until) await Bun.sleep(10)
}

/** `host:port`, `[::1]:port` or `:port`. */
function addressOf(text: string): { hostname: string; port: number } {
  const at = text.lastIndexOf(":")
  const hostname = text.slice(0, at).replace(/^\[|\]$/g, "")
  return { hostname: hostname === "" ? "0.0.0.0" : hostname, port: Number(text.slice(at + 1)) }
}
