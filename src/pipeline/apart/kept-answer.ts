/** Which answers the response cache may keep, and in which form. Pure: what is large is done in another thread. */
import type { Block } from "../../canonical/block.ts"
import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import { COMMON_NAME_RULES, nameTable } from "../../canonical/name-map.ts"
import type { Reply } from "../../canonical/reply.ts"
import type { Means } from "../../dialects/answer-needs.ts"
import type { ReplyContext, ReplyOptions } from "../../dialects/codec.ts"
import type { DialectName } from "../../dialects/name.ts"
import { CODECS } from "../../dialects/registry.ts"
import { WIRES } from "../../dialects/wires.ts"
import { scanObject } from "../../json/scan.ts"
import { parseAnswer, turnAnswer } from "./whole-answers.ts"

export interface KeptAnswer {
  /** The whole answer in the dialect of its target, in memory of its own. */
  readonly bytes: Uint8Array
  /** Where its id stands between its quotes; null: it has none. */
  readonly id: { readonly start: number; readonly end: number } | null
}

/** A whole answer; null: it may not be kept, because it failed, was cut or filtered, calls a tool or says nothing. */
export function keptReply(bytes: Uint8Array, dialect: DialectName): KeptAnswer | null {
  const value = parseAnswer(bytes)
  if (!isObject(value)) return null
  const isKept = answersIn(value, dialect).every((answer) => {
    const read = CODECS[dialect].readReply(answer, contextOf(dialect))
    return "reply" in read && isWhole(read.reply, dialect)
  })
  return isKept ? { bytes: new Uint8Array(bytes), id: idIn(bytes) } : null
}

/** A stream that has come to its end, as the whole answer that it is; null as above. */
export function keptStream(bytes: Uint8Array, dialect: DialectName, means: Means): KeptAnswer | null {
  const options = { ...optionsOf(dialect), ...means }
  const { answer } = turnAnswer(
    "fold",
    bytes,
    { client: dialect, target: dialect },
    {
      compaction: null,
      context: { ...contextOf(dialect), mint: means.mint },
      options,
    },
  )
  return answer instanceof Uint8Array ? keptReply(answer, dialect) : null
}

/** Each of the answers that were asked for at once, by itself. */
function answersIn(value: JsonObject, dialect: DialectName): readonly JsonValue[] {
  const { choices } = value
  if (!WIRES[dialect].hasChoices || !Array.isArray(choices) || choices.length < 2) return [value]
  return (choices as readonly JsonValue[]).map((choice) => ({ ...value, choices: [choice] }))
}

/** The model said all that it had to say, and its vendor says so. */
function isWhole({ stop, blocks }: Reply, dialect: DialectName): boolean {
  if (stop.is !== "end" && stop.is !== "stop-sequence") return false
  // some Responses servers say nothing of a status; elsewhere an answer without a reason may have been cut
  if (stop.raw === null && !WIRES[dialect].repeatsRequest) return false
  return blocks.some(({ type }) => type === "text") && blocks.every(isText)
}

function isText({ type }: Block): boolean {
  return type === "text" || type === "reasoning"
}

function idIn(bytes: Uint8Array): KeptAnswer["id"] {
  const member = scanObject(bytes, Infinity).members.findLast(({ key }) => key === "id")
  if (member === undefined || bytes[member.start] !== QUOTE) return null
  return { start: member.start + 1, end: member.end - 1 }
}

const QUOTE = 34
const UNMINTED = (prefix: string): string => prefix

/** No tool was offered, so none is named; and nobody is asked for reasoning again. */
function contextOf(dialect: DialectName): ReplyContext {
  const names = nameTable({ tools: [], declared: 0, byName: [], rules: COMMON_NAME_RULES })
  return { names, issuer: { dialect: WIRES[dialect].origin, label: null }, mint: UNMINTED }
}

function optionsOf(dialect: DialectName): Omit<ReplyOptions, "mint" | "now"> {
  const request = { dialect: WIRES[dialect].origin, model: "", includeUsage: true, messages: [], tools: [] }
  return { request, clientBody: {}, model: null, estimatedUsage: null }
}
