/** Same dialect in and out: which bytes of the request change, and no others. */
import { OPEN_BRACE } from "../json/bytes.ts"
import { scanObject, type Member, type ScannedObject } from "../json/scan.ts"
import { splice, type Edit } from "../json/splice.ts"
import type { RequestFacts } from "./dialect.ts"
import type { DialectName } from "./name.ts"
import { WIRES } from "./wires.ts"

const encoder = new TextEncoder()
const INCLUDE_USAGE = encoder.encode('"include_usage":true')
const USAGE_OPTIONS = encoder.encode('{"include_usage":true}')
const TRUE = encoder.encode("true")
const FALSE = encoder.encode("false")

/** An output cap that the router writes where the client gave none. */
export interface Cap {
  readonly field: string
  readonly tokens: number
}

/** What the router itself says in a body. */
export interface OwnWords {
  /** Null: none. */
  readonly cap: Cap | null
  /** A streamed chat call asks for its usage. */
  readonly asksUsage: boolean
  /** `store` is false, whatever the client says. */
  readonly neverStores: boolean
}

const USUAL: OwnWords = { cap: null, asksUsage: true, neverStores: false }

/** The body for a target, in pieces: the group's name replaced by the upstream's id, and a streamed chat call asks for its usage. */
export function passthroughBody(
  body: ScannedObject,
  facts: RequestFacts,
  dialect: DialectName,
  modelJson: Uint8Array,
  { cap, asksUsage, neverStores }: OwnWords = USUAL,
): readonly Uint8Array[] {
  const edits: Edit[] = []
  const added: string[] = []
  const { modelMember, storeMember, asksForUsage } = WIRES[dialect]
  const model = body.members.find((member) => member.key === modelMember)
  if (model === undefined) added.push(`"${modelMember}":${Buffer.from(modelJson).toString()}`)
  else edits.push({ start: model.start, end: model.end, bytes: modelJson })
  if (asksForUsage && facts.stream && !facts.includeUsage && asksUsage) {
    const options = body.members.find((member) => member.key === "stream_options")
    if (options === undefined) added.push('"stream_options":{"include_usage":true}')
    else edits.push(usageEdit(body.bytes, options))
  }
  if (cap !== null) {
    // where the client says null it gives none
    const said = body.members.find((member) => member.key === cap.field)
    const tokens = String(cap.tokens)
    if (said === undefined) added.push(`"${cap.field}":${tokens}`)
    else edits.push({ start: said.start, end: said.end, bytes: encoder.encode(tokens) })
  }
  if (neverStores && storeMember !== null) {
    const said = body.members.filter((member) => member.key === storeMember)
    if (said.length === 0) added.push(`"${storeMember}":false`)
    for (const { start, end } of said) edits.push({ start, end, bytes: FALSE })
  }
  edits.sort((left, right) => left.start - right.start)
  if (added.length > 0) {
    const comma = body.members.length > 0 ? "," : ""
    edits.push({ start: body.close, end: body.close, bytes: encoder.encode(comma + added.join(",")) })
  }
  return splice(body.bytes, edits)
}

/** Sets `include_usage` inside an existing `stream_options`, which may be null. */
function usageEdit(bytes: Uint8Array, options: Member): Edit {
  if (bytes[options.start] !== OPEN_BRACE) return { start: options.start, end: options.end, bytes: USAGE_OPTIONS }
  const inner = scanObject(bytes.slice(options.start, options.end), 512)
  const member = inner.members.findLast((entry) => entry.key === "include_usage")
  if (member !== undefined) return { start: options.start + member.start, end: options.start + member.end, bytes: TRUE }
  const close = options.start + inner.close
  return {
    start: close,
    end: close,
    bytes: inner.members.length > 0 ? encoder.encode(',"include_usage":true') : INCLUDE_USAGE,
  }
}
