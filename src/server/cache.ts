/** The response cache: in this process, and shared between processes where their state is. */
import { ResponseCache, type AnswerStore } from "../cache/response-cache.ts"
import { KEEP, SharedAnswers } from "../cache/shared-answers.ts"
import type { CacheRule } from "../config/compile/cache-rule.ts"
import type { StateConfig } from "../config/config.ts"
import { StoreLink } from "../governance/redis/link.ts"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import type { Random } from "../system/random.ts"
import type { InstallationMarks } from "./issuer-marks.ts"
import { storeAddress } from "./store-address.ts"

/** A hit saves seconds: a call asks the store no longer than this, and a silence is noticed between one and two of these. */
const COMMAND_MS = 50

export interface CacheMeans {
  readonly marks: InstallationMarks
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export function openCache(
  state: StateConfig,
  rule: CacheRule | null,
  { marks, clock, random, log }: CacheMeans,
): ResponseCache {
  const open = (): AnswerStore | null => {
    const address = storeAddress(state)
    if (address === null) return null
    const limits = { commandMs: COMMAND_MS }
    const link = new StoreLink({
      ...address,
      clock,
      log,
      limits,
      name: "the shared cache",
      scripts: [KEEP],
      onUp: () => {},
    })
    void link.open()
    return new SharedAnswers(link, () => marks.keyFor("response cache", random))
  }
  const cache = new ResponseCache(open)
  cache.adopt(rule)
  return cache
}
