/** Takes out of blocks what only another dialect understands, and says what was taken. */

import type { Block, DocumentBlock, RawBlock, Source } from "./block.ts"
import type { LossCode, Losses } from "./loss.ts"
import type { Dialect, Extra } from "./origin.ts"

export interface Receiver {
  readonly dialect: Dialect
  readonly losses: Losses
  /** Replies have codes of their own. */
  readonly side: "request" | "reply"
  /** Which media the receiver takes at all. */
  readonly takes: { readonly images: boolean; readonly documents: boolean; readonly audio: boolean }
}

const RAW_LOSS: Readonly<Record<RawBlock["what"], LossCode>> = {
  "hosted-call": "tool-step",
  "hosted-result": "tool-step",
  "client-call": "tool-step",
  "client-result": "tool-step",
  reference: "stored-reference",
  bound: "notice",
  notice: "notice",
  content: "content",
}

/**
 * The blocks that the receiver can be given, each loss declared under `path`: raw blocks of another dialect become the
 * text that stands for them, or nothing; `extra` of another dialect goes; files at another provider and media that the
 * receiver does not take go. Blocks inside of tool results and documents are treated alike. Reasoning, refusals,
 * citations and cache marks are left to the writer. Untouched blocks, and untouched lists, are the same objects.
 */
export function blocksFor(blocks: readonly Block[], receiver: Receiver, path: string): readonly Block[] {
  if (blocks.every(isPlain)) return blocks
  let changed = false
  const kept: Block[] = []
  for (const [index, block] of blocks.entries()) {
    const own = blockFor(block, receiver, `${path}[${index}]`)
    changed ||= own !== block
    if (own !== null) kept.push(own)
  }
  return changed ? kept : blocks
}

/** Nothing in it can be foreign: the quick way, without paths, for nearly all of a long history. */
function isPlain(block: Block): boolean {
  if (block.extra !== undefined) return false
  if (block.type === "tool-result") return block.content.every(isPlain)
  return block.type === "text" || block.type === "tool-call" || block.type === "reasoning" || block.type === "refusal"
}

function blockFor(block: Block, receiver: Receiver, path: string): Block | null {
  if (block.type === "raw") {
    if (block.dialect === receiver.dialect) return block
    const isSaid = block.as !== undefined && receiver.side === "request"
    return isSaid ? blockFor(block.as, receiver, path) : rawFor(block, receiver, path)
  }
  if (block.type === "image" && !takesMedia(block.source, receiver, "image", path)) return null
  if (block.type === "audio" && !receiver.takes.audio) return lose(receiver, "audio", path)
  if (block.type === "document") {
    const own = documentFor(block, receiver, path)
    return own === null ? null : withoutExtra(own, receiver, path)
  }
  if (block.type !== "tool-result") return withoutExtra(block, receiver, path)
  const content = blocksFor(block.content, receiver, `${path}.content`)
  return withoutExtra(content === block.content ? block : { ...block, content }, receiver, path)
}

function rawFor(block: RawBlock, receiver: Receiver, path: string): Block | null {
  const isStep = RAW_LOSS[block.what] === "tool-step"
  const code = receiver.side === "request" ? RAW_LOSS[block.what] : isStep ? "reply-tool-step" : "reply-content"
  receiver.losses.add(code, path)
  return block.text === null || block.text === "" ? null : { type: "text", text: block.text }
}

function documentFor(block: DocumentBlock, receiver: Receiver, path: string): DocumentBlock | null {
  if (block.source.kind === "text" || block.source.kind === "blocks") {
    if (!receiver.takes.documents) return lose(receiver, "document", path)
    if (block.source.kind === "text") return block
    const blocks = blocksFor(block.source.blocks, receiver, `${path}.source.blocks`)
    return blocks === block.source.blocks ? block : { ...block, source: { kind: "blocks", blocks } }
  }
  return takesMedia(block.source, receiver, "document", path) ? block : null
}

function takesMedia(source: Source, receiver: Receiver, type: "image" | "document", path: string): boolean {
  if (!(type === "image" ? receiver.takes.images : receiver.takes.documents)) {
    lose(receiver, type, path)
    return false
  }
  if (source.kind !== "file" || source.dialect === receiver.dialect) return true
  lose(receiver, "file-reference", path)
  return false
}

function withoutExtra(block: Block, receiver: Receiver, path: string): Block {
  if (block.extra === undefined || block.extra.dialect === receiver.dialect) return block
  lose(receiver, "block-field", path)
  const { extra: _extra, ...rest } = block
  return rest
}

function lose(
  receiver: Receiver,
  code: "image" | "document" | "audio" | "file-reference" | "block-field",
  path: string,
): null {
  const replyCode = code === "block-field" ? "reply-field" : "reply-content"
  receiver.losses.add(receiver.side === "request" ? code : replyCode, path)
  return null
}

/** The fields of an answer that only another dialect knows are lost, each by its name. */
export function loseExtra(extra: Extra | undefined, dialect: Dialect, losses: Losses): void {
  if (extra === undefined || extra.dialect === dialect) return
  for (const field of Object.keys(extra.fields)) losses.add("reply-field", `extra.${field}`)
}
