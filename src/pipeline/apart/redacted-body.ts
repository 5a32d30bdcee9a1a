/** Personal data, taken out of a large body. Pure: done in another thread. */
import type { DialectName } from "../../dialects/name.ts"
import { RouterError } from "../../errors.ts"
import { scanObject } from "../../json/scan.ts"
import type { PiiFilter } from "../../pii/filter.ts"
import { redactRequest, type Redaction } from "../../pii/redact.ts"

export interface RedactOrder {
  readonly dialect: DialectName
  readonly filter: PiiFilter
  /** Keys the placeholders. */
  readonly key: string
}

/** Others wait meanwhile: what takes longer is refused. */
const LONGEST_S = 10
/** How much work is done between two looks at the clock, as `Matcher` counts it. */
const LOOK_EVERY = 1 << 22

/** Without restoration the originals need no copy. */
const NONE: ReadonlyMap<string, string> = new Map()

/** `now`: in seconds. @throws RouterError `pii-filter-failed` when it takes too long */
export function redactedApart(bytes: Uint8Array, { dialect, filter, key }: RedactOrder, now: () => number): Redaction {
  const endsAt = now() + LONGEST_S
  const work = redactRequest(scanObject(bytes, Infinity), dialect, filter, { key, longestText: Infinity })
  let cost = 0
  for (let step = work.next(); ; step = work.next()) {
    if (step.done === true) return filter.restores ? step.value : { ...step.value, values: NONE }
    cost += step.value
    if (cost < LOOK_EVERY) continue
    cost = 0
    if (now() > endsAt)
      throw new RouterError("pii-filter-failed", {
        message: "Looking for personal data in this request takes too long.",
      })
  }
}
