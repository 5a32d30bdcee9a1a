/** What deciding a call needs, without anything that could leave a trace. */
import { reasonAgainst } from "../activation/gate.ts"
import type { Standings } from "../activation/standings.ts"
import { ResponseCache } from "../cache/response-cache.ts"
import type { Group, Snapshot } from "../config/snapshot.ts"
import type { Means } from "../dialects/answer-needs.ts"
import type { Apart, JobName, Order, Result } from "../pipeline/apart/apart.ts"
import { JOBS } from "../pipeline/apart/jobs.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import { failAbsent, NO_EVIDENCE, WITHOUT_TRACE } from "../pipeline/rehearsal/rehearsal.ts"
import { Intake } from "../pipeline/call/body-memory.ts"
import { Shadows } from "../pipeline/rehearsal/shadow.ts"
import { Watchdog } from "../pipeline/call/watchdog.ts"
import { MemoryPinStore } from "../routing/affinity/pin-store.ts"
import { Observations } from "../routing/observations.ts"
import { STRATEGIES } from "../routing/strategies.ts"
import { buildInfo } from "../system/build-info.ts"
import { systemClock } from "../system/clock.ts"
import { Loop } from "../system/loop.ts"
import { silentLog } from "../system/log.ts"
import { systemRandom } from "../system/random.ts"
import { Health } from "../upstream/health.ts"
import { Upstream } from "../upstream/send.ts"
import { meansOf } from "../pipeline/translation/translate.ts"
import { openPolicies, type Policies } from "./policies.ts"

export interface DryGateway {
  readonly gateway: Gateway
  close(): void
}

/** Scripts of `groups` are made ready. `standings`: what is proven of targets. @throws ScriptRefused */
export async function dryGateway(
  snapshot: Snapshot,
  groups: ReadonlyMap<string, Group>,
  standings: Standings,
): Promise<DryGateway> {
  const policies = openPolicies(systemClock, silentLog)
  try {
    await policies.prepare({ ...snapshot, groups })
  } catch (error) {
    policies.close()
    throw error
  }
  return { gateway: gatewayOf(snapshot, policies, standings), close: () => policies.close() }
}

type Work = (bytes: Uint8Array, order: unknown, means: Means) => unknown

/** No other call waits in this process. */
const AT_ONCE: Apart = {
  run: async <Name extends JobName>(
    name: Name,
    _owner: string,
    pieces: readonly Uint8Array[],
    order: Order<Name>,
  ): Promise<Result<Name>> => {
    const means = meansOf({ random: systemRandom(), clock: systemClock })
    return (JOBS[name] as Work)(Buffer.concat([...pieces]), order, means) as Result<Name>
  },
}

function gatewayOf(snapshot: Snapshot, policies: Policies, standings: Standings): Gateway {
  const health = new Health()
  health.adopt(snapshot, systemClock.monotonicMs())
  return {
    snapshot,
    governance: failAbsent("limits"),
    storedStates: failAbsent("stored state"),
    ledger: {
      record: () => Promise.reject(new Error("nothing is recorded")),
      accepting: () => true,
      close: () => Promise.resolve(),
    },
    ...WITHOUT_TRACE,
    captures: failAbsent("content of calls"),
    background: failAbsent("answers in the background"),
    clock: systemClock,
    random: systemRandom(),
    log: silentLog,
    intake: new Intake(),
    loop: new Loop(systemClock, () => {}),
    apart: AT_ONCE,
    watchdog: new Watchdog(systemClock),
    upstream: new Upstream(systemClock, { most: 0, canOpen: () => true }),
    health,
    pins: new MemoryPinStore(),
    cache: new ResponseCache(() => null),
    strategies: { ...STRATEGIES, ...policies.strategies },
    live: new Observations(),
    activation: { ...NO_EVIDENCE, against: (...asked) => reasonAgainst(standings, ...asked) },
    shadows: new Shadows(),
    version: buildInfo.version,
    leaving: false,
    draining: false,
    starting: false,
    active: 0,
    drained: 0,
  }
}
