/** Blocks as parts of content, in messages and in tool outputs. */

import type { Block, Citation, DocumentBlock, ImageBlock, TextBlock } from "../../canonical/block.ts"
import type { JsonObject } from "../../canonical/json.ts"
import type { LossCode, Losses } from "../../canonical/loss.ts"
import { PART_MARK, urlOf } from "./wire.ts"

/** What the writing of content needs to know. */
export interface ContentWriter {
  readonly losses: Losses
  /** The client speaks a dialect of OpenAI, so that its cache marks mean the same here. */
  readonly keepsCacheMarks: boolean
  /** The client speaks this dialect: nothing is added that it did not say. */
  readonly isHome: boolean
  readonly imageUrls: boolean
}

/**
 * The parts of a message or a tool output; often one, none where a loss was declared, more where a document holds
 * blocks. Only assistants say `output_text` and `refusal`; for them alone a text has citations.
 */
export function writeParts(
  block: Block,
  side: "input" | "output",
  writer: ContentWriter,
  path: string,
): readonly JsonObject[] {
  switch (block.type) {
    case "text":
      return [side === "output" ? outputText(block, writer, path) : inputText(block, writer, path)]
    case "refusal":
      if (side === "output") return [{ type: "refusal", refusal: block.text, ...own(block, writer, path) }]
      return [inputText({ type: "text", text: block.text }, writer, path)]
    case "image":
      return side === "output" ? lose(writer, "image", path) : image(block, writer, path)
    case "document":
      return side === "output" ? lose(writer, "document", path) : document(block, writer, path)
    case "audio": {
      if (side === "output") return lose(writer, "audio", path)
      const { data, format } = block
      return [{ type: "input_audio", input_audio: { data, format }, ...own(block, writer, path) }]
    }
    case "raw":
      return [block.raw]
    default:
      return lose(writer, "content", path)
  }
}

/** Is it a part of content, and not an item of its own? */
export function isPart(block: Block): boolean {
  if (block.type === "raw") return block.extra?.fields[PART_MARK] === true
  return block.type !== "reasoning" && block.type !== "tool-call" && block.type !== "tool-result"
}

/** One plain text is a string, everything else a list. */
export function simplifyContent(parts: readonly JsonObject[]): string | readonly JsonObject[] {
  const [first] = parts
  if (first === undefined) return ""
  const isPlain = parts.length === 1 && PLAIN_KEYS.has(Object.keys(first).join())
  return isPlain && typeof first["text"] === "string" ? first["text"] : parts
}

const PLAIN_KEYS: ReadonlySet<string> = new Set(["type,text", "type,text,annotations"])

function lose(writer: ContentWriter, code: LossCode, path: string): readonly JsonObject[] {
  writer.losses.add(code, path)
  return []
}

/** The fields that every part may carry. */
function own(block: Block, writer: ContentWriter, path: string): JsonObject {
  if (block.cache !== undefined && !writer.keepsCacheMarks) writer.losses.add("cache-mark", path)
  const ttl = block.cache?.ttl ?? null
  const mark = ttl === null ? { mode: "explicit" } : { mode: "explicit", ttl }
  const hasMark = block.cache !== undefined && writer.keepsCacheMarks
  return { ...(hasMark ? { prompt_cache_breakpoint: mark } : {}), ...block.extra?.fields }
}

function inputText(block: TextBlock, writer: ContentWriter, path: string): JsonObject {
  if (block.citations !== undefined) writer.losses.add("citations", path)
  return { type: "input_text", text: block.text, ...own(block, writer, path) }
}

function outputText(block: TextBlock, writer: ContentWriter, path: string): JsonObject {
  const annotations = (block.citations ?? []).flatMap((citation) => {
    const annotation = writeCitation(citation, block.text.length)
    if (annotation === null || dropsDetail(citation)) writer.losses.add("citations", path)
    return annotation === null ? [] : [annotation]
  })
  const isPlain = annotations.length === 0 && block.logprobs === undefined
  const rest = own(block, writer, path)
  if (isPlain) return { type: "output_text", text: block.text, annotations, ...rest }
  const logprobs = block.logprobs ?? []
  return { type: "output_text", text: block.text, annotations, logprobs, ...rest }
}

/** The annotation; null when this dialect cannot say it. A citation without offsets is about the whole text. */
export function writeCitation(citation: Citation, textLength: number): JsonObject | null {
  if (citation.kind === "raw") return citation.dialect === "responses" ? citation.raw : null
  return {
    type: "url_citation",
    url: citation.url,
    title: citation.title ?? "",
    start_index: citation.start ?? 0,
    end_index: citation.end ?? textLength,
    ...(citation.extra?.dialect === "responses" ? citation.extra.fields : {}),
  }
}

/** Does the annotation leave out what the citation says besides its source and place? */
export function dropsDetail(citation: Citation): boolean {
  if (citation.kind === "raw") return false
  return citation.citedText !== null || (citation.extra !== undefined && citation.extra.dialect !== "responses")
}

/** `detail` is always said: strict servers demand it. */
function image(block: ImageBlock, writer: ContentWriter, path: string): readonly JsonObject[] {
  const { source, detail = "auto" } = block
  const rest = own(block, writer, path)
  if (source.kind === "file") return [{ type: "input_image", file_id: source.id, detail, ...rest }]
  if (source.kind === "url" && !writer.imageUrls && !source.url.startsWith("data:")) return lose(writer, "image", path)
  return [{ type: "input_image", image_url: urlOf(source), detail, ...rest }]
}

function document(block: DocumentBlock, writer: ContentWriter, path: string): readonly JsonObject[] {
  const { source, title } = block
  if (block.context !== undefined) writer.losses.add("document-field", path)
  const rest = own(block, writer, path)
  const named = title === undefined ? {} : { filename: title }
  switch (source.kind) {
    case "file":
      return [{ type: "input_file", file_id: source.id, ...named, ...rest }]
    case "url": {
      const field = source.url.startsWith("data:") ? "file_data" : "file_url"
      return [{ type: "input_file", [field]: source.url, ...named, ...rest }]
    }
    case "base64": {
      const name = title === undefined && !writer.isHome ? { filename: fileName(source.mediaType) } : named
      return [{ type: "input_file", ...name, file_data: urlOf(source), ...rest }]
    }
    case "text":
      return [...titled(block, writer, path), { type: "input_text", text: source.text, ...rest }]
    case "blocks": {
      const inner = source.blocks.flatMap((one, index) => writeParts(one, "input", writer, `${path}.source[${index}]`))
      return [...titled(block, writer, path), ...inner]
    }
  }
}

/** Text has no frame here: the title stands before it as a line of its own. */
function titled(block: DocumentBlock, writer: ContentWriter, path: string): readonly JsonObject[] {
  if (block.title === undefined) return []
  writer.losses.add("document-field", path)
  return [{ type: "input_text", text: `[document: ${block.title}]` }]
}

/** The vendor demands a name for inline data. */
function fileName(mediaType: string): string {
  const kind = /^[a-z]+\/([a-z0-9]{2,5})\b/.exec(mediaType)?.[1]
  return kind === undefined || kind === "plain" ? "document.txt" : `document.${kind}`
}
