/** Content of requests: one plain text as a string, everything else as parts. */

import type { AudioBlock, Block, DocumentBlock, ImageBlock, TextBlock } from "../../canonical/block.ts"
import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import type { Losses } from "../../canonical/loss.ts"
import { inside, type PlaceOf } from "../../canonical/place.ts"
import type { TargetFacts } from "../../canonical/target.ts"
import { dataUrl, markOf, ownFields, stringOf, type MarkField } from "./wire.ts"

export interface PartWriter {
  readonly facts: TargetFacts
  /** The client speaks Chat itself, and may use what only some Chat servers take. */
  readonly isHome: boolean
  readonly losses: Losses
  /** Under which name cache marks are written on parts; null: they are left out. */
  readonly marks: MarkField | null
}

/** "" where nothing is left. */
export function writeContent(blocks: readonly Block[], writer: PartWriter, placeOf: PlaceOf): JsonValue {
  const only = blocks.length === 1 ? blocks[0] : undefined
  if (only?.type === "text" && isBare(only, writer)) {
    noteText(only, writer, placeOf)
    return only.text
  }
  const parts = blocks.flatMap((block) => writePart(block, writer, placeOf))
  if (parts.length === 0) return ""
  return writer.facts.textParts ? parts : joined(parts)
}

/** Some servers (DeepSeek) take no list where all of it is text. */
function joined(parts: readonly JsonObject[]): JsonValue {
  if (parts.some((part) => part["type"] !== "text")) return parts
  return parts.map((part) => stringOf(part["text"]) ?? "").join(TEXT_SEPARATOR)
}

/** Fixed, because prompt caches compare the bytes. */
const TEXT_SEPARATOR = "\n\n"

function isBare(block: TextBlock, writer: PartWriter): boolean {
  return (block.cache === undefined || writer.marks === null) && block.extra === undefined
}

function noteText(block: TextBlock, writer: PartWriter, placeOf: PlaceOf): void {
  if (block.citations !== undefined && block.citations.length > 0) writer.losses.add("citations", placeOf(block))
  noteCache(block, writer, placeOf)
}

function noteCache(block: Block, writer: PartWriter, placeOf: PlaceOf): void {
  if (block.cache !== undefined && writer.marks === null) writer.losses.add("cache-mark", placeOf(block))
}

function writePart(block: Block, writer: PartWriter, placeOf: PlaceOf): readonly JsonObject[] {
  const parts = contentOf(block, writer, placeOf)
  if (block.type === "raw") return parts
  const own = ownFields(block.extra)
  const mark = block.cache === undefined || writer.marks === null ? {} : markOf(block.cache, writer.marks)
  return parts.map((part) => ({ ...own, ...part, ...mark }))
}

function contentOf(block: Block, writer: PartWriter, placeOf: PlaceOf): readonly JsonObject[] {
  switch (block.type) {
    case "text":
      noteText(block, writer, placeOf)
      return [textPart(block.text)]
    case "refusal":
      return [{ type: "refusal", refusal: block.text }]
    case "image":
      noteCache(block, writer, placeOf)
      return imagePart(block, writer, placeOf)
    case "document":
      noteCache(block, writer, placeOf)
      return documentParts(block, writer, placeOf)
    case "audio":
      noteCache(block, writer, placeOf)
      return [audioPart(block)]
    case "raw":
      return [block.raw]
    case "reasoning":
    case "tool-call":
    case "tool-result":
      return []
  }
}

function textPart(text: string): JsonObject {
  return { type: "text", text }
}

function audioPart(block: AudioBlock): JsonObject {
  return { type: "input_audio", input_audio: { data: block.data, format: block.format } }
}

function imagePart(block: ImageBlock, { facts, losses }: PartWriter, placeOf: PlaceOf): readonly JsonObject[] {
  const { source } = block
  if (source.kind === "file") return [{ type: "file", file: { file_id: source.id } }]
  if (source.kind === "url" && !facts.imageUrls) {
    losses.add("image", placeOf(block))
    return []
  }
  const url = source.kind === "url" ? source.url : dataUrl(source.mediaType, source.data)
  return [{ type: "image_url", image_url: { url, ...(block.detail === undefined ? {} : { detail: block.detail }) } }]
}

/** OpenAI refuses data without a name. */
const DEFAULT_FILENAME = "document.pdf"

function documentParts(block: DocumentBlock, writer: PartWriter, placeOf: PlaceOf): readonly JsonObject[] {
  const { source, title } = block
  const { losses } = writer
  if (block.context !== undefined) losses.add("document-field", placeOf(block))
  const name = title === undefined ? {} : { filename: title }
  switch (source.kind) {
    case "file":
      return [{ type: "file", file: { file_id: source.id, ...name } }]
    case "base64": {
      const data = source.mediaType === "" ? source.data : dataUrl(source.mediaType, source.data)
      return [{ type: "file", file: { filename: title ?? DEFAULT_FILENAME, file_data: data } }]
    }
    case "url":
      if (writer.isHome) return [{ type: "file", file: { ...name, file_data: source.url } }]
      losses.add("document", placeOf(block))
      return [textPart(title === undefined ? `[document: ${source.url}]` : `[document: ${title}, ${source.url}]`)]
    case "text":
      return asText([{ type: "text", text: source.text }], title, writer, placeOf(block))
    case "blocks":
      return asText(source.blocks, title, writer, placeOf(block))
  }
}

/** Files of text are none that Chat knows: the text itself goes, under its title. */
function asText(
  blocks: readonly Block[],
  title: string | undefined,
  writer: PartWriter,
  place: string,
): readonly JsonObject[] {
  writer.losses.add("content", place)
  const head = title === undefined ? [] : [textPart(`[document: ${title}]`)]
  return [
    ...head,
    ...blocks
      .filter((block) => block.type !== "text" || block.text !== "")
      .flatMap((block) => writePart(block, writer, inside(place))),
  ]
}
