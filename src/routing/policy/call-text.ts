/** The content of a call, for policies that are allowed to read it. */
import type { Block } from "../../canonical/block.ts"
import { isObject, parseExact } from "../../canonical/json.ts"
import type { Request } from "../../canonical/request.ts"
import { CODECS } from "../../dialects/registry.ts"
import type { DialectName } from "../../dialects/name.ts"
import type { CallFacts } from "../strategy.ts"
import { createHash } from "node:crypto"

/** More content no script is given: it takes up to 4 ms for each MB to hand over. */
export const MOST_SCRIPT_CHARS = 3_145_728

const decoder = new TextDecoder()

export function bodyText(call: CallFacts): string {
  return call.body === null ? "{}" : decoder.decode(call.body.bytes)
}

/** Instructions and messages in order, a line break between two texts. @throws RouterError `invalid-request` */
export function conversationText({ body, dialect }: CallFacts): string {
  return body === null ? "" : textIn(body.bytes, dialect)
}

/** The same for a script; null: it is too long for any. @throws RouterError `invalid-request` */
export function scriptText(bytes: Uint8Array, dialect: DialectName): string | null {
  const text = textIn(bytes, dialect)
  return text.length > MOST_SCRIPT_CHARS ? null : text
}

/** The SHA-256 of the first user message's text, in hex; null: there is none, or the body cannot be read. */
export function firstTurnIn(bytes: Uint8Array, dialect: DialectName): string | null {
  try {
    const first = decoded(bytes, dialect)?.messages.find((message) => message.role === "user")
    return first === undefined ? null : createHash("sha256").update(textsOf(first.blocks).join("\n")).digest("hex")
  } catch {
    // for the target to refuse
    return null
  }
}

/** The body of a question to a policy service: `head`, the start of a JSON object, and the call's content behind it. */
export function bodyWithContent(head: string, bytes: Uint8Array, dialect: DialectName): Uint8Array {
  return Buffer.from(
    `${head},"text":${JSON.stringify(readableText(bytes, dialect))},"request":${decoder.decode(bytes)}}`,
  )
}

/** Null: the body is of a form that only its target may know. */
function readableText(bytes: Uint8Array, dialect: DialectName): string | null {
  try {
    return textIn(bytes, dialect)
  } catch {
    return null
  }
}

function textIn(bytes: Uint8Array, dialect: DialectName): string {
  const request = decoded(bytes, dialect)
  if (request === null) return ""
  const messages = request.messages.flatMap((message) => textsOf(message.blocks))
  return [...textsOf(request.instructions), ...messages].join("\n")
}

function decoded(bytes: Uint8Array, dialect: DialectName): Request | null {
  const body = parseExact(decoder.decode(bytes))
  return isObject(body) ? CODECS[dialect].readRequest(body).request : null
}

function textsOf(blocks: readonly Block[]): readonly string[] {
  return blocks.flatMap((block) => {
    if (block.type === "text" || block.type === "refusal") return [block.text]
    if (block.type === "tool-call") return [block.arguments]
    if (block.type === "tool-result") return textsOf(block.content)
    if (block.type === "reasoning") return block.parts.map((part) => part.text)
    if (block.type === "document") return documentTexts(block.source)
    if (block.type === "raw" && block.as !== undefined) return textsOf([block.as])
    return block.type === "raw" && block.text !== null ? [block.text] : []
  })
}

function documentTexts(source: Extract<Block, { type: "document" }>["source"]): readonly string[] {
  if (source.kind === "text") return [source.text]
  return source.kind === "blocks" ? textsOf(source.blocks) : []
}
