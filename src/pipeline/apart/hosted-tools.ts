/** Tools that the provider executes, found in a body and taken out of it. Pure: what is large is done in another thread. */
import { token } from "../../bounded-text.ts"
import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Group } from "../../config/snapshot.ts"
import type { DialectName } from "../../dialects/dialect.ts"
import { RouterError } from "../../errors.ts"
import type { ScannedObject } from "../../json/scan.ts"
import type { DecodedRequest } from "./decode.ts"

/** Top-level fields that switch on such tools without declaring one. */
const FIELDS: Readonly<Record<DialectName, readonly string[]>> = {
  "openai-chat": ["web_search_options"],
  "openai-responses": [],
  anthropic: ["mcp_servers"],
}

export type Rule = Exclude<Group["hostedTools"], "pass">

export function mayDeclareHosted(body: ScannedObject, dialect: DialectName): boolean {
  return body.members.some(({ key }) => key === "tools" || FIELDS[dialect].includes(key))
}

/** The body without them; null: it has none. @throws RouterError `provider-hosted-tools-forbidden` */
export function withoutHosted(
  body: ScannedObject,
  { request, clientBody }: DecodedRequest,
  dialect: DialectName,
  rule: Rule,
): Uint8Array | null {
  const fields = FIELDS[dialect].filter((field) => body.members.some(({ key }) => key === field))
  const hosted = request.tools.flatMap((tool) => (tool.type === "raw" && tool.runs === "provider" ? [tool] : []))
  if (hosted.length === 0 && fields.length === 0) return null
  if (rule === "refuse") {
    const types = [...new Set(hosted.map(({ vendorType }) => token(vendorType))), ...fields].slice(0, MOST_NAMED)
    throw new RouterError("provider-hosted-tools-forbidden", { param: fields[0] ?? "tools", details: { tools: types } })
  }
  const gone = new Set(hosted.map(({ raw }) => JSON.stringify(raw)))
  const kept = toolsOf(clientBody).filter((tool) => !gone.has(JSON.stringify(tool)))
  const choosesHosted = kept.length === 0 || request.toolChoice?.mode === "raw"
  const dropped = [...fields, ...(choosesHosted ? ["tool_choice"] : []), ...(kept.length === 0 ? ONLY_WITH_TOOLS : [])]
  return without(body, new Set(dropped), kept)
}

/** A refusal names no more tools than these. */
const MOST_NAMED = 32
const ONLY_WITH_TOOLS: readonly string[] = ["tools", "parallel_tool_calls"]

function toolsOf({ tools }: JsonObject): readonly JsonValue[] {
  return Array.isArray(tools) ? (tools as readonly JsonValue[]).filter(isObject) : []
}

/** Every other member keeps its bytes. */
function without(body: ScannedObject, dropped: ReadonlySet<string>, tools: readonly JsonValue[]): Uint8Array {
  const pieces = body.members
    .filter(({ key }) => !dropped.has(key))
    .map(({ key, keyStart, end }) =>
      key === "tools" ? Buffer.from(`"tools":${JSON.stringify(tools)}`) : body.bytes.subarray(keyStart, end),
    )
  const joined = pieces.flatMap((piece, index) => [index === 0 ? OPEN : COMMA, piece])
  return Buffer.concat([...joined, CLOSE])
}

const OPEN = Buffer.from("{")
const COMMA = Buffer.from(",")
const CLOSE = Buffer.from("}")
