/** Why a reply ended: one word of ours, and the vendor's own. */

import type { JsonObject } from "./json.ts"

/**
 * `end`            the model was done
 * `stop-sequence`  a stop sequence of the client was produced
 * `length`         the output cap
 * `context-length` the model's context
 * `tool-calls`     the client is to execute calls
 * `refusal`        the model declined
 * `content-filter` a filter cut it off
 * `pause`          the provider wants the turn sent back to go on (Messages `pause_turn`)
 * `compaction`     the provider stopped to compact
 * `other`          a word of tomorrow: `raw` has it. Writers treat it as `end`, with a loss
 */
export type StopIs =
  | "end"
  | "stop-sequence"
  | "length"
  | "context-length"
  | "tool-calls"
  | "refusal"
  | "content-filter"
  | "pause"
  | "compaction"
  | "other"

export interface Stop {
  readonly is: StopIs
  /** The vendor's word; null where it gave none. Only its own dialect may write it, the others write from `is`. */
  readonly raw: string | null
  /** Which stop sequence, where the vendor says. */
  readonly sequence?: string
  /** Messages `stop_details`; the other dialects carry it under the same name, beside their own word. */
  readonly details?: JsonObject
}

/** Trust the calls: a reply that ends normally after calls ended for them, and one without any word gets one. */
export function settleStop(stop: Stop | null, sawToolCall: boolean): Stop {
  if (stop === null) return { is: sawToolCall ? "tool-calls" : "end", raw: null }
  return stop.is === "end" && sawToolCall ? { ...stop, is: "tool-calls" } : stop
}

/**
 * A refusal that came as a stop reason only, in words, for dialects in which a model refuses in words. An answer that is
 * called filtered instead makes agents ask again and again.
 */
export function refusalWords({ details }: Stop): string {
  const { explanation, category } = details ?? {}
  if (typeof explanation === "string" && explanation !== "") return explanation
  const about = typeof category === "string" && category !== "" ? ` (${category})` : ""
  return `The model declined to answer this request${about}.`
}
