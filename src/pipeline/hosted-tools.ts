/** Tools that the provider executes, where the group does not simply let them pass. */
import { token } from "../bounded-text.ts"
import { isObject, type JsonObject, type JsonValue } from "../canonical/json.ts"
import type { DialectName } from "../dialects/dialect.ts"
import { RouterError } from "../errors.ts"
import { scanObject, type ScannedObject } from "../json/scan.ts"
import type { Group } from "../config/snapshot.ts"
import { isLargeBody } from "./apart/large.ts"
import type { Call } from "./call.ts"
import { decode, type DecodedRequest } from "./decode.ts"
import type { Gateway } from "./gateway.ts"
import { rescanned } from "./sliced-scan.ts"

/** Top-level fields that switch on such tools without declaring one. */
const FIELDS: Readonly<Record<DialectName, readonly string[]>> = {
  "openai-chat": ["web_search_options"],
  "openai-responses": [],
  anthropic: ["mcp_servers"],
}

/**
 * `strip` takes them out of `call.body`, and touches nothing else of it. At once where the body is small.
 * @throws RouterError `provider-hosted-tools-forbidden`; `invalid-request` where the body cannot be understood
 */
export function governHostedTools(call: Call, gateway: Gateway): void | Promise<void> {
  const { body } = call
  const rule = call.group?.hostedTools ?? "pass"
  if (rule === "pass" || body === null || !mayDeclare(body, call.dialect.name)) return
  if (isLargeBody(body)) return governApart(call, body, rule, gateway)
  const stripped = withoutHosted(body, decode(call), call.dialect.name, rule)
  if (stripped === null) return
  call.body = scanObject(stripped, Infinity)
  call.decoded = null
}

async function governApart(call: Call, { bytes }: ScannedObject, rule: Rule, gateway: Gateway): Promise<void> {
  const { name: dialect } = call.dialect
  const stripped = await gateway.apart.run("governTools", call.callerId, [bytes], { dialect, rule })
  if (stripped !== null) call.body = await rescanned(stripped, call.id, gateway)
}

export type Rule = Exclude<Group["hostedTools"], "pass">

function mayDeclare(body: ScannedObject, dialect: DialectName): boolean {
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
