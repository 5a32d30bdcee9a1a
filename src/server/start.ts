/** Starts a router from a configuration file, and stops it without losing a call. */
import { compile, type CompileOptions } from "../config/compile/compile.ts"
import type { Config } from "../config/config.ts"
import type { Finding } from "../config/findings.ts"
import { readMeanwhile } from "../config/load-apart.ts"
import { readConfiguration, type Reading } from "../config/reading.ts"
import { startReloading, type Reloader, type ReloadStatus, type UsableReading } from "../config/reload/reload.ts"
import { systemWatchTools } from "../config/reload/watch.ts"
import { openLedger, type LedgerStore } from "../ledger/open.ts"
import { Metrics } from "../metrics/metrics.ts"
import type { Snapshot } from "../config/snapshot.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import { ScriptRefused } from "../routing/script/refused.ts"
import { openRequestLog, type RequestLog } from "../request-log/open.ts"
import { systemClock, type Clock } from "../system/clock.ts"
import { jsonLog, type Log } from "../system/log.ts"
import { migrationProgress } from "../system/progress.ts"
import { systemRandom } from "../system/random.ts"
import { Activation } from "./activation.ts"
import { type Administration, openAdministration } from "./administration.ts"
import { type ControlOptions, HELD, METRICS, openControl, RELOAD, reloadAnswer, STATUS } from "./control.ts"
import { heldLimits } from "./held-limits.ts"
import { InstallationMarks } from "./issuer-marks.ts"
import { statusOf } from "./status.ts"
import { recoverLeftovers } from "./leftovers.ts"
import { addressOf } from "./listen-address.ts"
import { listen } from "./listen.ts"
import { engineFollower, USER_AGENT } from "./engines.ts"
import { openPeers } from "./peers.ts"
import { openPolicies, type Policies } from "./policies.ts"
import { openRouterReports } from "./reports.ts"
import { journalPaths, processFiles, type ProcessFiles, type WorkerNumber } from "./process-files.ts"
import { adoptLimits } from "./restore-limits.ts"
import { checksBy } from "./run-checks.ts"
import { openRetention, type Retention } from "./retention.ts"
import { gatewayOf, type RunningGateway } from "./running-gateway.ts"
import { forgetOldEvents } from "./security-retention.ts"
import { stopper, type Stopper } from "./stop.ts"
import { tagKeeper, type TagKeeper } from "./tags.ts"
import { type CallTaker, callTaker } from "./take-in.ts"
import type { Telemetry } from "../telemetry/telemetry.ts"
import { followTelemetry, openTelemetry } from "./telemetry.ts"
import { metricsText, type Watched, writeFamilies } from "./metrics.ts"
import { crewOf } from "./worker-pages.ts"

export interface StartOptions {
  readonly configPath: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** What the file says, where it was read already. */
  readonly loaded?: Reading
  /** In place of `server.listen`. */
  readonly listen?: { readonly hostname: string; readonly port: number }
  readonly log?: Log
  /** By which everything happens: tests hold it. */
  readonly clock?: Clock
  /** Refuses to start where a group demands proofs of its targets, and there are none of any. */
  readonly isStrict?: boolean
  /** One of several processes on the address. */
  readonly worker?: { readonly number: number; readonly whenAllAreUp: Promise<void> }
  /** The usage database holds invented calls, which pages of reports say. */
  readonly isSample?: boolean
  /** Calls the listener when the operator asks for a reload (SIGHUP); returns how to stop that. */
  readonly onReloadRequest?: (listener: () => void) => () => void
}

export interface RunningRouter extends Stopper, CallTaker {
  readonly url: string
  readonly findings: readonly Finding[]
  readonly log: Log
  /** The address by which the administrator of that name signs in, once. */
  signInLink(username: string): Promise<string>
}

/** A group has no target that may serve, and the operator asked not to start then. */
export class UnprovenRefused extends Error {}

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

/** How long a stream may be silent before its client is sent a keep-alive: with the time to find it out, 15 s. */
const KEEP_ALIVE_AFTER_MS = 14_500

/** @throws ConfigRefused; Error when the address is taken or the usage database cannot be opened */
export async function startRouter(options: StartOptions): Promise<RunningRouter> {
  const { configPath: path, env, worker, clock = systemClock } = options
  const loaded = usable(options.loaded ?? (await readConfiguration({ path, env })))
  const { config, callers } = loaded
  const number = worker?.number ?? null
  const { telemetry, log } = openTelemetry(options.log ?? jsonLog(clock), clock, number)
  const files = processFiles(config, number)
  if (worker === undefined) await takeOver(config, [null], log, clock)
  const policies = openPolicies(clock, log)
  const marks = new InstallationMarks()
  const snapshot = compile(config, optionsFrom(loaded, marks))
  const scriptFiles = await policies.prepare(snapshot)
  const metrics = new Metrics()
  followTelemetry(snapshot, { metrics, telemetry })
  const ledger = await openStore(config, files, log, clock, metrics)
  const requestLog = openLog(config, files, log, clock)
  await marks.learn(ledger, clock, systemRandom())
  try {
    const journals = journalPaths(config, files, number)
    const inForce: InForce = { reading: loaded }
    const activation = await activationOf(snapshot, ledger, options, inForce, { clock, log })
    const given = { requestLog, metrics, telemetry, marks, activation, clock, log }
    const gateway = await gatewayOf(config, snapshot, policies, journals, ledger, given)
    const peers = await openPeers(config, gateway)
    if (worker !== undefined) void awaitOthers(gateway, worker.whenAllAreUp)
    const engines = engineFollower(gateway)
    const tags = tagKeeper(callers.table.tags, ledger, clock, log)
    const reports = openRouterReports(config, { clock, log, commits: () => metrics.commitCalls.count })
    const reloads = (): ReloadStatus => reloader.status()
    const retention = openRetention(config, { reports: reports.thread, clock, log })
    const means = { gateway, ledger, marks, retention, reloads, reports: reports.thread, findings: loaded.findings }
    const administration = await openAdministration(config, { ...means, isSample: options.isSample ?? false })
    const events = forgetOldEvents(() => gateway.snapshot, ledger.security, clock)
    const crew = crewOf(config, number, { clock, log })
    const watched = { activation, metrics, worker: number, crew, ledger, requestLog, retention, reloads, telemetry }
    telemetry.collects((out) => writeFamilies(out, gateway, watched))
    const parts = { store: ledger, watched, ...administration, rehearsed: policies.rehearsed }
    const listener = listen(gateway, parts, doorOf(options, config))
    const following = { engines, marks, tags, retention, activation, metrics, telemetry }
    const changing = { gateway, ledger, policies, administration, inForce, ...following }
    const running = { ...loaded, files: [...loaded.files, ...scriptFiles] }
    const reloader: Reloader = reloaderOf(running, changing, options)
    const answers = answersOf(gateway, ledger, reloader, watched)
    const control = await openControl({ path: files.controlPath, answers, log })
    gateway.background.start(gateway)
    const doors = [control, reloader, engines, policies, marks, tags, events, administration.admin]
    const closing = [peers, retention, activation, reports, ledger, requestLog, telemetry]
    const stopping = stopper(gateway, listener, doors, closing)
    const { url } = listener
    const signInLink = async (name: string): Promise<string> => url + (await administration.entrance.linkFor(name))
    return { url, findings: loaded.findings, log, signInLink, takeIn: callTaker(gateway, ledger), ...stopping }
  } catch (error) {
    policies.close()
    await Promise.all([ledger.close(), requestLog.close(), telemetry.close()])
    throw error
  }
}

function reloaderOf(
  running: UsableReading,
  changing: Changing,
  { configPath: path, env, onReloadRequest }: StartOptions,
): Reloader {
  const { clock, log } = changing.gateway
  return startReloading({
    running,
    load: (before) => readMeanwhile({ path, env, before }),
    apply: (next) => takeConfig(next, changing),
    filesBehind: (error) => (error instanceof ScriptRefused ? error.files : []),
    log,
    now: () => clock.now(),
    onRequest: onReloadRequest ?? (() => () => {}),
    watchTools: systemWatchTools(clock),
  })
}

function doorOf({ listen: wanted, worker }: StartOptions, { server }: Config): Parameters<typeof listen>[2] {
  const isShared = worker !== undefined
  return { ...(wanted ?? addressOf(server.listen)), isShared, keepAliveAfterMs: KEEP_ALIVE_AFTER_MS }
}

function usable(reading: Reading): UsableReading {
  const { config, callers } = reading
  if (config === null || callers === null) throw new ConfigRefused(reading.findings)
  return { ...reading, config, callers }
}

/** What commands ask of a running router. */
function answersOf(
  gateway: Gateway,
  ledger: LedgerStore,
  reloader: Reloader,
  watched: Watched,
): ControlOptions["answers"] {
  return {
    [RELOAD]: async () => reloadAnswer(await reloader.reload()),
    [STATUS]: () => statusOf(gateway, ledger, reloader.status()),
    [HELD]: () => heldLimits(gateway),
    [METRICS]: async () => ({ text: await metricsText(gateway, watched) }),
  }
}

interface Changing {
  readonly gateway: RunningGateway
  readonly ledger: LedgerStore
  readonly policies: Policies
  readonly administration: Administration
  readonly engines: ReturnType<typeof engineFollower>
  readonly marks: InstallationMarks
  readonly tags: TagKeeper
  readonly retention: Retention
  readonly activation: Activation
  readonly metrics: Metrics
  readonly telemetry: Telemetry
  readonly inForce: InForce
}

interface InForce {
  reading: UsableReading
}

/** Puts a configuration into force. Resolves with the files of its scripts. */
async function takeConfig(next: UsableReading, parts: Changing): Promise<readonly string[]> {
  const { gateway, ledger, policies, administration, engines, marks, tags, retention, activation, inForce } = parts
  const { clock } = gateway
  const changed = compile(next.config, optionsFrom(next, marks))
  const scripts = await policies.prepare(changed)
  await administration.follow(next, changed.admin)
  await activation.prepare(changed)
  const { state } = gateway.governance
  const isKnown = await adoptLimits(changed, gateway.snapshot, state, ledger, clock, () => {
    gateway.health.adopt(changed, clock.monotonicMs())
    gateway.live.keep(changed.groups.values())
    gateway.snapshot = changed
    gateway.cache.adopt(changed.cache)
    gateway.captures.follow(changed.capture)
    activation.follow(changed)
    inForce.reading = next
  })
  if (!isKnown) gateway.totals.again()
  engines.follow(changed)
  followTelemetry(changed, parts)
  retention.follow(next.config)
  if (next.callers.hasNewTags) tags.follow(next.callers.table.tags)
  return scripts
}

/** Brings the schema up to date, which several processes at once would hinder one another in. */
export async function prepareStore(config: Config, first: WorkerNumber, log: Log): Promise<void> {
  const store = await openStore(config, processFiles(config, first), log, systemClock)
  await store.close()
}

async function awaitOthers(gateway: Gateway, whenAllAreUp: Promise<void>): Promise<void> {
  gateway.starting = true
  await whenAllAreUp
  gateway.starting = false
}

/** What is proven of targets, as the ledger has it now. @throws UnprovenRefused */
async function activationOf(
  snapshot: Snapshot,
  { activation: rows }: LedgerStore,
  { isStrict = false, configPath, env }: StartOptions,
  inForce: InForce,
  { clock, log }: Pick<Gateway, "clock" | "log">,
): Promise<Activation> {
  const random = systemRandom()
  const runChecks = checksBy({ configPath, env, start: startRouter, current: () => inForce.reading, clock, random })
  const activation = new Activation({ rows, snapshot, clock, log, holder: random.hex(8), runChecks })
  await activation.prepare(snapshot)
  activation.tell()
  const refused = isStrict ? activation.unproven().filter((group) => group.activation?.mode === "required") : []
  if (refused.length === 0) return activation
  await activation.close()
  const names = refused.map(({ name }) => name).join(", ")
  throw new UnprovenRefused(`no target is proven of the model groups ${names}: run smart-router validate`)
}

function openLog({ server }: Config, { requestLogPath: path }: ProcessFiles, log: Log, clock: Clock): RequestLog {
  const { rotate_mb: rotateMb, keep } = server.logging
  return openRequestLog({ path, rotateMb, keep, clock, log })
}

function openStore(
  config: Config,
  { spoolPath }: ProcessFiles,
  log: Log,
  clock: Clock,
  metrics?: Metrics,
): Promise<LedgerStore> {
  const { driver, path, dsn, durability, on_unavailable: onUnavailable } = config.server.usage_db
  const address = driver === "postgres" ? { dsn } : {}
  const onCommit = metrics === undefined ? undefined : (calls: number, ms: number) => metrics.committed(calls, ms)
  const onMigration = migrationProgress(process.stderr)
  return openLedger({ path, ...address, durability, onUnavailable, clock, log, spoolPath, onCommit, onMigration })
}

/** Whatever processes left that are not among `workers`. */
export function takeOver(config: Config, workers: readonly WorkerNumber[], log: Log, clock: Clock): Promise<void> {
  const open = (files: ProcessFiles): Promise<LedgerStore> => openStore(config, files, log, clock)
  return recoverLeftovers({ config, workers, openStore: open, clock, log })
}

function optionsFrom({ lineOf, admin, callers }: UsableReading, marks: InstallationMarks): CompileOptions {
  return { userAgent: USER_AGENT, lineOf, admin, marks, callers: callers.table }
}
