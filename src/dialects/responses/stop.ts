/** Why an answer ended: `status` and `incomplete_details` of a response. */

import type { JsonObject } from "../../canonical/json.ts"
import type { Stop } from "../../canonical/stop.ts"
import { stopReasonOf } from "./judge.ts"
import { objectOf } from "./wire.ts"

/** The word that this dialect has; a refusal is a completed answer that holds words of refusal. */
export function readStop(response: JsonObject, refused: boolean): Stop {
  const details = objectOf(response["stop_details"])
  return { ...meaningOf(stopReasonOf(response), refused), ...(details === undefined ? {} : { details }) }
}

function meaningOf(raw: string | null, refused: boolean): Stop {
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

/** A refusal is an answer, and its words stand in it: agents send a filtered answer's request again. */
export function writeStop(stop: Stop): WrittenStop {
  switch (stop.is) {
    case "end":
    case "tool-calls":
    case "refusal":
      return COMPLETED
    case "length":
      return CAPPED
    case "context-length":
      return { ...CAPPED, reduced: true }
    case "content-filter":
      return FILTERED
    default:
      return REDUCED
  }
}
