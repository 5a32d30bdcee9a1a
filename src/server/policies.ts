/** What routing policies need of the world: scripts that are ready, a careful HTTP client, and a way back for feedback. */
import { lookup } from "node:dns/promises"
import type { Snapshot, StrategySettings } from "../config/snapshot.ts"
import { externalStrategy } from "../routing/policy/external.ts"
import { FeedbackQueue } from "../routing/policy/feedback.ts"
import { Scripts } from "../routing/script/scripts.ts"
import { scriptStrategy } from "../routing/script/strategy.ts"
import type { Strategies } from "../routing/strategy.ts"
import { threadCpuMs, type Clock } from "../system/clock.ts"
import { silentLog, type Log } from "../system/log.ts"
import { GuardedHttp } from "../upstream/guarded-http.ts"

export interface Policies {
  readonly strategies: Pick<Strategies, "script" | "external">
  /** For calls that nobody makes: scripts run apart from those of live calls. */
  readonly rehearsed: Pick<Strategies, "script" | "external">
  readonly feedback: FeedbackQueue
  /** Makes a configuration's scripts ready; returns their files. @throws ScriptRefused */
  prepare(snapshot: Snapshot): Promise<readonly string[]>
  close(): void
}

export function openPolicies(clock: Clock, log: Log): Policies {
  const client = new GuardedHttp({ clock, lookup: addressesOf })
  const scripts = new Scripts({ client, clock, cpuMs: threadCpuMs, log })
  const feedback = new FeedbackQueue(client, log, (ms) => Bun.sleep(ms))
  const external = externalStrategy(client, clock)
  const twins = { of: (settings: StrategySettings) => scripts.of(settings).twin(silentLog) }
  return {
    strategies: { script: scriptStrategy(scripts, clock), external },
    rehearsed: { script: scriptStrategy(twins, clock), external },
    feedback,
    prepare: (snapshot) => scripts.prepare(snapshot.groups.values()),
    close: () => {
      feedback.stop()
      client.close()
    },
  }
}

async function addressesOf(hostname: string): Promise<readonly string[]> {
  const found = await lookup(hostname, { all: true })
  return found.map(({ address }) => address)
}
