/** Why an answer ended: `status` and `incomplete_details` of a response. */

import type { JsonObject } from "../../canonical/json.ts"
import type { Stop } from "../../canonical/stop.ts"
import { stopReasonOf } from "./judge.ts"

/** The word that this dialect has; a refusal is a completed answer that holds words of refusal. */
export function readStop(response: JsonObject, refused: boolean): Stop {
  const raw = stopReasonOf(response)
  if (raw === "max_output_tokens" || raw === "max_tokens") return { is: "length", raw }
  if (raw === "content_filter") return { is: "content-filter", raw }
  if (raw === "completed" || raw === "complete" || raw === null) return { is: refused ? "refusal" : "end", raw }
  return { is: raw === "incomplete" ? "length" : "other", raw }
}

export interface WrittenStop {
  readonly status: "completed" | "incomplete"
  /** `incomplete_details.reason`. */
  readonly reason: "max_output_tokens" | "content_filter" | null
  /** Was it brought to the nearest word? */
  readonly reduced: boolean
}

const COMPLETED: WrittenStop = { status: "completed", reason: null, reduced: false }
const REDUCED: WrittenStop = { status: "completed", reason: null, reduced: true }
const CAPPED: WrittenStop = { status: "incomplete", reason: "max_output_tokens", reduced: false }
const FILTERED: WrittenStop = { status: "incomplete", reason: "content_filter", reduced: false }

/** A refusal without words would look like an empty answer: it is shown as filtered. */
export function writeStop(stop: Stop, holdsRefusal: boolean): WrittenStop {
  switch (stop.is) {
    case "end":
    case "tool-calls":
      return COMPLETED
    case "length":
      return CAPPED
    case "context-length":
      return { ...CAPPED, reduced: true }
    case "content-filter":
      return FILTERED
    case "refusal":
      return holdsRefusal ? COMPLETED : { ...FILTERED, reduced: true }
    default:
      return REDUCED
  }
}
