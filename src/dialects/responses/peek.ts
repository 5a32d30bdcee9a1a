/** Reads the governed keys of a Responses request. */
import type { ScannedObject } from "../../json/scan.ts"
import type { RequestFacts } from "../dialect.ts"
import { governedMembers, isTrue, modelOf, outputCapOf, type GovernedType } from "../peek.ts"

const GOVERNED: ReadonlyMap<string, GovernedType> = new Map<string, GovernedType>([
  ["model", "string"],
  ["stream", "boolean"],
  ["stream_options", "object"],
  ["max_output_tokens", "count"],
  ["previous_response_id", "nullable-string"],
])

const CAPS = ["max_output_tokens"] as const

export function peek(body: ScannedObject): RequestFacts {
  const found = governedMembers(body, GOVERNED)
  return {
    model: modelOf(body.bytes, found.get("model")),
    stream: isTrue(body.bytes, found.get("stream")),
    includeUsage: true,
    outputCap: outputCapOf(body.bytes, found, CAPS),
    choices: 1,
    drafts: 1,
  }
}
