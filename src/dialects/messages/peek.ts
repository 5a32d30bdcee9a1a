/** Reads the governed keys of a Messages request. */
import type { ScannedObject } from "../../json/scan.ts"
import type { RequestFacts } from "../dialect.ts"
import { governedMembers, isTrue, modelOf, outputCapOf, type GovernedType } from "../peek.ts"

const GOVERNED: ReadonlyMap<string, GovernedType> = new Map<string, GovernedType>([
  ["model", "string"],
  ["stream", "boolean"],
  ["max_tokens", "count"],
])

const CAPS = ["max_tokens"] as const

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
