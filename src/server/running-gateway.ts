/** Everything that the life of a call needs, opened for a router that serves. */
import { statfs } from "node:fs/promises"
import { dirname } from "node:path"
import { Captures } from "../capture/captures.ts"
import { Sealer } from "../capture/sealer.ts"
import type { Config } from "../config/config.ts"
import type { Snapshot } from "../config/snapshot.ts"
import type { LedgerStore } from "../ledger/open.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import { Intake } from "../pipeline/call/body-memory.ts"
import { Shadows } from "../pipeline/rehearsal/shadow.ts"
import { Watchdog } from "../pipeline/call/watchdog.ts"
import { Observations } from "../routing/observations.ts"
import { STRATEGIES } from "../routing/strategies.ts"
import { buildInfo } from "../system/build-info.ts"
import { Loop } from "../system/loop.ts"
import { systemRandom } from "../system/random.ts"
import { Health } from "../upstream/health.ts"
import { Upstream } from "../upstream/send.ts"
import { BackgroundFollower } from "../pipeline/aside/background.ts"
import type { Activation } from "./activation.ts"
import { ApartThread } from "./apart.ts"
import { openCache } from "./cache.ts"
import { upstreamSockets } from "./connection-bounds.ts"
import { startGoverning } from "./govern.ts"
import type { InstallationMarks } from "./issuer-marks.ts"
import type { LateTotals } from "./late-totals.ts"
import { openPins } from "./pins.ts"
import type { Policies } from "./policies.ts"

export interface RunningGateway extends Gateway {
  readonly captures: Captures
  readonly background: BackgroundFollower
  readonly totals: LateTotals
  readonly apart: ApartThread
}

interface Given extends Pick<Gateway, "requestLog" | "metrics" | "telemetry" | "clock" | "log"> {
  readonly activation: Pick<Activation, "gate">
  readonly marks: InstallationMarks
}

export async function gatewayOf(
  config: Config,
  snapshot: Snapshot,
  policies: Policies,
  journals: readonly string[],
  ledger: LedgerStore,
  { marks, activation, ...given }: Given,
): Promise<RunningGateway> {
  const { clock, log } = given
  const health = new Health()
  health.adopt(snapshot, clock.monotonicMs())
  const random = systemRandom()
  const background = new BackgroundFollower(ledger, sharesLedgerAlone(config))
  let gateway: RunningGateway | null = null
  const { governance, totals } = await startGoverning({
    journalPaths: journals,
    stateConfig: config.server.state,
    snapshot: () => gateway?.snapshot ?? snapshot,
    ledger,
    clock,
    random,
    log,
  })
  const loop = loopOf(clock, log)
  gateway = {
    snapshot,
    governance,
    ledger,
    storedStates: ledger.storedStates,
    security: ledger.security,
    ...given,
    captures: capturesOf(config, snapshot, ledger, { clock, log, loop }),
    background,
    totals,
    random,
    intake: new Intake(),
    loop,
    apart: new ApartThread(loop, clock, log),
    watchdog: new Watchdog(clock),
    upstream: new Upstream(clock, upstreamSockets(snapshot.connections)),
    health,
    pins: openPins(config.server.state, clock, log),
    cache: openCache(config.server.state, snapshot.cache, { marks, clock, random, log }),
    strategies: { ...STRATEGIES, ...policies.strategies },
    feedback: policies.feedback,
    live: new Observations(),
    activation: activation.gate,
    shadows: new Shadows(),
    version: buildInfo.version,
    leaving: false,
    draining: false,
    starting: false,
    active: 0,
    drained: 0,
  }
  return gateway
}

/** Other routers may write to the ledger, and nothing else is shared with them. */
function sharesLedgerAlone({ server }: Config): boolean {
  return server.usage_db.driver === "postgres" && server.state.driver === "memory"
}

function capturesOf(
  { server: { usage_db: database } }: Config,
  { capture }: Snapshot,
  { content: store }: LedgerStore,
  { clock, log, loop }: Pick<Gateway, "clock" | "log" | "loop">,
): Captures {
  const room = database.driver === "postgres" ? null : () => roomAt(database.path)
  return new Captures(capture, { store, seals: new Sealer(clock, loop), room, clock, log, loop })
}

/** Of the disk that a file grows on. */
async function roomAt(path: string): Promise<{ readonly freeBytes: number; readonly allBytes: number }> {
  const { bavail, blocks, bsize } = await statfs(dirname(path))
  return { freeBytes: bavail * bsize, allBytes: blocks * bsize }
}

/** Watches from now on. */
function loopOf(clock: Gateway["clock"], log: Gateway["log"]): Loop {
  const loop = new Loop(clock, ({ ms, step, requestId }) =>
    log.warn("the event loop was held", {
      ms: Math.round(ms),
      step: step ?? "no single step on a large body",
      ...(requestId === null ? {} : { request_id: requestId }),
    }),
  )
  loop.start()
  return loop
}
