/** What routing policies need of the world: scripts that are ready, a careful HTTP client, and a way back for feedback. */
import { lookup } from "node:dns/promises"
import type { Snapshot, StrategySettings } from "../config/snapshot.ts"
import { externalStrategy } from "../routing/policy/external.ts"
import { FeedbackQueue } from "../routing/policy/feedback.ts"
import type { PolicyClient } from "../routing/policy/http.ts"
import { Scripts } from "../routing/script/scripts.ts"
import { scriptStrategy } from "../routing/script/strategy.ts"
import type { Strategies } from "../routing/strategy.ts"
import { computingClocks, systemClock, type Clock } from "../system/clock.ts"
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
  const http = new GuardedHttp({ clock, lookup: addressesOf })
  const feedback = new FeedbackQueue(http, log, clock)
  return {
    ...policiesBy(clock, http, log),
    feedback,
    close: () => {
      feedback.stop()
      http.close()
    },
  }
}

/**
 * For calls that were made earlier: `clock` tells their time, and nobody hears how they end.
 * `mayAsk`: asked before anything is sent to a service; false: nothing is.
 */
export function openPastPolicies(clock: Clock, mayAsk: () => boolean): Omit<Policies, "feedback"> {
  const http = new GuardedHttp({ clock: systemClock, lookup: addressesOf })
  const client: PolicyClient = {
    send: (request) => (mayAsk() ? http.send(request) : Promise.resolve({ kind: "fault", fault: "forbidden" })),
  }
  return { ...policiesBy(clock, client, silentLog), close: () => http.close() }
}

function policiesBy(clock: Clock, client: PolicyClient, log: Log): Omit<Policies, "feedback" | "close"> {
  const scripts = new Scripts({ client, clock, clocks: computingClocks, log })
  const external = externalStrategy(client, clock)
  const twins = { of: (settings: StrategySettings) => scripts.of(settings).forQuestions(silentLog) }
  return {
    strategies: { script: scriptStrategy(scripts, clock), external },
    rehearsed: { script: scriptStrategy(twins, clock), external },
    prepare: (snapshot) => scripts.prepare(snapshot.groups.values()),
  }
}

async function addressesOf(hostname: string): Promise<readonly string[]> {
  const found = await lookup(hostname, { all: true })
  return found.map(({ address }) => address)
}
