/** The content of a call, for policies that are allowed to read it. */
import type { Block } from "../../canonical/block.ts"
import { isObject, parseExact } from "../../canonical/json.ts"
import type { Request } from "../../canonical/request.ts"
import { CODECS } from "../../dialects/registry.ts"
import type { CallFacts } from "../strategy.ts"

const decoder = new TextDecoder()

export function bodyText(call: CallFacts): string {
  return call.body === null ? "{}" : decoder.decode(call.body.bytes)
}

/** Instructions and messages in order, a line break between two texts. @throws RouterError `invalid-request` */
export function conversationText(call: CallFacts): string {
  const request = decoded(call)
  if (request === null) return ""
  const messages = request.messages.flatMap((message) => textsOf(message.blocks))
  return [...textsOf(request.instructions), ...messages].join("\n")
}

/** Null: there is none. @throws RouterError `invalid-request` */
export function firstUserText(call: CallFacts): string | null {
  const first = decoded(call)?.messages.find((message) => message.role === "user")
  return first === undefined ? null : textsOf(first.blocks).join("\n")
}

function decoded(call: CallFacts): Request | null {
  if (call.body === null) return null
  const body = parseExact(bodyText(call))
  return isObject(body) ? CODECS[call.dialect].readRequest(body).request : null
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
