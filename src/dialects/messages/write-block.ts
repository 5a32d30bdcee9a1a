/** Content blocks of a request to Anthropic. */

import { argumentsObject } from "../../canonical/arguments.ts"
import type {
  Block,
  CacheMark,
  ReasoningBlock,
  TextBlock,
  ToolCallBlock,
  ToolResultBlock,
} from "../../canonical/block.ts"
import { encodeId } from "../../canonical/id-map.ts"
import type { JsonObject } from "../../canonical/json.ts"
import type { Losses } from "../../canonical/loss.ts"
import type { NameTable } from "../../canonical/name-map.ts"
import { sealFor } from "../../canonical/seal.ts"
import type { TargetFacts } from "../../canonical/target.ts"
import { writeCitation } from "./citation.ts"
import { writeDocument, writeImage } from "./media.ts"
import { cacheControl, DIALECT, ownFields, PART_SEPARATOR } from "./wire.ts"

/** Anthropic refuses a fifth cache mark. */
const MAX_MARKS = 4

/** What is needed while one request is written. */
export class RequestWriting {
  readonly facts: TargetFacts
  readonly names: NameTable
  readonly losses: Losses
  /** The client speaks Messages too: what it said is written as it was said. */
  readonly isHome: boolean
  #marks = 0

  constructor(facts: TargetFacts, names: NameTable, losses: Losses, isHome: boolean) {
    this.facts = facts
    this.names = names
    this.losses = losses
    this.isHome = isHome
  }

  get hasMarks(): boolean {
    return this.#marks > 0
  }

  /** The mark as a member to spread. */
  cache(mark: CacheMark | undefined, path: string): JsonObject {
    if (mark === undefined) return {}
    this.#marks += 1
    if (this.#marks <= MAX_MARKS || this.isHome) return { cache_control: cacheControl(mark) }
    this.losses.add("cache-mark", path)
    return {}
  }
}

/** What cannot be written is left out, with its loss. */
export function writeBlocks(blocks: readonly Block[], writing: RequestWriting, path: string): readonly JsonObject[] {
  const written = blocks.map((block, index) => writeBlock(block, writing, `${path}[${index}]`))
  return written.filter((block) => block !== null)
}

function writeBlock(block: Block, writing: RequestWriting, path: string): JsonObject | null {
  switch (block.type) {
    case "text":
      return textBlock(block, writing, path)
    case "refusal":
      writing.losses.add("refusal-history", path)
      return { type: "text", text: block.text, ...writing.cache(block.cache, path) }
    case "reasoning":
      return reasoningBlock(block, writing, path)
    case "tool-call":
      return callBlock(block, writing, path)
    case "tool-result":
      return resultBlock(block, writing, path)
    case "image":
      return marked(writeImage(block, writing.facts, writing.losses, path), block, writing, path)
    case "document": {
      const inner = (blocks: readonly Block[]): readonly JsonObject[] => writeBlocks(blocks, writing, path)
      return marked(writeDocument(block, writing.losses, path, inner), block, writing, path)
    }
    case "audio":
      writing.losses.add("audio", path)
      return null
    case "raw":
      if (block.dialect === DIALECT) return block.raw
      writing.losses.add("content", path)
      return null
  }
}

function marked(wire: JsonObject | null, block: Block, writing: RequestWriting, path: string): JsonObject | null {
  return wire === null ? null : { ...wire, ...writing.cache(block.cache, path) }
}

function textBlock(block: TextBlock, writing: RequestWriting, path: string): JsonObject {
  const said = block.citations ?? []
  const citations = said.map(writeCitation).filter((citation) => citation !== null)
  if (citations.length < said.length) writing.losses.add("citations", path)
  return {
    type: "text",
    text: block.text,
    ...(citations.length === 0 ? {} : { citations }),
    ...ownFields(block.extra),
    ...writing.cache(block.cache, path),
  }
}

function reasoningBlock(block: ReasoningBlock, writing: RequestWriting, path: string): JsonObject | null {
  const seal = sealFor(block, writing.facts.issuer)
  const own = ownFields(block.extra)
  if (seal?.form === "redacted") return { type: "redacted_thinking", data: seal.payload, ...own }
  if (seal?.form === "signature") {
    const thinking = block.parts.map((part) => part.text).join(PART_SEPARATOR)
    return { type: "thinking", thinking, signature: seal.payload, ...own }
  }
  writing.losses.add("reasoning-history", path)
  return null
}

function callBlock(block: ToolCallBlock, writing: RequestWriting, path: string): JsonObject {
  const { object, wrapped } =
    block.kind === "custom" ? { object: { input: block.arguments }, wrapped: false } : argumentsObject(block.arguments)
  if (wrapped) writing.losses.add("tool-arguments-wrapped", path)
  return {
    type: "tool_use",
    id: encodeId(block.id, writing.facts.idRules),
    name: writing.names.wire(block),
    input: object,
    ...ownFields(block.extra),
    ...writing.cache(block.cache, path),
  }
}

function resultBlock(block: ToolResultBlock, writing: RequestWriting, path: string): JsonObject {
  const content = writeBlocks(block.content, writing, `${path}.content`)
  return {
    type: "tool_result",
    tool_use_id: encodeId(block.callId, writing.facts.idRules),
    ...(content.length === 0 ? {} : { content }),
    ...(block.isError ? { is_error: true } : {}),
    ...ownFields(block.extra),
    ...writing.cache(block.cache, path),
  }
}
