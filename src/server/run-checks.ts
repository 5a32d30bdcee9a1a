/** Checks of `smart-router validate`, run by a router that serves: for `activation.revalidate`. */
import type { RunChecks } from "../activation/due.ts"
import type { ActivationRecord } from "../activation/record.ts"
import type { Clock } from "../system/clock.ts"
import type { Random } from "../system/random.ts"
import { canOpenAnother } from "../system/descriptors.ts"
import { Upstream } from "../upstream/send.ts"
import { clientsOf } from "../validation/clients.ts"
import { dearest, Purse } from "../validation/purse.ts"
import { recordOf, runTarget } from "../validation/run.ts"
import { wordsFrom } from "../validation/words.ts"
import { type Pinning, startPinnedRouter } from "./pinned-router.ts"

interface Means extends Pick<Pinning, "configPath" | "env" | "start"> {
  /** The configuration that is in force. */
  readonly current: () => Pinning["loaded"]
  readonly clock: Clock
  readonly random: Random
}

/** Checks ask one thing at a time. */
const MOST_SOCKETS = 8

/** Directly, then through a router of its own, as clients of every dialect that the group serves. */
export function checksBy(means: Means): RunChecks {
  const { configPath, env, start, current, clock, random } = means
  return async ({ group, target, capabilities, maxNanoUsd, signal }) => {
    const pinning = { configPath, env, start, random, loaded: current(), group: group.name, targetIndex: target.index }
    const door = await startPinnedRouter(pinning)
    const run = {
      target,
      door,
      clients: clientsOf(group, target),
      isDirect: true,
      only: new Set(capabilities),
      asksUndeclared: false,
      options: { image: null, isDeep: capabilities.includes("context") },
      // the ledger counts no cost of a target without prices
      purse: new Purse(dearest(target, { input: 1, output: 1 }) === null ? null : maxNanoUsd),
    }
    const upstream = new Upstream(clock, { most: MOST_SOCKETS, canOpen: canOpenAnother })
    const records: ActivationRecord[] = []
    try {
      for await (const result of runTarget(run, { upstream, clock, words: wordsFrom(random) })) {
        const record = recordOf(result, { target, group, nowMs: clock.now() })
        if (record !== null) records.push(record)
        if (signal.aborted) break
      }
      return records
    } finally {
      upstream.close()
      await door.close()
    }
  }
}
