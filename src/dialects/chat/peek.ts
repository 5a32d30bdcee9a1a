/** Reads the governed keys of a Chat Completions request. */
import type { Member, ScannedObject } from "../../json/scan.ts"
import type { RequestFacts } from "../dialect.ts"
import { parseObject } from "../loose.ts"
import { countOf, governedMembers, isTrue, modelOf, outputCapOf, textOf, type GovernedType } from "../peek.ts"

const GOVERNED: ReadonlyMap<string, GovernedType> = new Map<string, GovernedType>([
  ["model", "string"],
  ["stream", "boolean"],
  ["stream_options", "object"],
  ["n", "count"],
  ["best_of", "count"],
  ["max_tokens", "count"],
  ["max_completion_tokens", "count"],
])

const CAPS = ["max_tokens", "max_completion_tokens"] as const

export function peek(body: ScannedObject): RequestFacts {
  const found = governedMembers(body, GOVERNED)
  const choices = Math.max(1, countOf(body.bytes, found.get("n")) ?? 1)
  return {
    model: modelOf(body.bytes, found.get("model")),
    stream: isTrue(body.bytes, found.get("stream")),
    includeUsage: asksForUsage(body.bytes, found.get("stream_options")),
    outputCap: outputCapOf(body.bytes, found, CAPS),
    choices,
    drafts: Math.max(choices, countOf(body.bytes, found.get("best_of")) ?? 1),
  }
}

function asksForUsage(bytes: Uint8Array, options: Member | undefined): boolean {
  return options !== undefined && parseObject(textOf(bytes, options))?.["include_usage"] === true
}
